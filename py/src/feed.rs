//! Streams of the core, read item by item: states and watches.
//!
//! An item leaves the core's bounded buffer when it is taken, not before, apart from one that is
//! looked at to know that there is one. So the buffer's promise about slow readers holds.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use parking_lot::Mutex;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyList;
use tenure_core::{Error, Result, SessionEvent, States, WatchItem, WatchStream};

use super::bridge::Bridge;
use super::failure::Failure;
use super::gate::{self, Waitable};
use super::values;

struct Feed<S: Stream> {
    reading: Mutex<Reading<S>>,
    process: u32,
}

struct Reading<S: Stream> {
    /// `None` once it is closed or has ended.
    stream: Option<Pin<Box<S>>>,
    next: Option<S::Item>,
    waker: Option<Waker>,
}

impl<S: Stream> Reading<S> {
    /// Whether an item, or the end, is there.
    fn look(&mut self, context: &mut Context<'_>) -> bool {
        if self.next.is_some() {
            return true;
        }
        let Some(stream) = &mut self.stream else { return true };
        match stream.as_mut().poll_next(context) {
            Poll::Ready(Some(item)) => self.next = Some(item),
            Poll::Ready(None) => self.stream = None,
            Poll::Pending => {
                self.waker = Some(context.waker().clone());
                return false;
            }
        }
        true
    }
}

impl<S: Stream> Feed<S> {
    fn new(stream: S) -> Feed<S> {
        let reading = Reading { stream: Some(Box::pin(stream)), next: None, waker: None };
        Feed { reading: Mutex::new(reading), process: std::process::id() }
    }

    // In a forked child the lock may be held by a thread that does not exist there.
    fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }

    /// What is there; an item that `stands_alone` comes in a list of its own.
    fn take(&self, limit: usize, stands_alone: fn(&S::Item) -> bool) -> Vec<S::Item> {
        let mut reading = self.reading.lock();
        let mut context = Context::from_waker(Waker::noop());
        let mut items = Vec::new();
        while items.len() < limit && reading.look(&mut context) {
            match reading.next.take() {
                Some(item) if !items.is_empty() && stands_alone(&item) => {
                    reading.next = Some(item);
                    break;
                }
                Some(item) => items.push(item),
                None => break,
            }
        }
        items
    }

    fn has_ended(&self) -> bool {
        let reading = self.reading.lock();
        reading.stream.is_none() && reading.next.is_none()
    }

    fn close(&self) {
        if self.is_inherited() {
            return;
        }
        let (stream, waker) = {
            let mut reading = self.reading.lock();
            reading.next = None;
            (reading.stream.take(), reading.waker.take())
        };
        drop(stream);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<S: Stream + Send> Waitable for Feed<S>
where
    S::Item: Send,
{
    fn poll_ready(&self, context: &mut Context<'_>) -> bool {
        self.is_inherited() || self.reading.lock().look(context)
    }
}

macro_rules! feed {
    ($(#[$doc:meta])* $name:ident, $stream:ty, $stands_alone:expr, $value:expr) => {
        $(#[$doc])*
        #[pyclass(frozen, module = "tenure._tenure")]
        pub struct $name(Arc<Feed<$stream>>);

        #[pymethods]
        impl $name {
            /// Waits with the interpreter lock released, at most `limit` seconds, until there is an
            /// item or the end, and says how it ended.
            #[pyo3(signature = (limit=None))]
            fn wait(&self, py: Python<'_>, limit: Option<f64>) -> PyResult<u8> {
                gate::wait(py, &*self.0, limit)
            }

            /// Whether there is an item or the end; if not, `number` goes to the bridge when there
            /// may be.
            fn poll(&self, bridge: &Bridge, number: u64) -> bool {
                self.0.poll_ready(&mut Context::from_waker(&bridge.waker(number)))
            }

            /// Takes what is there, at most `limit` items; a `Failure` comes alone.
            fn take(&self, py: Python<'_>, limit: usize) -> PyResult<Py<PyList>> {
                let list = PyList::empty(py);
                if self.0.is_inherited() {
                    list.append(Failure::new(Error::Forked))?;
                    return Ok(list.unbind());
                }
                for item in self.0.take(limit, $stands_alone) {
                    list.append($value(py, item)?)?;
                }
                Ok(list.unbind())
            }

            /// Whether nothing more will come.
            #[getter]
            fn has_ended(&self) -> bool {
                self.0.is_inherited() || self.0.has_ended()
            }

            /// Ends it; whoever waits is woken.
            fn close(&self) {
                self.0.close();
            }
        }

        impl $name {
            pub fn new(stream: $stream) -> $name {
                $name(Arc::new(Feed::new(stream)))
            }
        }
    };
}

feed! {
    /// The items of a persistent watch.
    WatchFeed, WatchStream, Result::is_err, watched
}
feed! {
    /// The states of a client.
    StateFeed, States, |_| false, stated
}

fn watched(py: Python<'_>, item: Result<WatchItem>) -> PyResult<Py<PyAny>> {
    match item {
        Ok(item) => values::watch_item(py, item),
        Err(error) => Failure::new(error).into_py_any(py),
    }
}

fn stated(py: Python<'_>, event: SessionEvent) -> PyResult<Py<PyAny>> {
    values::session_event(py, &event)
}
