//! What a client is told when it is made.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tenure_core::{
    Builder, Client, ClientTls, Credentials, Recovery, Restore, Sasl, WhenDisconnected,
    WhenRegressed,
};

use crate::arguments::{Handle, Process, data, invalid, object_mut, text};
use crate::guard::{Fault, guard, guard_or};
use crate::sink::{Sink, tenure_sink};
use crate::status::tenure_status;

/// What a client does when its session is over, or its connection is lost.
pub type tenure_recovery = i32;

/// The client is finished: every later request fails with TENURE_ELOST.
pub const TENURE_RESUME_ONLY: tenure_recovery = 0;
/// A new session starts, in the next epoch; watches of tenure_watch_add() go on in it.
pub const TENURE_RENEW: tenure_recovery = 1;
/// A new session starts whenever a connection is lost, at most one a second, behind the end of the one
/// before: when an epoch is connected, every write of the old one is decided and its ephemerals are gone.
/// Each cut costs the ensemble one or two writes.
pub const TENURE_FRESH: tenure_recovery = 2;

/// Settings for new clients. Belongs to one thread at a time; may be used for any number of clients.
pub struct tenure_options {
    hosts: String,
    session_timeout: Option<Duration>,
    connect_timeout: Option<Duration>,
    safety_margin: Option<Duration>,
    crash_grace: Option<Duration>,
    op_timeout: Option<Duration>,
    when_disconnected: WhenDisconnected,
    when_regressed: WhenRegressed,
    read_only: bool,
    auth: Vec<(String, Bytes)>,
    recovery: Recovery,
    resume: Option<Credentials>,
    pub(crate) tls: Option<ClientTls>,
    pub(crate) sasl: Option<Sasl>,
    events: Option<Arc<Sink>>,
    process: Process,
}

impl Handle for tenure_options {
    const NAME: &'static str = "options";

    fn process(&self) -> Process {
        self.process
    }
}

impl tenure_options {
    /// The core's builder with these settings.
    pub(crate) fn builder(&self) -> Builder {
        let mut builder = Client::builder(self.hosts.clone())
            .op_timeout(self.op_timeout)
            .crash_grace(self.crash_grace)
            .when_disconnected(self.when_disconnected)
            .when_regressed(self.when_regressed)
            .read_only(self.read_only)
            .recovery(self.recovery.clone());
        if let Some(timeout) = self.session_timeout {
            builder = builder.session_timeout(timeout);
        }
        if let Some(timeout) = self.connect_timeout {
            builder = builder.connect_timeout(timeout);
        }
        if let Some(margin) = self.safety_margin {
            builder = builder.safety_margin(margin);
        }
        for (scheme, credential) in &self.auth {
            builder = builder.auth(scheme, credential.clone());
        }
        if let Some(tls) = &self.tls {
            builder = builder.tls(tls.clone());
        }
        if let Some(sasl) = &self.sasl {
            builder = builder.sasl(sasl.clone());
        }
        match &self.resume {
            Some(credentials) => builder.resume(credentials.clone()),
            None => builder,
        }
    }

    pub(crate) fn events(&self) -> Option<Arc<Sink>> {
        self.events.clone()
    }
}

/// Makes options with every setting at its default.
///
/// @param hosts `host:port,host:port/chroot`. The port is 2181 unless given, IPv6 addresses stand in
///        brackets, and every path of the client is relative to the chroot. Checked by
///        tenure_client_new().
/// @return The options; the caller owns them: tenure_options_free(). Null if `hosts` is null or not
///         UTF-8: see tenure_last_error().
///
/// Thread-safety: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_new(hosts: *const c_char) -> *mut tenure_options {
    guard_or(std::ptr::null_mut(), || {
        let options = tenure_options {
            // SAFETY: null or a C string.
            hosts: unsafe { text(hosts, "hosts") }?,
            session_timeout: None,
            connect_timeout: None,
            safety_margin: None,
            crash_grace: None,
            op_timeout: None,
            when_disconnected: WhenDisconnected::Wait,
            when_regressed: WhenRegressed::Stop,
            read_only: false,
            auth: Vec::new(),
            recovery: Recovery::default(),
            resume: None,
            tls: None,
            sasl: None,
            events: None,
            process: Process::current(),
        };
        Ok(Box::into_raw(Box::new(options)))
    })
}

/// Frees options. Null is fine. Clients made with them are not affected; the `drop_user` of their
/// events runs now if no client uses the sink any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_free(options: *mut tenure_options) {
    guard_or((), || {
        if !options.is_null() {
            // SAFETY: not null, made by `tenure_options_new`, and given up by the caller.
            drop(unsafe { Box::from_raw(options) });
        }
        Ok(())
    });
}

/// Applies one setting.
///
/// # Safety
/// `options` is null or alive and used by nobody else.
pub(crate) unsafe fn set(
    options: *mut tenure_options,
    change: impl FnOnce(&mut tenure_options) -> Result<(), Fault>,
) -> tenure_status {
    // SAFETY: as promised by the caller.
    guard(|| change(unsafe { object_mut(options) }?))
}

fn positive(ms: u32, name: &str) -> Result<Duration, Fault> {
    if ms == 0 {
        return Err(invalid(format!("{name} is 0; it is in milliseconds, at least 1")));
    }
    Ok(Duration::from_millis(ms.into()))
}

