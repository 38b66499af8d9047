//! Settings of who clients are, what they may do, and what is told and written down of it.

use super::super::setting::{Form, Key, Setting, Standard};
use super::super::value::Kind;
use crate::service::words;

/// Whether the digest scheme is there.
pub static DIGEST: Setting = Setting::new(
    ("identity.digest", "digest"),
    Kind::Bool,
    Standard::Bool(true),
    "Whether clients can prove themselves by the digest scheme, with a name and a password.",
)
.keys(&[Key::same("DigestAuthenticationProvider.enabled")]);

/// How it hashes.
pub static DIGEST_ALGORITHM: Setting = Setting::new(
    ("identity.digest_algorithm", "digest-algorithm"),
    Kind::Choice(&["SHA1", "SHA-1", "SHA256", "SHA-256", "SHA384", "SHA-384", "SHA512", "SHA-512"]),
    Standard::Text("SHA1"),
    "How the digest scheme hashes; ids that were stored with another algorithm do not match any more.",
)
.keys(&[Key::same("DigestAuthenticationProvider.digestAlg")]);

/// Who is the superuser by digest.
pub static SUPER_DIGEST: Setting = Setting::new(
    ("identity.super_digest", "super-digest"),
    Kind::Text,
    Standard::Words("nobody"),
    "The superuser of the digest scheme, as super:HASH.",
)
.keys(&[Key::same("DigestAuthenticationProvider.superDigest")])
.secret();

/// Who is by certificate.
pub static SUPER_X509: Setting = Setting::new(
    ("identity.super_x509", "super-x509"),
    Kind::Text,
    Standard::Words("nobody"),
    "The subject of the certificate that makes its owner the superuser, such as CN=admin,O=example.",
)
.keys(&[Key::same("X509AuthenticationProvider.superUser")]);

/// Who is by SASL.
pub static SUPER_SASL: Setting = Setting::new(
    ("identity.super_sasl", "super-sasl"),
    Kind::List,
    Standard::Words("nobody"),
    "The names of SASL users that are the superuser.",
)
.keys(&[Key::read_as("superUser", Form::Together), Key::read_as("superUser.N", Form::Together)]);

/// The users of SASL.
pub static SASL_USERS: Setting = Setting::new(
    ("identity.sasl_users", "sasl-users"),
    Kind::Users,
    Standard::Words("none, and no SASL"),
    "The users that can prove themselves by SASL (DIGEST-MD5, SCRAM-SHA-256), with their passwords.",
)
.secret();

/// The file that has them, as Java's servers read it.
pub static JAAS: Setting = Setting::new(
    ("identity.jaas", "jaas"),
    Kind::Path,
    Standard::Words("none"),
    "A JAAS file of Java with more such users: user_NAME=\"PASSWORD\" of the DigestLoginModule.",
)
.keys(&[Key::same("java.security.auth.login.config"), Key::same("jaas.config")]);

/// The section of it.
pub static JAAS_SECTION: Setting = Setting::new(
    ("identity.jaas_section", "jaas-section"),
    Kind::Text,
    Standard::Text("Server"),
    "The section of the JAAS file that is about the server.",
)
.keys(&[Key::same("sasl.serverconfig")]);

/// Whether DIGEST-MD5 is refused.
pub static SCRAM_ONLY: Setting = Setting::new(
    ("identity.scram_only", "scram-only"),
    Kind::Bool,
    Standard::Bool(false),
    "Whether SASL users log in with SCRAM-SHA-256 alone, and not with DIGEST-MD5, ZooKeeper's own.",
);

/// Whether a failed login goes on without.
pub static ALLOW_FAILED_SASL: Setting = Setting::new(
    ("identity.allow_failed_sasl", "allow-failed-sasl"),
    Kind::Bool,
    Standard::Bool(false),
    "Whether a client whose SASL login failed may go on as nobody, instead of being cut off.",
)
.keys(&[Key::same("allowSaslFailedClients")]);

/// Schemes of which one is needed.
pub static REQUIRE_AUTH: Setting = Setting::new(
    ("identity.require", "require-auth"),
    Kind::List,
    Standard::Words("none"),
    "Schemes of which a client has to prove itself by one before it does anything else.",
)
.keys(&[
    Key::read_as("sessionRequireClientSASLAuth", Form::Together),
    Key::read_as("enforce.auth.enabled", Form::Together),
    Key::read_as("enforce.auth.schemes", Form::Together),
]);

/// Names this server goes by.
pub static ENSEMBLE_NAMES: Setting = Setting::new(
    ("identity.ensemble_names", "ensemble-names"),
    Kind::List,
    Standard::Words("none"),
    "Names this server goes by: a client that asks for another one, by the ensemble scheme, is cut off.",
)
.keys(&[Key::same("ensembleAuthName")]);

/// Whether access control lists forbid anything.
pub static SKIP_ACL: Setting = Setting::new(
    ("znodes.skip_acl", "skip-acl"),
    Kind::Bool,
    Standard::Bool(false),
    "Whether access control lists are stored and shown and forbid nothing. Everybody may do everything.",
)
.keys(&[Key::read_as("skipACL", Form::YesNo)]);

/// Whether quotas are kept.
pub static ENFORCE_QUOTA: Setting = Setting::new(
    ("znodes.enforce_quota", "enforce-quota"),
    Kind::Bool,
    Standard::Bool(false),
    "Whether writes that exceed a hard quota are refused; otherwise it forbids nothing.",
)
.keys(&[Key::same("enforceQuota")]);

/// Four-letter words that are answered.
pub static WORDS: Setting = Setting::new(
    ("words.allowed", "words"),
    Kind::Text,
    Standard::Text(words::DEFAULT),
    "Four-letter words that are answered, with commas between them; * for all of them.",
)
.keys(&[Key::read_as("4lw.commands.whitelist", Form::EmptyIs("srvr"))]);

/// Where writes are noted.
pub static AUDIT: Setting = Setting::new(
    ("audit.file", "audit"),
    Kind::Path,
    Standard::Words("none"),
    "Append a line for every write to this file: who asked, for what, and with which result.",
)
.keys(&[Key::read_as("audit.enable", Form::Together)]);
