//! Requests on their way: submitted with a sink, or waited for.

use std::ptr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tenure_core::{Error, Reply, Request, RequestOptions};

use crate::arguments::{invalid, may_block};
use crate::client::{tenure_client, with};
use crate::compose::{Composed, compose};
use crate::content::Content;
use crate::event::tenure_event;
use crate::guard::{Fault, guard};
use crate::life::Life;
use crate::reply::{Asked, of_request};
use crate::request::{self, tenure_request};
use crate::sink::{Outlet, Sink, tenure_sink};
use crate::status::{TENURE_OK, TENURE_UNKNOWN, tenure_status};
use crate::watch;

/// Hands a request to the client and returns at once. Requests reach the server in the order in which
/// they are submitted, on whatever handle of the client.
///
/// @param request Taken in every case, also on failure.
/// @param sink Where the reply goes. Copied.
/// @param timeout_ms The request fails with TENURE_ETIMEDOUT if there is no answer within this time.
///        Negative: as tenure_options_op_timeout() says.
/// @return TENURE_OK, and then exactly one event of TENURE_KIND_REPLY goes to the sink. Otherwise none
///         does, and nothing was sent: TENURE_EINVAL for null, for a null or contradictory request and
///         for a path that is not valid; TENURE_ECLOSED if a close was started; TENURE_EFORKED.
///
/// The reply has TENURE_OK, the server's code, or TENURE_ETIMEDOUT, TENURE_ECONNLOSS, TENURE_ELOST if the
/// client is finished or the session it is pinned to is over, TENURE_EAGAIN if too many requests wait.
///
/// Thread-safety: any thread, also callback threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_submit(
    client: *const tenure_client,
    request: *mut tenure_request,
    sink: *const tenure_sink,
    timeout_ms: i64,
) -> tenure_status {
    guard(|| {
        // Both before anything can fail, so that neither is leaked.
        // SAFETY: null or made by a constructor, and given up by the caller.
        let request = unsafe { request::take(request) };
        // SAFETY: null or a sink.
        let sink = unsafe { Sink::take(sink) };
        let submit = |client: &tenure_client| {
            let (request, sink) = (request?, sink?);
            let ready = Ready::new(client, *request, timeout_ms)?;
            let outlet = client.life().outlet(sink);
            let owed = Owed { outlet, life: client.life().clone(), is_paid: false };
            ready.submit(client, move |content| owed.pay(content));
            Ok(())
        };
        // SAFETY: null or a live client.
        unsafe { with(client, submit) }
    })
}

/// Hands a request to the client and waits for the reply. Slow callbacks of the client delay it.
///
/// @param request Taken in every case, also on failure.
/// @param timeout_ms As for tenure_submit().
/// @param out Receives the reply, also if it says that the request failed; null if there is none. The
///        caller owns it: tenure_event_free(). May be null if the reply is of no interest.
/// @return The status of the reply, or what tenure_submit() fails with; TENURE_EDEADLK on a callback
///         thread. A text for tenure_last_error() goes with either.
///
/// Thread-safety: any thread but a callback thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_call(
    client: *const tenure_client,
    request: *mut tenure_request,
    timeout_ms: i64,
    out: *mut *mut tenure_event,
) -> tenure_status {
    guard(|| {
        // SAFETY: null or made by a constructor, and given up by the caller.
        let request = unsafe { request::take(request) };
        // SAFETY: null or writable.
        let mut out = unsafe { out.as_mut() };
        if let Some(out) = &mut out {
            **out = ptr::null_mut();
        }
        let call = |client: &tenure_client| {
            may_block()?;
            let (answer, waiting) = mpsc::sync_channel(1);
            let life = client.life().clone();
            Ready::new(client, *request?, timeout_ms)?.submit(client, move |content| {
                // Nobody else receives, and the caller waits.
                let _ = answer.send(life.stamped(content));
            });
            let content = waiting.recv().unwrap_or_else(|_| unanswered());
            let result = failure_of(&content);
            if let Some(out) = out {
                *out = Box::into_raw(Box::new(tenure_event::new(content, None)));
            }
            result
        };
        // SAFETY: null or a live client.
        unsafe { with(client, call) }
    })
}

/// A request that can be submitted.
struct Ready {
    request: Request,
    options: RequestOptions,
    asked: Asked,
}

impl Ready {
    fn new(
        client: &tenure_client,
        mut described: tenure_request,
        timeout_ms: i64,
    ) -> Result<Ready, Fault> {
        client.life().check_open()?;
        let mut options = RequestOptions::new();
        if let Ok(millis) = u64::try_from(timeout_ms) {
            options = options.timeout(Duration::from_millis(millis));
        }
        if let Some(pin) = described.pin.take() {
            if !Arc::ptr_eq(&pin.life, client.life()) {
                return Err(invalid("the request is pinned to a session of another client"));
            }
            options = options.pin(pin.epoch);
        }
        if let Some(sink) = described.watch.take() {
            let (life, outlet) = (client.life().clone(), client.life().outlet(sink));
            options = options.watch(move |item| {
                outlet.deliver(life.stamped(watch::content_of(item)));
            });
        }
        let Composed { request, asked, parents } = compose(described)?;
        Ok(Ready { request, options: options.parents(parents), asked })
    }

    /// `done` gets the content of the reply, not yet stamped.
    fn submit(self, client: &tenure_client, done: impl FnOnce(Content) + Send + 'static) {
        let Ready { request, options, asked } = self;
        let finish = move |result: Result<Reply, Error>| done(of_request(&asked, result));
        client.core().submit(request, options, finish);
    }
}

/// A reply that is owed to a sink: exactly one, whatever becomes of the request.
struct Owed {
    outlet: Outlet,
    life: Arc<Life>,
    is_paid: bool,
}

impl Owed {
    fn pay(mut self, content: Content) {
        self.outlet.deliver(self.life.stamped(content));
        self.is_paid = true;
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if !self.is_paid {
            self.outlet.deliver(self.life.stamped(unanswered()));
        }
    }
}

/// The reply to a request whose client ended without answering it.
fn unanswered() -> Content {
    Content { outcome: TENURE_UNKNOWN, ..of_request(&Asked::default(), Err(Error::Closed)) }
}

fn failure_of(content: &Content) -> Result<(), Fault> {
    if content.status == TENURE_OK {
        return Ok(());
    }
    Err(Fault::new(content.status, content.text.to_string_lossy()))
}
