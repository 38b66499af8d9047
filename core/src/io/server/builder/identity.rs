//! Who is who, who is above the lists, and who has to prove itself.

use super::{ServerBuilder, StartError, password as chance};
use crate::auth::DigestAlgorithm;
use crate::auth::sasl::Users;
use crate::engine::Schemes;
use crate::service::identity::{Settings, SettingsError};

/// What was said about identities.
#[derive(Clone, Debug)]
pub(in crate::io::server) struct Identities {
    settings: Settings,
    digest: bool,
    pub(super) skips_acl: bool,
    /// What was wrong with what was said first.
    fault: Option<SettingsError>,
}

impl Default for Identities {
    fn default() -> Identities {
        let settings = Settings::default();
        Identities { settings, digest: true, skips_acl: false, fault: None }
    }
}

impl Identities {
    /// The schemes that lists may name; `x509` if clients can prove themselves by certificates.
    pub(super) fn schemes(&self, x509: bool) -> Schemes {
        Schemes { digest: self.digest, sasl: !self.settings.users.is_empty(), x509 }
    }

    /// The settings, if they can be meant.
    pub(super) fn settings(&self, schemes: Schemes) -> Result<Settings, StartError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone().into());
        }
        self.settings.check(schemes)?;
        Ok(self.settings.clone())
    }
}

impl ServerBuilder {
    /// Whether the `digest` scheme is known, to lists and to clients. Default: yes.
    pub fn digest(mut self, yes: bool) -> Self {
        self.identities.digest = yes;
        self
    }

    /// How the passwords of the `digest` scheme are hashed. All servers that share data, and clients
    /// that write such ids into lists, have to do it alike. Default: SHA-1, as ZooKeeper.
    pub fn digest_algorithm(mut self, algorithm: DigestAlgorithm) -> Self {
        self.identities.settings.digest_algorithm = algorithm;
        self
    }

    /// The `digest` id whose holder may do everything, `super:HASH`, with the hash of
    /// `super:PASSWORD`. Default: nobody.
    pub fn super_digest(mut self, id: impl Into<String>) -> Self {
        self.identities.settings.super_digest = Some(id.into());
        self
    }

    /// The subject of the client certificate whose holder may do everything, as lists spell it. Counts
    /// where clients can prove themselves by certificates. Default: nobody.
    pub fn super_x509(mut self, subject: impl Into<String>) -> Self {
        self.identities.settings.super_x509 = Some(subject.into());
        self
    }

    /// A user of SASL who may do everything; to be called once for each. Default: nobody.
    pub fn super_sasl(mut self, user: impl Into<String>) -> Self {
        self.identities.settings.super_sasl.push(user.into());
        self
    }

    /// A user who can log in by SASL, with DIGEST-MD5 or SCRAM-SHA-256; to be called once for each. With
    /// the first, the `sasl` scheme is known to lists. Takes some milliseconds: the password is turned
    /// into what the mechanisms need, and not kept.
    ///
    /// A name has the form `primary[/instance][@REALM]`. Name and password have 1 to 255 bytes and no
    /// control characters; others make `start` fail. Default: no users, and no SASL.
    pub fn sasl_user(mut self, name: &str, password: &str) -> Self {
        let users = &mut self.identities.settings.users;
        if users.is_empty() {
            *users = Users::new(chance().0);
        }
        if let Err(error) = users.add(name, password, chance().0) {
            self.identities.fault.get_or_insert(error.into());
        }
        self
    }

    /// Whether users log in with SCRAM-SHA-256 alone. Of DIGEST-MD5, which is what ZooKeeper's own
    /// clients speak, whoever overhears a login can try passwords at their leisure. Such a login is
    /// refused then like one with a wrong password. Default: no, both are taken.
    pub fn scram_only(mut self, yes: bool) -> Self {
        self.identities.settings.scram_only = yes;
        self
    }

    /// Whether a client that fails to log in by SASL may stay, as nobody in particular. It never may
    /// where SASL is required. Default: no, it is told so and its connection is closed.
    pub fn allow_sasl_failed_clients(mut self, yes: bool) -> Self {
        self.identities.settings.keeps_failed_sasl = yes;
        self
    }

    /// Schemes one of which a connection has to have proven itself by before it asks for anything: of
    /// `digest`, `sasl`, `x509` and `ip`, which everybody has. Any other request is answered with
    /// `AuthRequired`, and the connection closed. A scheme that is not there makes `start` fail.
    /// Default: none, and everybody may ask.
    pub fn require_auth(mut self, schemes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.identities.settings.required = schemes.into_iter().map(Into::into).collect();
        self
    }

    /// What clients may call the ensemble they look for, by the scheme `ensemble`. One that calls it by
    /// another name is disconnected, so that it looks elsewhere. Default: none, and the scheme is
    /// unknown.
    pub fn ensemble_names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.identities.settings.ensemble_names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Whether access control lists are judged and stored, and forbid nothing. Everybody may then read
    /// and change everything, the lists too. Default: no.
    pub fn skip_acl(mut self, yes: bool) -> Self {
        self.identities.skips_acl = yes;
        self
    }
}
