//! Persistent watches: a sink that hears of every change until it is told that it is over.

use std::ffi::c_char;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tenure_core::base::limits::WATCH_BUFFER;
use tenure_core::{Change, Error, ResyncReason, Watch, WatchItem, WatchMode, WatchOptions};

use crate::arguments::{invalid, place, text};
use crate::client::{tenure_client, with};
use crate::compose::check_path;
use crate::content::{Content, Part};
use crate::event::{
    TENURE_CHILDREN, TENURE_CREATED, TENURE_DATA, TENURE_DELETED, TENURE_KIND_END,
    TENURE_KIND_NODE, TENURE_KIND_RESYNC, TENURE_RESYNC_NEW_SESSION, TENURE_RESYNC_OVERFLOW,
    TENURE_RESYNC_RECONNECTED,
};
use crate::guard::{Fault, c_text, guard, guard_or};
use crate::life::Life;
use crate::queue::{Lane, Room, WhenFull};
use crate::reply;
use crate::sink::{Outlet, Sink, tenure_sink};
use crate::status::tenure_status;

/// For tenure_watch_add(): also everything below the znode, at any depth.
pub const TENURE_WATCH_RECURSIVE: u32 = 1;

/// A persistent watch.
pub struct tenure_watch {
    is_freed: Arc<AtomicBool>,
    // Only kept: dropping it removes the watch.
    _core: Watch,
}

/// Watches a znode, which need not exist, until the watch is freed or the client is finished. Returns
/// at once.
///
/// `sink` first gets one TENURE_KIND_REPLY when the watch is in place: requests submitted after this
/// call are carried out after that. Then TENURE_KIND_NODE for every change, in order: creation,
/// deletion and data of the znode and its list of children; with TENURE_WATCH_RECURSIVE creation,
/// deletion and data of it and of every znode below, without lists of children. Wherever changes may be
/// missing, because the connection was lost, a new session began or the program was slow,
/// TENURE_KIND_RESYNC stands. Last comes exactly one TENURE_KIND_END: with the code of the server if
/// the watch could not be put in place, else with TENURE_ECLOSED, TENURE_ELOST or TENURE_ECANCELED.
///
/// @param flags TENURE_WATCH_RECURSIVE or 0.
/// @param buffer How many changes may wait for the program; one more, and all that wait become one
///        TENURE_KIND_RESYNC. 0 for the usual 1024.
/// @param sink Copied. `drop_user` runs after the last event.
/// @param out Receives the watch. The caller owns it: tenure_watch_free().
/// @return TENURE_OK; otherwise there is no event: TENURE_EINVAL for null, unknown flags and a path
///         that is not valid; TENURE_ECLOSED if a close was started; TENURE_EFORKED.
///
/// Thread-safety: any thread, also callback threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_watch_add(
    client: *const tenure_client,
    path: *const c_char,
    flags: u32,
    buffer: u32,
    sink: *const tenure_sink,
    out: *mut *mut tenure_watch,
) -> tenure_status {
    guard(|| {
        // Before anything can fail, so that the program's pointer is given back in any case.
        // SAFETY: null or a sink.
        let sink = unsafe { Sink::take(sink) }?;
        let add = |client: &tenure_client| {
            // SAFETY: null or writable.
            let out = unsafe { place(out, "out") }?;
            // SAFETY: null or a C string.
            let path = unsafe { text(path, "path") }?;
            check_path(&path)?;
            client.life().check_open()?;
            let mode = match flags {
                0 => WatchMode::Persistent,
                TENURE_WATCH_RECURSIVE => WatchMode::PersistentRecursive,
                other => return Err(invalid(format!("flags {other:#x} are not all known"))),
            };
            let buffer = if buffer == 0 { WATCH_BUFFER } else { buffer as usize };
            let options = WatchOptions::new(mode).buffer(buffer);
            let voice = Voice::new(client, sink, buffer);
            let is_freed = voice.is_freed.clone();
            let added = voice.clone();
            let core = client.core().watch_to(
                &path,
                options,
                move |item| voice.say(item),
                move |result| added.added(result),
            );
            let watch = tenure_watch { is_freed, _core: core };
            *out = Box::into_raw(Box::new(watch));
            Ok(())
        };
        // SAFETY: null or a live client.
        unsafe { with(client, add) }
    })
}

