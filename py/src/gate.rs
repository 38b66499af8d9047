//! Waiting without the interpreter lock, and the ways out of it: an answer, a time limit, a signal,
//! the end of the interpreter.
//!
//! A thread that comes back to an interpreter which is shutting down is ended by it on the spot, in
//! the middle of foreign frames. So every wait is counted, and the exit handler ends all of them
//! before the interpreter goes on ([`release_waiters`]). The list is only touched by threads that
//! hold the interpreter lock: a fork, which holds it too, finds it free.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::exceptions::{PyImportError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The wait ended because what it waited for is there.
pub const READY: u8 = 0;
/// The time was up first.
pub const TIMED_OUT: u8 = 1;
/// Nothing was waited for: this thread runs callbacks, which may not block.
pub const ON_CALLBACK_THREAD: u8 = 2;
/// The interpreter is shutting down, and this is not its main thread.
pub const INTERPRETER_ENDING: u8 = 3;

/// How often the main thread looks for signals while it waits.
const SIGNAL_SLICE: Duration = Duration::from_millis(50);
/// How often another thread looks again although nobody woke it.
const IDLE_SLICE: Duration = Duration::from_secs(5);
/// How long the exit handler gives other threads to come out.
const RELEASE_LIMIT: Duration = Duration::from_secs(5);

static IS_ENDING: AtomicBool = AtomicBool::new(false);
static WAITERS: Mutex<Vec<Thread>> = Mutex::new(Vec::new());
static MAIN_THREAD: AtomicU64 = AtomicU64::new(0);
static GET_IDENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

thread_local! {
    static RUNS_CALLBACKS: Cell<bool> = const { Cell::new(false) };
    static IS_MAIN: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Something to wait for. Asked again after each wake-up.
pub trait Waitable: Send + Sync {
    /// Whether it is there; if not, the context is woken when it may be.
    fn poll_ready(&self, context: &mut Context<'_>) -> bool;
}

/// Waits for `what`, at most `limit` seconds; `None` waits for ever. Says how that ended.
pub fn wait(py: Python<'_>, what: &dyn Waitable, limit: Option<f64>) -> PyResult<u8> {
    if RUNS_CALLBACKS.get() {
        return Ok(ON_CALLBACK_THREAD);
    }
    let is_main = is_main_thread(py)?;
    let thread = std::thread::current();
    let waker = Waker::from(Arc::new(Unpark(thread.clone())));
    if what.poll_ready(&mut Context::from_waker(&waker)) {
        return Ok(READY);
    }
    let deadline = limit.map(seconds).and_then(|limit| Instant::now().checked_add(limit));
    let slice = if is_main { SIGNAL_SLICE } else { IDLE_SLICE };
    let _inside = Inside::enter(thread);
    loop {
        if IS_ENDING.load(Ordering::SeqCst) && !is_main {
            return Ok(INTERPRETER_ENDING);
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Ok(TIMED_OUT);
        }
        let is_ready = py.detach(|| {
            std::thread::park_timeout(left.map_or(slice, |left| left.min(slice)));
            what.poll_ready(&mut Context::from_waker(&waker))
        });
        if is_ready {
            return Ok(READY);
        }
        py.check_signals()?;
    }
}

/// Runs something that takes a while, with the interpreter lock released and counted as a wait.
pub fn outside<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    if IS_ENDING.load(Ordering::SeqCst) && !is_main_thread(py)? {
        return Err(PyRuntimeError::new_err("the interpreter is shutting down"));
    }
    let _inside = Inside::enter(std::thread::current());
    Ok(py.detach(work))
}

/// A length of time from seconds. Negative is none at all; too long for a clock is for ever.
pub fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

/// The same, at most a time that no clock overflows with.
pub fn bounded(length: f64) -> Duration {
    seconds(length).min(Duration::from_secs(u32::MAX.into()))
}

/// Marks the calling thread as one that runs callbacks: every wait on it ends at once.
#[pyfunction]
pub fn enter_callback_thread() {
    RUNS_CALLBACKS.set(true);
}

/// For the exit handler: ends the waits of all other threads, and returns when they are out.
#[pyfunction]
pub fn release_waiters(py: Python<'_>) {
    IS_ENDING.store(true, Ordering::SeqCst);
    let own = std::thread::current().id();
    let begin = Instant::now();
    while begin.elapsed() < RELEASE_LIMIT {
        let waiting: Vec<Thread> =
            WAITERS.lock().iter().filter(|thread| thread.id() != own).cloned().collect();
        if waiting.is_empty() {
            return;
        }
        waiting.iter().for_each(Thread::unpark);
        py.detach(|| std::thread::sleep(Duration::from_millis(1)));
    }
}

/// For the child of a fork: the waiting threads stayed with the parent, and the thread that forked
/// is the main one now.
#[pyfunction]
pub fn forget_waiters() {
    WAITERS.lock().clear();
    IS_MAIN.set(Some(true));
    RUNS_CALLBACKS.set(false);
}

/// Keeps a thread in the list. Made and dropped with the interpreter lock held.
struct Inside(Thread);

impl Inside {
    fn enter(thread: Thread) -> Inside {
        WAITERS.lock().push(thread.clone());
        Inside(thread)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let mut waiters = WAITERS.lock();
        if let Some(at) = waiters.iter().position(|thread| thread.id() == self.0.id()) {
            waiters.swap_remove(at);
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Finds out which thread is the main one. To be called once, while the module is loaded.
pub fn bind(py: Python<'_>) -> PyResult<()> {
    let main = py.import("threading")?.call_method0("main_thread")?.getattr("ident")?;
    MAIN_THREAD.store(main.extract::<Option<u64>>()?.unwrap_or(0), Ordering::Relaxed);
    let get_ident = py.import("_thread")?.getattr("get_ident")?.unbind();
    GET_IDENT.set(py, get_ident).map_err(|_| PyImportError::new_err("loaded twice"))
}

// Runs no line of Python, so that the end of the interpreter cannot come in between.
fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    if let Some(known) = IS_MAIN.get() {
        return Ok(known);
    }
    let get_ident = GET_IDENT.get(py).expect("the module is bound before it has a class to call");
    let own = get_ident.bind(py).call0()?.extract::<u64>()?;
    let is_main = own == MAIN_THREAD.load(Ordering::Relaxed);
    IS_MAIN.set(Some(is_main));
    Ok(is_main)
}
