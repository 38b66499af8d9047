//! What an operator may choose about identities.

use std::fmt;

use crate::auth::sasl::{UserError, Users};
use crate::auth::{DigestAlgorithm, kerberos_name, x509_name};
use crate::engine::Schemes;

/// Who is who, and who has to say so. By default `digest` is hashed as ZooKeeper does, there are no
/// users of SASL, nobody is above the lists, and nobody has to prove anything.
#[derive(Clone)]
pub struct Settings {
    /// How the passwords of the `digest` scheme are hashed.
    pub digest_algorithm: DigestAlgorithm,
    /// The `digest` id that may do everything.
    pub super_digest: Option<String>,
    /// The subject of the certificate that may do everything.
    pub super_x509: Option<String>,
    /// The users of SASL who may.
    pub super_sasl: Vec<String>,
    /// The users of SASL. If there are none, there is no SASL.
    pub users: Users,
    /// Whether they log in with SCRAM alone.
    pub scram_only: bool,
    /// Whether whoever fails to log in may stay, as nobody in particular.
    pub keeps_failed_sasl: bool,
    /// Schemes one of which a connection has to prove itself by before anything else; none for no
    /// such demand.
    pub required: Vec<String>,
    /// What clients may call the ensemble they look for; none for any.
    pub ensemble_names: Vec<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            digest_algorithm: DigestAlgorithm::default(),
            super_digest: None,
            super_x509: None,
            super_sasl: Vec::new(),
            users: Users::new([0; 16]),
            scram_only: false,
            keeps_failed_sasl: false,
            required: Vec::new(),
            ensemble_names: Vec::new(),
        }
    }
}

/// Without hashes.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("digest_algorithm", &self.digest_algorithm)
            .field("has_super_digest", &self.super_digest.is_some())
            .field("super_x509", &self.super_x509)
            .field("super_sasl", &self.super_sasl)
            .field("users", &self.users)
            .field("scram_only", &self.scram_only)
            .field("keeps_failed_sasl", &self.keeps_failed_sasl)
            .field("required", &self.required)
            .field("ensemble_names", &self.ensemble_names)
            .finish()
    }
}

/// What is wrong with settings of identities.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A user of SASL is not taken.
    #[error(transparent)]
    User(#[from] UserError),
    /// The digest of the super user is no digest, or the scheme is off.
    #[error("the super digest has the form super:HASH, and needs the digest scheme")]
    SuperDigest,
    /// The subject of the super user's certificate is no distinguished name.
    #[error("the x509 super user is no distinguished name such as CN=admin,O=Example: {0:?}")]
    SuperX509(String),
    /// The super user of SASL is no name.
    #[error("the SASL super user is no name such as admin or admin/host@REALM: {0:?}")]
    SuperSasl(String),
    /// Somebody has to prove itself by a scheme that is not there.
    #[error(
        "authentication by {0:?} is required and not possible here: digest, ip, sasl and x509 are, as \
         far as they are configured"
    )]
    Required(String),
}

impl Settings {
    /// Says what is wrong, if anything is.
    ///
    /// # Errors
    /// [`SettingsError`], without any secret in it.
    pub fn check(&self, schemes: Schemes) -> Result<(), SettingsError> {
        let is_digest = |id: &String| {
            let parts = id.split_once(':');
            schemes.digest && parts.is_some_and(|(_, hash)| !hash.is_empty() && !hash.contains(':'))
        };
        if !self.super_digest.as_ref().is_none_or(is_digest) {
            return Err(SettingsError::SuperDigest);
        }
        if let Some(name) = self.super_x509.as_ref().filter(|name| !x509_name::is_valid(name)) {
            return Err(SettingsError::SuperX509(name.clone()));
        }
        if let Some(name) = self.super_sasl.iter().find(|name| !kerberos_name::is_valid(name)) {
            return Err(SettingsError::SuperSasl(name.clone()));
        }
        let is_possible = |scheme: &str| match scheme {
            "ip" => true,
            "digest" => schemes.digest,
            "sasl" => schemes.sasl,
            "x509" => schemes.x509,
            _ => false,
        };
        match self.required.iter().find(|scheme| !is_possible(scheme)) {
            Some(scheme) => Err(SettingsError::Required(scheme.clone())),
            None => Ok(()),
        }
    }

    /// Whether nobody may stay who has not logged in by SASL, or in another way that counts.
    pub(super) fn requires_sasl(&self) -> bool {
        self.required.iter().any(|scheme| scheme == "sasl")
    }
}
