//! The thread that runs a client's callbacks, one at a time and in order.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use parking_lot::Mutex;

use super::presence::Presence;

thread_local! {
    static IS_CALLBACK_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// One run of a callback.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// Whether the calling thread is the callback thread of some client, where waiting for
/// [`Client::close_with`](super::Client::close_with) to finish would wait for itself. Operations may
/// be waited for there.
pub fn is_callback_thread() -> bool {
    IS_CALLBACK_THREAD.with(Cell::get)
}

/// A queue of callbacks and the thread that runs them, which starts with the first one. It ends when
/// this is dropped and all that were queued have run.
#[derive(Default)]
pub(super) struct Callbacks {
    queue: Mutex<Option<Sender<Job>>>,
    /// Who waits until they have run.
    presence: Option<Arc<Presence>>,
}

impl Callbacks {
    /// Those of a client that a clock looks at, if one does.
    pub fn seen_by(presence: Option<Arc<Presence>>) -> Callbacks {
        Callbacks { queue: Mutex::default(), presence }
    }

    /// Queues a callback. One that panics does not keep the next from running.
    pub fn run(&self, job: Job) {
        let job = match &self.presence {
            Some(presence) => counted(job, presence),
            None => job,
        };
        let mut queue = self.queue.lock();
        let sender = queue.get_or_insert_with(start);
        // The thread only ends after its queue, so it cannot be gone unless it could not be started.
        if let Err(unsent) = sender.send(job) {
            drop(queue);
            (unsent.0)();
        }
    }
}

/// The same, with a note when it has run or has panicked.
fn counted(job: Job, presence: &Arc<Presence>) -> Job {
    struct Returned(Arc<Presence>);
    impl Drop for Returned {
        fn drop(&mut self) {
            self.0.note_returned();
        }
    }
    presence.note_called();
    let returned = Returned(Arc::clone(presence));
    Box::new(move || {
        let _returned = returned;
        job();
    })
}

fn start() -> Sender<Job> {
    let (sender, receiver) = channel::<Job>();
    let run = move || {
        IS_CALLBACK_THREAD.with(|is| is.set(true));
        for job in receiver {
            // The panic was reported by the panic hook; the callback is at fault, not the client.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    };
    // If no thread can be had, the receiver is dropped and `run` falls back to the calling thread.
    let _ = thread::Builder::new().name("tenure-callback".into()).spawn(run);
    sender
}
