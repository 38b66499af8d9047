//! The users of SASL, as what each mechanism needs of their passwords.
//!
//! Passwords are not kept. What is kept for SCRAM lets nobody log in; what is kept for DIGEST-MD5 does,
//! by the nature of that mechanism.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use super::{digest_md5, scram};
use crate::auth::kerberos_name;
use crate::base::limits;

/// Why a user is not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UserError {
    /// The name is too long, has characters that no name may have, or not the form of one.
    #[error(
        "the name of a SASL user has the form bob, bob/host or bob/host@REALM, with 1 to 255 bytes and \
         no control characters: {0:?}"
    )]
    Name(String),
    /// The password is empty, too long, or has characters that no password may have.
    #[error("the password of SASL user {0:?} has to have 1 to 255 bytes and no control characters")]
    Password(String),
    /// Somebody has this name already.
    #[error("SASL user {0:?} is named twice")]
    Twice(String),
}

/// Who may log in.
#[derive(Clone)]
pub struct Users {
    by_name: BTreeMap<String, Known>,
    /// Makes up what is answered about a user who does not exist, always the same.
    seed: [u8; 16],
}

/// What is known of one user.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) digest: digest_md5::Verifier,
    pub(super) scram: scram::Verifier,
}

/// The names and nothing else.
impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

impl Users {
    /// No users. Nobody can guess `seed`.
    pub fn new(seed: [u8; 16]) -> Users {
        Users { by_name: BTreeMap::new(), seed }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Adds one. Takes some milliseconds, by the nature of SCRAM. `salt` is another one for each user.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn add(&mut self, name: &str, password: &str, salt: [u8; 16]) -> Result<(), UserError> {
        let fits = |text: &str| (1..=limits::SASL_NAME).contains(&text.len());
        // The form a name has in SCRAM is the one it has everywhere, and lists can name every user.
        let is_name = kerberos_name::is_valid(name);
        if !fits(name) || !is_name || scram::prepare(name).as_deref() != Some(name) {
            return Err(UserError::Name(name.chars().take(limits::SASL_NAME).collect()));
        }
        let known = fits(password)
            .then(|| scram::Verifier::new(password, salt, limits::SCRAM_ROUNDS))
            .flatten()
            .map(|scram| Known { digest: digest_md5::Verifier::new(name, password), scram })
            .ok_or_else(|| UserError::Password(name.to_owned()))?;
        match self.by_name.entry(name.to_owned()) {
            Entry::Vacant(entry) => drop(entry.insert(known)),
            Entry::Occupied(entry) => return Err(UserError::Twice(entry.key().clone())),
        }
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Known> {
        self.by_name.get(name)
    }

    /// What SCRAM is told of a user: of one who does not exist, something that no password fits.
    /// It takes as long to answer for the one as for the other.
    pub(super) fn scram(&self, name: &str) -> scram::Verifier {
        let nobody = scram::Verifier::of_nobody(name, &self.seed);
        self.get(name).map_or(nobody, |known| known.scram.clone())
    }
}
