//! What an embedded server is told before it starts.

use std::ffi::c_char;
use std::net::{SocketAddr, ToSocketAddrs};

use tenure_core::server::{ClientAuth, ServerBuilder, ServerTls};

use crate::arguments::{Handle, Process, invalid, object, object_mut, optional, place, text};
use crate::guard::{Fault, guard, guard_or};
use crate::server::{start, tenure_server};
use crate::status::tenure_status;

/// Settings for new servers. Belongs to one thread at a time; may be used for any number of servers.
pub struct tenure_server_options {
    listen: SocketAddr,
    builder: ServerBuilder,
    tls: Option<ServerTls>,
    plain_too: bool,
    process: Process,
}

impl Handle for tenure_server_options {
    const NAME: &'static str = "server options";

    fn process(&self) -> Process {
        self.process
    }
}

impl tenure_server_options {
    /// The core's builder with these settings.
    fn builder(&self) -> ServerBuilder {
        let builder = self.builder.clone();
        match &self.tls {
            None => builder,
            Some(tls) if self.plain_too => builder.tls(tls.clone()).tls_on_same_port(true),
            Some(tls) => builder.tls(tls.clone()).listen_tls(self.listen).without_plain_port(),
        }
    }
}

/// Makes options with every setting at its default: in memory, for everybody who can reach the port.
///
/// @param listen `address:port`, such as "127.0.0.1:2181"; port 0 takes a free one.
/// @return The options; the caller owns them: tenure_server_options_free(). Null if `listen` is null or no
///         address: see tenure_last_error().
///
/// Thread-safety: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_options_new(
    listen: *const c_char,
) -> *mut tenure_server_options {
    guard_or(std::ptr::null_mut(), || {
        // SAFETY: null or a C string.
        let listen = address(&unsafe { text(listen, "listen") }?)?;
        let options = tenure_server_options {
            listen,
            builder: ServerBuilder::default().listen(listen),
            tls: None,
            plain_too: false,
            process: Process::current(),
        };
        Ok(Box::into_raw(Box::new(options)))
    })
}

/// The address a text names.
pub(crate) fn address(listen: &str) -> Result<SocketAddr, Fault> {
    let address = listen.to_socket_addrs().ok().and_then(|mut found| found.next());
    address.ok_or_else(|| invalid(format!("{listen:?} is no address:port such as 127.0.0.1:0")))
}

/// Frees options. Null is fine. Servers made with them are not affected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_options_free(options: *mut tenure_server_options) {
    guard_or((), || {
        if !options.is_null() {
            // SAFETY: not null, made by `tenure_server_options_new`, and given up by the caller.
            drop(unsafe { Box::from_raw(options) });
        }
        Ok(())
    });
}

/// Applies one setting.
///
/// # Safety
/// `options` is null or alive and used by nobody else.
unsafe fn set(
    options: *mut tenure_server_options,
    change: impl FnOnce(ServerBuilder) -> Result<ServerBuilder, Fault>,
) -> tenure_status {
    guard(|| {
        // SAFETY: as promised by the caller.
        let options = unsafe { object_mut(options) }?;
        options.builder = change(options.builder.clone())?;
        Ok(())
    })
}

/// Speaks TLS 1.3 or 1.2 on the server's port, and with nobody who does not.
///
/// Files are PEM. tenure_server_start_with() reads them, and refuses what cannot be used; when they change,
/// new connections have what is in them then.
///
/// @param cert The server's chain of certificates, its own first.
/// @param key Its private key: PKCS#8, PKCS#1 or SEC1, not encrypted. Null if it stands in `cert` too.
/// @param client_ca The authorities whose certificates prove a client; every client has to show one then,
///        and its subject is an identity of the scheme x509. Null asks for none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_options_tls_pem(
    options: *mut tenure_server_options,
    cert: *const c_char,
    key: *const c_char,
    client_ca: *const c_char,
) -> tenure_status {
    guard(|| {
        // SAFETY: null or live options.
        let options = unsafe { object_mut(options) }?;
        // SAFETY: null or C strings.
        let (cert, key, client_ca) = unsafe {
            (text(cert, "cert")?, optional(key, "key")?, optional(client_ca, "client_ca")?)
        };
        let tls = ServerTls::pem(cert.clone(), key.unwrap_or(cert));
        options.tls = Some(match client_ca {
            Some(file) => tls.client_ca(file).client_auth(ClientAuth::Need),
            None => tls.client_auth(ClientAuth::None),
        });
        Ok(())
    })
}

