//! Where events go: a queue of the program's or a callback, and the pointer that goes with them.

use std::cell::Cell;
use std::ffi::c_void;
use std::mem::{offset_of, size_of};
use std::sync::Arc;

use crate::arguments::{Process, invalid, null};
use crate::content::Content;
use crate::deliveries::{Deliveries, Delivery};
use crate::event::tenure_event;
use crate::guard::Fault;
use crate::queue::{Lane, Line, tenure_queue};

/// Where the events of one request, watch or client go. Zero it, set `struct_size`, and set either
/// `queue` or `on_event`.
///
/// A function that takes a sink copies it and owes one call of `drop_user` for it, also when the
/// function fails: then `drop_user` has run before it returns. (Of a sink whose `struct_size` is too
/// small nothing is read, and nothing is owed.) Otherwise it runs once the last event
/// that carries `user` is over and freed; no event carries it afterwards. It runs on the thread on
/// which that happens: a callback thread, or the one that frees the event.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tenure_sink {
    /// `sizeof(tenure_sink)`. A larger one is accepted if the bytes this release does not know are 0.
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// Events wait here until the program takes them. Must be alive when the sink is handed in; if it
    /// is freed later, its sinks' events go nowhere.
    pub queue: *mut tenure_queue,
    /// Called with each event, which is borrowed and valid until it returns.
    ///
    /// Callbacks of one client run one after another on one library thread, in wire order. A callback
    /// may submit requests, free any handle and start a close; it must not block, and nothing may be
    /// thrown out of it. A slow one delays other events, never the session's heartbeats.
    pub on_event: Option<unsafe extern "C" fn(event: *const tenure_event, user: *mut c_void)>,
    /// Comes back with every event: see tenure_event_user().
    pub user: *mut c_void,
    /// Called exactly once, when `user` is not needed any more; never in a forked child. Must not block.
    /// May be null.
    pub drop_user: Option<unsafe extern "C" fn(user: *mut c_void)>,
}

type OnEvent = unsafe extern "C" fn(event: *const tenure_event, user: *mut c_void);

/// The bytes of [`tenure_sink`] in the first release that had it.
const FIRST_SIZE: usize = offset_of!(tenure_sink, drop_user) + size_of::<*mut c_void>();

thread_local! {
    static CALLBACKS: Cell<u32> = const { Cell::new(0) };
}

/// Whether this thread is inside a callback of the program.
pub(crate) fn is_inside_callback() -> bool {
    CALLBACKS.try_with(Cell::get).unwrap_or(0) > 0
}

/// Marks this thread as being inside a callback while `call` runs.
fn calling_back(call: impl FnOnce()) {
    let count = |by: i32| {
        // A thread that is ending calls back all the same; it only cannot be asked about it.
        let _ = CALLBACKS.try_with(|inside| inside.set(inside.get().saturating_add_signed(by)));
    };
    count(1);
    call();
    count(-1);
}

/// The program's pointer, given back exactly once when the last holder lets go.
pub(crate) struct User {
    pointer: *mut c_void,
    drop_user: Option<unsafe extern "C" fn(user: *mut c_void)>,
    process: Process,
}

// SAFETY: the pointer is only handed back to the program, which is told on which threads.
unsafe impl Send for User {}
// SAFETY: as above; nothing here reads through it.
unsafe impl Sync for User {}

impl User {
    pub(crate) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // After a fork the pointer belongs to the parent; the child has a copy nobody accounted for.
        if let Some(drop_user) = self.drop_user
            && self.process.is_current()
        {
            // SAFETY: the program promised that this function takes this pointer, on any thread.
            calling_back(|| unsafe { drop_user(self.pointer) });
        }
    }
}

enum Target {
    Queue(Arc<Line>),
    Callback(OnEvent),
}

/// A sink that was handed in.
pub(crate) struct Sink {
    target: Target,
    user: Arc<User>,
}

impl Sink {
    /// Takes over a sink from C. On failure the program's pointer has been given back, if it could
    /// be read.
    ///
    /// # Safety
    /// `sink` is null, or its `struct_size` bytes can be read and its queue is null or alive.
    pub(crate) unsafe fn take(sink: *const tenure_sink) -> Result<Arc<Sink>, Fault> {
        if sink.is_null() {
            return Err(null("sink"));
        }
        // SAFETY: not null; the first field can be read whatever the size.
        let size = unsafe { (*sink).struct_size } as usize;
        if size < FIRST_SIZE {
            return Err(invalid(format!(
                "sink.struct_size is {size}, at least {FIRST_SIZE} is needed; set it to \
                 sizeof(tenure_sink)"
            )));
        }
        // SAFETY: the caller promised that this many bytes can be read.
        let given = unsafe { *sink };
        let user = Arc::new(User {
            pointer: given.user,
            drop_user: given.drop_user,
            process: Process::current(),
        });
        // SAFETY: as above.
        let beyond = unsafe {
            std::slice::from_raw_parts(sink.cast::<u8>(), size).get(size_of::<tenure_sink>()..)
        };
        if given.flags != 0 || beyond.is_some_and(|bytes| bytes.iter().any(|&byte| byte != 0)) {
            return Err(invalid("sink uses flags or fields this release does not know"));
        }
        let target = match (given.on_event, given.queue.is_null()) {
            (Some(on_event), true) => Target::Callback(on_event),
            // SAFETY: not null, and alive as promised by the caller.
            (None, false) => Target::Queue(unsafe { tenure_queue::line(given.queue) }?),
            (None, true) => return Err(invalid("sink needs a queue or on_event")),
            (Some(_), false) => return Err(invalid("sink has a queue and on_event; set one")),
        };
        Ok(Arc::new(Sink { target, user }))
    }

    /// An event that carries the pointer of this sink.
    fn event(&self, content: Content) -> tenure_event {
        tenure_event::new(content, Some(self.user.clone()))
    }
}

/// A sink in the service of one client, which waits for it when it is closed.
pub(crate) struct Outlet {
    // Let go before the delivery is counted off, so that `drop_user` has run by then.
    sink: Arc<Sink>,
    _delivery: Delivery,
}

impl Outlet {
    pub(crate) fn new(sink: Arc<Sink>, deliveries: &Arc<Deliveries>) -> Outlet {
        Outlet { sink, _delivery: deliveries.join() }
    }

    /// Hands an event over that is never dropped.
    pub(crate) fn deliver(&self, content: Content) {
        self.deliver_in(content, None);
    }

    /// Hands an event over. In a queue, `lane` bounds how many may wait; a callback has no lane, for
    /// the core does not get ahead of it.
    pub(crate) fn deliver_in(&self, content: Content, lane: Option<&Lane<'_>>) {
        let event = self.sink.event(content);
        match &self.sink.target {
            Target::Queue(line) => line.push(event, lane),
            Target::Callback(on_event) => calling_back(|| {
                // SAFETY: the program promised that this function takes an event and this pointer.
                unsafe { on_event(&raw const event, self.sink.user.pointer()) }
            }),
        }
    }
}

// A field added behind the first ones has to be read by its offset, for older callers end before it.
const _: () = assert!(FIRST_SIZE == size_of::<tenure_sink>());
