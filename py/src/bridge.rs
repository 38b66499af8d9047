//! Wake-ups for one event loop: a queue of numbers, and a descriptor that is readable while there are
//! some.
//!
//! Each waiting coroutine has a number. The core's threads append the numbers of those that can go on
//! and write one byte for a whole burst; the loop reads it and takes them all. Nothing here touches
//! the interpreter from a thread of the core.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::{Wake, Waker};

use parking_lot::Mutex;
use pyo3::prelude::*;

/// One event loop's queue of wake-ups.
#[pyclass(frozen, module = "tenure._tenure")]
pub struct Bridge {
    queue: Arc<Queue>,
    reader: UnixStream,
}

struct Queue {
    ready: Mutex<Vec<u64>>,
    writer: UnixStream,
}

impl Queue {
    fn push(&self, number: u64) {
        let mut ready = self.ready.lock();
        ready.push(number);
        if ready.len() == 1 {
            // A loop that is closed reads no more, and a full pipe is readable already.
            let _ = (&self.writer).write(&[1]);
        }
    }
}

#[pymethods]
impl Bridge {
    #[new]
    fn new() -> PyResult<Bridge> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        Ok(Bridge { queue: Arc::new(Queue { ready: Mutex::new(Vec::new()), writer }), reader })
    }

    /// The descriptor to watch for reading.
    fn fileno(&self) -> i32 {
        self.reader.as_raw_fd()
    }

    /// Queues a number, from any thread.
    fn wake(&self, number: u64) {
        self.queue.push(number);
    }

    /// Takes the numbers of all that can go on; does not wait.
    fn drain(&self) -> Vec<u64> {
        // The byte first: a number that comes after this finds the queue empty again, or not yet
        // taken, and in both cases it is not forgotten.
        let _ = (&self.reader).read(&mut [0; 16]);
        std::mem::take(&mut *self.queue.ready.lock())
    }
}

impl Bridge {
    /// What wakes the coroutine with this number.
    pub fn waker(&self, number: u64) -> Waker {
        Waker::from(Arc::new(Ticket { queue: self.queue.clone(), number }))
    }
}

struct Ticket {
    queue: Arc<Queue>,
    number: u64,
}

impl Wake for Ticket {
    fn wake(self: Arc<Self>) {
        self.queue.push(self.number);
    }
}