/// Whether a port that speaks TLS takes plain connections too, told apart by the first byte a client sends.
/// It does not unless set; without TLS it means nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_options_plain_too(
    options: *mut tenure_server_options,
    on: bool,
) -> tenure_status {
    guard(|| {
        // SAFETY: null or live options.
        unsafe { object_mut(options) }?.plain_too = on;
        Ok(())
    })
}

/// A directory to keep everything in, made if it does not exist; see tenure_server_start().
///
/// @return TENURE_OK, TENURE_EINVAL, TENURE_EFORKED. The same holds for all settings; what cannot be meant
///         is refused by tenure_server_start_with().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_options_data_dir(
    options: *mut tenure_server_options,
    data_dir: *const c_char,
) -> tenure_status {
    // SAFETY: null or a C string.
    let change =
        |builder: ServerBuilder| Ok(builder.data_dir(unsafe { text(data_dir, "data_dir") }?));
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// A user who can log in by SASL, with either mechanism; to be called once for each. Takes some
/// milliseconds: the password is turned into what the mechanisms need, and not kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_options_sasl_user(
    options: *mut tenure_server_options,
    user: *const c_char,
    password: *const c_char,
) -> tenure_status {
    let change = |builder: ServerBuilder| {
        // SAFETY: null or C strings.
        let (user, password) = unsafe { (text(user, "user")?, text(password, "password")?) };
        Ok(builder.sasl_user(&user, &password))
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// The digest id whose holder may do everything, `super:HASH`, with the hash of `super:PASSWORD`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_options_super_digest(
    options: *mut tenure_server_options,
    id: *const c_char,
) -> tenure_status {
    // SAFETY: null or a C string.
    let change = |builder: ServerBuilder| Ok(builder.super_digest(unsafe { text(id, "id") }?));
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// Schemes one of which a connection has to have proven itself by before it asks for anything. Replaces
/// what was set before.
///
/// @param schemes Their names with commas between, such as "sasl,x509".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_options_require_auth(
    options: *mut tenure_server_options,
    schemes: *const c_char,
) -> tenure_status {
    let change = |builder: ServerBuilder| {
        // SAFETY: null or a C string.
        let schemes = unsafe { text(schemes, "schemes") }?;
        let names = schemes.split(',').map(str::trim).filter(|name| !name.is_empty());
        Ok(builder.require_auth(names))
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// The four-letter words that are answered. Unless set, those that cost little: ruok, srvr, stat, mntr,
/// conf, isro. A word that does not exist makes the start fail with TENURE_EINVAL.
///
/// @param words Their names with commas between, such as "ruok,srvr,cons", or "*" for all of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_options_words(
    options: *mut tenure_server_options,
    words: *const c_char,
) -> tenure_status {
    // SAFETY: null or a C string.
    let change = |builder: ServerBuilder| Ok(builder.words(&unsafe { text(words, "words") }?));
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// Whether the hard limits of quotas are kept: what would exceed one fails with TENURE_QUOTA_EXCEEDED.
/// Counted against they are in any case. They are not kept unless set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_options_enforce_quota(
    options: *mut tenure_server_options,
    on: bool,
) -> tenure_status {
    // SAFETY: null or live options.
    unsafe { set(options, |builder| Ok(builder.enforce_quota(on))) }
}

/// Starts a server with these options. Its port is bound when this returns.
///
/// @param options Copied.
/// @param out Receives the server. The caller owns it: tenure_server_stop().
/// @return As tenure_server_start(); also TENURE_EINVAL for settings that cannot be meant.
///
/// Thread-safety: any thread, while no other changes the options.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_start_with(
    options: *const tenure_server_options,
    out: *mut *mut tenure_server,
) -> tenure_status {
    guard(|| {
        // SAFETY: null or live options.
        let options = unsafe { object(options) }?;
        // SAFETY: null or writable.
        let out = unsafe { place(out, "out") }?;
        *out = start(options.builder())?;
        Ok(())
    })
}