/// The session timeout to ask for, at least 1 ms; the server may grant another. 10 s unless set.
///
/// @return TENURE_OK, TENURE_EINVAL, TENURE_EFORKED. The same holds for all settings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_session_timeout(
    options: *mut tenure_options,
    ms: u32,
) -> tenure_status {
    let change = |options: &mut tenure_options| {
        options.session_timeout = Some(positive(ms, "session timeout")?);
        Ok(())
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// How long one attempt to connect may take, at least 1 ms. The session timeout divided by the number
/// of hosts unless set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_connect_timeout(
    options: *mut tenure_options,
    ms: u32,
) -> tenure_status {
    let change = |options: &mut tenure_options| {
        options.connect_timeout = Some(positive(ms, "connect timeout")?);
        Ok(())
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// What is taken off the session timeout before the session counts as possibly expired. UINT32_MAX,
/// the default, means nothing with tenure's servers, which never expire a session early, and a quarter of
/// the granted timeout as soon as one connection of the session was to another server. With the whole
/// timeout or more no connection is kept, and nothing is sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_safety_margin(
    options: *mut tenure_options,
    ms: u32,
) -> tenure_status {
    let change = |options: &mut tenure_options| {
        options.safety_margin = (ms != u32::MAX).then(|| Duration::from_millis(ms.into()));
        Ok(())
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// How soon the session is to end when the kernel of this machine closes the connection without a close of
/// the session, as it does when the process crashes. 0, the default, lets it live for its whole timeout.
/// Tenure's servers grant up to the timeout, others ignore it. Every lost connection has to be replaced
/// within the grace as well, and tenure_session_safe_ms() is never more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_crash_grace(
    options: *mut tenure_options,
    ms: u32,
) -> tenure_status {
    let change = |options: &mut tenure_options| {
        options.crash_grace = (ms != 0).then(|| Duration::from_millis(ms.into()));
        Ok(())
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// How long a request may take if it is submitted with a negative timeout. 0, the default, waits for
/// ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_op_timeout(
    options: *mut tenure_options,
    ms: u32,
) -> tenure_status {
    let change = |options: &mut tenure_options| {
        options.op_timeout = (ms != 0).then(|| Duration::from_millis(ms.into()));
        Ok(())
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// Whether requests fail with TENURE_ECONNLOSS while there is no connection. They wait unless set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_fail_when_disconnected(
    options: *mut tenure_options,
    on: bool,
) -> tenure_status {
    let change = |options: &mut tenure_options| {
        options.when_disconnected =
            if on { WhenDisconnected::Fail } else { WhenDisconnected::Wait };
        Ok(())
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// Whether the client forgets what it has seen and goes on when the whole ensemble is behind that, as after
/// it was restored from an older copy. Unless set it is finished then, and every request fails with
/// TENURE_ELOST.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_forget_when_regressed(
    options: *mut tenure_options,
    on: bool,
) -> tenure_status {
    let change = |options: &mut tenure_options| {
        options.when_regressed = if on { WhenRegressed::Forget } else { WhenRegressed::Stop };
        Ok(())
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// Whether servers that only read are accepted. They are not unless set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_read_only(
    options: *mut tenure_options,
    on: bool,
) -> tenure_status {
    let change = |options: &mut tenure_options| {
        options.read_only = on;
        Ok(())
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// Proves an identity on every connection before anything else is asked of the server. May be called
/// several times; the order is kept.
///
/// @param scheme Such as "digest".
/// @param credential Copied. For "digest" it is `user:password`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_auth(
    options: *mut tenure_options,
    scheme: *const c_char,
    credential: *const u8,
    len: usize,
) -> tenure_status {
    let change = |options: &mut tenure_options| {
        // SAFETY: null or a C string.
        let scheme = unsafe { text(scheme, "scheme") }?;
        // SAFETY: null or readable for `len` bytes.
        let credential = unsafe { data(credential, len, "credential") }?;
        options.auth.push((scheme, credential.unwrap_or_default()));
        Ok(())
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// What happens when the session is over, or its connection is lost: TENURE_RENEW, the default,
/// TENURE_RESUME_ONLY or TENURE_FRESH.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_recovery(
    options: *mut tenure_options,
    mode: tenure_recovery,
) -> tenure_status {
    let change = |options: &mut tenure_options| {
        options.recovery = match mode {
            TENURE_RESUME_ONLY => Recovery::ResumeOnly,
            TENURE_RENEW => Recovery::Renew(Restore::default()),
            TENURE_FRESH => Recovery::fresh(),
            other => return Err(invalid(format!("{other} is no recovery mode"))),
        };
        Ok(())
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// Starts by resuming the session that tenure_client_detach() left alive. If it is over, its epoch
/// ends with TENURE_LOST and the recovery mode decides what follows.
///
/// @param token The bytes of tenure_client_detach(), copied. A secret.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_resume(
    options: *mut tenure_options,
    token: *const u8,
    len: usize,
) -> tenure_status {
    let change = |options: &mut tenure_options| {
        // SAFETY: null or readable for `len` bytes.
        let token = unsafe { data(token, len, "token") }?.unwrap_or_default();
        options.resume = Some(Credentials::from_bytes(&token)?);
        Ok(())
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// Where the session events of the client go: every change of its state, from the first. If the
/// program is slow, events that only tell of a connection may be left out, never TENURE_LOST nor the
/// first TENURE_CONNECTED of an epoch.
///
/// Replaces the sink that was set before. `drop_user` runs when the options and all clients made with
/// them are done with the sink; if the call fails, before it returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_events(
    options: *mut tenure_options,
    sink: *const tenure_sink,
) -> tenure_status {
    guard(|| {
        // Before anything can fail, so that the program's pointer is given back in any case.
        // SAFETY: null or a sink.
        let sink = unsafe { Sink::take(sink) }?;
        // SAFETY: null or live options.
        unsafe { object_mut(options) }?.events = Some(sink);
        Ok(())
    })
}