/// Removes the watch in the background. Null is fine. After this returns no new event starts, not even
/// TENURE_KIND_END; `drop_user` of the sink tells when the last one is over. Events that wait in a queue
/// stay there.
///
/// Thread-safety: any thread, also in callbacks, but no other may use the watch at the same time or
/// later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_watch_free(watch: *mut tenure_watch) {
    guard_or((), || {
        if watch.is_null() {
            return Ok(());
        }
        // SAFETY: not null, made by this library, and given up by the caller.
        let watch = unsafe { Box::from_raw(watch) };
        watch.is_freed.store(true, Ordering::Release);
        drop(watch);
        Ok(())
    });
}

/// What speaks to the sink of a watch: falls silent when the watch is freed, and says END otherwise.
struct Voice {
    life: Arc<Life>,
    room: Arc<Room>,
    is_freed: Arc<AtomicBool>,
    // `None` once nothing more will be said.
    outlet: Mutex<Option<Arc<Outlet>>>,
}

impl Voice {
    fn new(client: &tenure_client, sink: Arc<Sink>, buffer: usize) -> Arc<Voice> {
        Arc::new(Voice {
            life: client.life().clone(),
            room: Room::new(buffer, WhenFull::Collapse),
            is_freed: Arc::default(),
            outlet: Mutex::new(Some(Arc::new(client.life().outlet(sink)))),
        })
    }

    fn fall_silent(&self) {
        let outlet = self.outlet.lock().take();
        drop(outlet);
    }

    fn added(&self, result: Result<(), Error>) {
        match result {
            Ok(()) => self.deliver(reply::of_result(&Ok(())), false),
            Err(error) => self.end(&error.into()),
        }
    }

    fn say(&self, item: Result<WatchItem, Error>) {
        match item {
            Ok(item) => self.deliver(content_of(Ok(item)), true),
            Err(error) => self.end(&error.into()),
        }
    }

    fn deliver(&self, content: Content, in_room: bool) {
        // The program is called without the lock, for it may do anything.
        let outlet = self.outlet.lock().clone();
        if let Some(outlet) = outlet
            && !self.is_freed.load(Ordering::Acquire)
        {
            let lane = Lane { room: &self.room, is_kept: false };
            outlet.deliver_in(self.life.stamped(content), in_room.then_some(&lane));
        }
    }

    fn end(&self, fault: &Fault) {
        self.deliver(Content::from(fault), false);
        self.fall_silent();
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        // Whatever ended it without a word: the program is told once. If it was told, it is silent.
        self.end(&Error::Closed.into());
    }
}

/// What an item of a watch says; an error is its end.
pub(crate) fn content_of(item: Result<WatchItem, Error>) -> Content {
    match item {
        Ok(WatchItem::Changed { change, path, .. }) => Content {
            change: change_of(change),
            parts: vec![Part { path: c_text(&path), ..Part::default() }],
            ..Content::new(TENURE_KIND_NODE)
        },
        Ok(WatchItem::Resync { reason, epoch }) => {
            let (change, text) = resync(reason);
            Content {
                change,
                epoch: epoch.0,
                text: c_text(text),
                ..Content::new(TENURE_KIND_RESYNC)
            }
        }
        // An item this release does not know may mean anything: read again.
        Ok(_) => Content::new(TENURE_KIND_RESYNC),
        Err(error) => Content { kind: TENURE_KIND_END, ..Content::from(&Fault::from(error)) },
    }
}

fn change_of(change: Change) -> i32 {
    match change {
        Change::Created => TENURE_CREATED,
        Change::Deleted => TENURE_DELETED,
        Change::Data => TENURE_DATA,
        Change::Children => TENURE_CHILDREN,
    }
}

fn resync(reason: ResyncReason) -> (i32, &'static str) {
    match reason {
        ResyncReason::Reconnected => (TENURE_RESYNC_RECONNECTED, "the connection was lost"),
        ResyncReason::NewSession => (TENURE_RESYNC_NEW_SESSION, "a new session took over"),
        ResyncReason::Overflow => (TENURE_RESYNC_OVERFLOW, "the program was too slow"),
        _ => (0, ""),
    }
}
