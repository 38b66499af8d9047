//! The answer to one thing that was asked of the core: pending, there, or taken.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use tenure_core::{Credentials, Error, LossReason, Reply, Result, WatchItem, WatchStream};

use super::bridge::Bridge;
use super::failure::{self, Failure};
use super::feed::WatchFeed;
use super::gate::{self, Waitable};
use super::shape::Shape;
use super::values;

/// What an answer can be, as plain data.
pub enum Done {
    Nothing,
    Reply(Reply),
    Watch(WatchStream),
    Item(WatchItem),
    Credentials(Credentials),
    Reason(LossReason),
}

type Work = Pin<Box<dyn Future<Output = Result<Done>> + Send>>;

enum State {
    /// Somebody will call `fill`.
    Pending(Option<Waker>),
    /// The one who waits drives it.
    Driven(Work),
    Ready(Result<Done>),
    Taken,
}

/// Where the core puts an answer, and where the package waits for it.
pub struct Slot {
    state: Mutex<State>,
    process: u32,
}

impl Slot {
    fn new(state: State) -> Arc<Slot> {
        Arc::new(Slot { state: Mutex::new(state), process: std::process::id() })
    }

    /// Puts the answer in, unless nobody wants it any more.
    pub fn fill(&self, result: Result<Done>) {
        let before = {
            let mut state = self.state.lock();
            match *state {
                State::Pending(_) => std::mem::replace(&mut *state, State::Ready(result)),
                _ => return,
            }
        };
        if let State::Pending(Some(waker)) = before {
            waker.wake();
        }
    }

    // In a forked child the lock may be held by a thread that does not exist there.
    fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }

    fn take(&self) -> Result<Done> {
        if self.is_inherited() {
            return Err(Error::Forked);
        }
        let mut state = self.state.lock();
        // A failure stays, so that whoever asks again hears the same.
        if let State::Ready(Err(error)) = &*state {
            return Err(error.clone());
        }
        match std::mem::replace(&mut *state, State::Taken) {
            State::Ready(result) => result,
            _ => Err(Error::Invalid("this answer was taken already".into())),
        }
    }
}

impl Waitable for Slot {
    fn poll_ready(&self, context: &mut Context<'_>) -> bool {
        if self.is_inherited() {
            return true;
        }
        let mut state = self.state.lock();
        match &mut *state {
            State::Ready(_) | State::Taken => return true,
            State::Pending(waker) => {
                *waker = Some(context.waker().clone());
                return false;
            }
            State::Driven(work) => match work.as_mut().poll(context) {
                Poll::Pending => return false,
                Poll::Ready(result) => *state = State::Ready(result),
            },
        }
        true
    }
}

/// The answer to one request. Waiting for it and taking it are two steps, so that a wait can be
/// given up without losing anything.
#[pyclass(frozen, module = "tenure._tenure")]
pub struct Answer {
    slot: Arc<Slot>,
    shape: Shape,
}

#[pymethods]
impl Answer {
    /// Waits with the interpreter lock released, at most `limit` seconds, and says how it ended.
    #[pyo3(signature = (limit=None))]
    fn wait(&self, py: Python<'_>, limit: Option<f64>) -> PyResult<u8> {
        gate::wait(py, &*self.slot, limit)
    }

    /// Whether the answer is there; if not, `number` goes to the bridge when it may be.
    fn poll(&self, bridge: &Bridge, number: u64) -> bool {
        self.slot.poll_ready(&mut Context::from_waker(&bridge.waker(number)))
    }

    /// Hands the answer out: a value, once, or a `Failure`.
    fn take(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self.slot.take() {
            Ok(done) => self.value(py, done),
            Err(error) => match self.shape.forgives(&error) {
                Some(value) => value.into_py_any(py),
                None => self.shape.failure(error).into_py_any(py),
            },
        }
    }

    /// Gives it up: whoever waits gets a `Failure`, and a later answer is dropped.
    fn abandon(&self) {
        if !self.slot.is_inherited() {
            self.slot.fill(Err(Error::WatchRemoved));
        }
    }
}

impl Answer {
    /// An answer that a callback fills, and what to fill it with.
    pub fn pending(shape: Shape) -> (Answer, Arc<Slot>) {
        let slot = Slot::new(State::Pending(None));
        (Answer { slot: slot.clone(), shape }, slot)
    }

    /// An answer that whoever waits for it drives.
    pub fn driven(work: impl Future<Output = Result<Done>> + Send + 'static) -> Answer {
        Answer { slot: Slot::new(State::Driven(Box::pin(work))), shape: Shape::Nothing }
    }

    fn value(&self, py: Python<'_>, done: Done) -> PyResult<Py<PyAny>> {
        match done {
            Done::Nothing => Ok(py.None()),
            Done::Reply(reply) => self.shape.value(py, reply),
            Done::Watch(stream) => WatchFeed::new(stream).into_py_any(py),
            Done::Item(item) => values::watch_item(py, item),
            Done::Credentials(credentials) => values::credentials(py, &credentials),
            Done::Reason(reason) => failure::number(reason).into_py_any(py),
        }
    }
}

impl From<Error> for Answer {
    /// An answer that is there from the start.
    fn from(error: Error) -> Answer {
        Answer { slot: Slot::new(State::Ready(Err(error))), shape: Shape::Nothing }
    }
}

impl Shape {
    fn failure(&self, error: Error) -> Failure {
        match self {
            Shape::Transaction(paths) => Failure::of_multi(error, paths.clone()),
            _ => Failure::new(error),
        }
    }
}
