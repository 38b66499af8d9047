//! Whom a client trusts, and what it proves itself with: TLS and SASL.

use std::ffi::c_char;

use tenure_core::{ClientTls, Sasl};

use crate::arguments::{invalid, optional, text};
use crate::options::{set, tenure_options};
use crate::status::tenure_status;

/// How a client proves to know a password.
pub type tenure_sasl = i32;

/// DIGEST-MD5, which Apache ZooKeeper's servers know. Whoever reads along can try passwords against
/// what they saw: use it over TLS, or with a password that cannot be guessed.
pub const TENURE_SASL_DIGEST_MD5: tenure_sasl = 1;
/// SCRAM-SHA-256, which tenure's servers know and Apache ZooKeeper's do not. Guessing passwords costs
/// thousands of hashes for each.
pub const TENURE_SASL_SCRAM_SHA_256: tenure_sasl = 2;

/// Speaks TLS 1.3 or 1.2 with every server, and nothing with a server that fails a check: its certificate
/// has to be valid, made for servers, from a trusted authority, and to name what the host list names, a
/// host name or an IP address. A common name does not count, and no check can be left out; to try things
/// out, make an authority of your own.
///
/// Files are PEM. tenure_client_new() reads them, and refuses what cannot be used; they are read again
/// before every later connection, so that a renewed certificate is used from then on, and if they cannot
/// be used then, the last ones that could be are.
///
/// An attempt that fails for reasons of trust is not the last one; when every host in turn failed so,
/// tenure_client_wait_connected() returns TENURE_ETLS.
///
/// @param ca The authorities to trust, and no others. Null trusts those that this machine trusts.
/// @param cert The client's chain of certificates for servers that ask, its own first. Null for none.
/// @param key Its private key: PKCS#8, PKCS#1 or SEC1, not encrypted. Null if it stands in `cert` too.
/// @return Also TENURE_EINVAL for a key without a certificate. Replaces what was set before, the server
///         name too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_tls_pem(
    options: *mut tenure_options,
    ca: *const c_char,
    cert: *const c_char,
    key: *const c_char,
) -> tenure_status {
    let change = |options: &mut tenure_options| {
        // SAFETY: null or C strings.
        let [ca, cert, key] =
            unsafe { [optional(ca, "ca")?, optional(cert, "cert")?, optional(key, "key")?] };
        let mut tls = ClientTls::new();
        if let Some(ca) = ca {
            tls = tls.ca_file(ca);
        }
        options.tls = Some(match (cert, key) {
            (None, None) => tls,
            (Some(cert), Some(key)) => tls.client_cert(cert, key),
            (Some(both), None) => tls.client_cert(both.clone(), both),
            (None, Some(_)) => return Err(invalid("a key is given, and no certificate for it")),
        });
        Ok(())
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// The name or IP address that every server's certificate has to be for, instead of the one in the host
/// list. Goes after tenure_options_tls_pem().
///
/// @return Also TENURE_EINVAL without TLS. Whether it is a name is checked by tenure_client_new().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_tls_server_name(
    options: *mut tenure_options,
    name: *const c_char,
) -> tenure_status {
    let change = |options: &mut tenure_options| {
        // SAFETY: null or a C string.
        let name = unsafe { text(name, "name") }?;
        let tls = options.tls.take();
        let tls = tls.ok_or_else(|| invalid("a server name is for TLS; set that first"))?;
        options.tls = Some(tls.server_name(name));
        Ok(())
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}

/// Proves to be a user by SASL, on every connection, before the identities of tenure_options_auth() and
/// everything else. On success the connection is `sasl:user` to the server.
///
/// A server that refuses, that does no SASL, or that does not prove to know the password itself, finishes
/// the client with TENURE_AUTH_FAILED.
///
/// @param mechanism TENURE_SASL_DIGEST_MD5 or TENURE_SASL_SCRAM_SHA_256.
/// @param user Copied, as `password` is, which no message of the library ever contains.
/// @return Also TENURE_EINVAL for another mechanism. Replaces what was set before. Whether SCRAM can be used
///         with the name and the password is checked by tenure_client_new().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_options_sasl(
    options: *mut tenure_options,
    mechanism: tenure_sasl,
    user: *const c_char,
    password: *const c_char,
) -> tenure_status {
    let change = |options: &mut tenure_options| {
        // SAFETY: null or C strings.
        let (user, password) = unsafe { (text(user, "user")?, text(password, "password")?) };
        options.sasl = Some(match mechanism {
            TENURE_SASL_DIGEST_MD5 => Sasl::digest_md5(user, password),
            TENURE_SASL_SCRAM_SHA_256 => Sasl::scram_sha256(user, password),
            other => return Err(invalid(format!("{other} is no SASL mechanism"))),
        });
        Ok(())
    };
    // SAFETY: null or live options.
    unsafe { set(options, change) }
}
