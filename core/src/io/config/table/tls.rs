//! Settings of TLS. All files are PEM.

use super::super::setting::{Form, Key, Setting, Standard};
use super::super::value::{Kind, Unit};
use crate::base::limits;

/// Where connections are taken that are TLS from their first byte.
pub static LISTEN_TLS: Setting = Setting::new(
    ("listen.tls_address", "listen-tls"),
    Kind::Address { or_none: false },
    Standard::Words("no such port"),
    "Where to listen for connections that are TLS from their first byte.",
)
.keys(&[
    Key::read_as("secureClientPort", Form::Together),
    Key::read_as("secureClientPortAddress", Form::Together),
]);

/// Whether the plain port takes TLS too.
pub static TLS_ON_SAME_PORT: Setting = Setting::new(
    ("listen.tls_on_same_port", "tls-on-same-port"),
    Kind::Bool,
    Standard::Bool(false),
    "Whether the plain port takes TLS too; the first byte tells which it is.",
)
.keys(&[Key::same("client.portUnification")]);

/// What the server proves itself with.
pub static TLS_CERTIFICATE: Setting = Setting::new(
    ("tls.certificate", "tls-certificate"),
    Kind::Path,
    Standard::Words("none, and no TLS"),
    "The server's certificate in PEM, with those that lead to its authority behind it.",
)
.keys(&[Key::read_as("ssl.keyStore.location", Form::Together)]);

/// Its private key.
pub static TLS_KEY: Setting = Setting::new(
    ("tls.key", "tls-key"),
    Kind::Path,
    Standard::Words("in the file with the certificate"),
    "The private key of the certificate in PEM, not encrypted.",
)
.keys(&[Key::read_as("ssl.keyStore.location", Form::Together)]);

/// Whose certificates of clients count.
pub static TLS_CLIENT_CA: Setting = Setting::new(
    ("tls.client_ca", "tls-client-ca"),
    Kind::Path,
    Standard::Words("none"),
    "The authorities that certificates of clients have to come from, in PEM.",
)
.keys(&[Key::same("ssl.trustStore.location")]);

/// Whether clients need certificates.
pub static TLS_CLIENT_AUTH: Setting = Setting::new(
    ("tls.client_auth", "tls-client-auth"),
    Kind::Choice(&["none", "want", "need"]),
    Standard::Text("need"),
    "Whether a client has to show a certificate, may show one, or is not asked.",
)
.keys(&[Key::same("ssl.clientAuth")]);

/// The oldest version that is spoken.
pub static TLS_OLDEST: Setting = Setting::new(
    ("tls.oldest_version", "tls-oldest-version"),
    Kind::Choice(&["1.2", "1.3"]),
    Standard::Text("1.2"),
    "The oldest version of TLS a client may speak.",
)
.keys(&[
    Key::read_as("ssl.enabledProtocols", Form::Together),
    Key::read_as("ssl.protocol", Form::Together),
]);

/// The newest version that is spoken.
pub static TLS_NEWEST: Setting = Setting::new(
    ("tls.newest_version", "tls-newest-version"),
    Kind::Choice(&["1.2", "1.3"]),
    Standard::Text("1.3"),
    "The newest version of TLS a client may speak.",
)
.keys(&[
    Key::read_as("ssl.enabledProtocols", Form::Together),
    Key::read_as("ssl.protocol", Form::Together),
]);

/// Handshakes at a time.
pub static TLS_HANDSHAKES: Setting = Setting::new(
    ("tls.handshakes", "max-handshakes"),
    Kind::Number(1, u32::MAX as u64, Unit::Count),
    Standard::Number(limits::TLS_HANDSHAKES as u64),
    "Handshakes that may be under way; a connection that would begin one more is closed.",
)
.keys(&[Key::same("netty.server.outstandingHandshake.limit")]);

/// Whether changed files are taken over.
pub static TLS_RELOAD: Setting = Setting::new(
    ("tls.reload", "tls-reload"),
    Kind::Bool,
    Standard::Bool(true),
    "Whether the files are read again when they change; connections that are open stay as they are.",
)
.keys(&[Key::same("client.certReload")]);
