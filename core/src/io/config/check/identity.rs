//! Whether what is said of identities can be kept, and the users in a JAAS file.

use std::path::{Path, PathBuf};

use super::super::load::contents;
use super::super::table::{
    DIGEST, JAAS, JAAS_SECTION, REQUIRE_AUTH, SASL_USERS, SESSION_READERS, SKIP_ACL, SUPER_DIGEST,
    SUPER_SASL, SUPER_X509,
};
use super::super::{Config, Given, Origin, Value, jaas};
use crate::auth::sasl::Users;
use crate::auth::{kerberos_name, x509_name};
use crate::base::{Acl, Perms};
use crate::engine::{Schemes, access};

/// Schemes that a client can be asked for.
const SCHEMES: &[&str] = &["digest", "ip", "sasl", "x509"];

impl Config {
    pub(super) fn check_identity(&mut self) {
        self.check_super_digest();
        self.check_super_names();
        self.check_required();
        self.check_readers();
        if self.yes(&SKIP_ACL) {
            let origin = self.origin(&SKIP_ACL);
            let text = format!("{}: everybody may read and change everything", origin.key());
            self.problems.warn(&origin, text);
        }
    }

    fn check_super_digest(&mut self) {
        let Some(text) = self.text(&SUPER_DIGEST) else { return };
        let hash = text.strip_prefix("super:");
        let is_whole = hash.is_some_and(|hash| !hash.is_empty() && !hash.contains(':'));
        let origin = self.origin(&SUPER_DIGEST);
        if !is_whole {
            let text = format!(
                "{}: write super:HASH, where HASH is the digest of super:PASSWORD in base64",
                origin.key()
            );
            self.problems.error(&origin, text);
        } else if !self.yes(&DIGEST) {
            let text = format!("{}: the digest scheme is switched off", origin.key());
            self.problems.error(&origin, text);
        }
    }

    fn check_super_names(&mut self) {
        if let Some(name) = self.text(&SUPER_X509).filter(|name| !x509_name::is_valid(name)) {
            let (origin, name) = (self.origin(&SUPER_X509), name.to_owned());
            let text = format!(
                "{}: {name:?} is no distinguished name; write one such as CN=admin,O=Example",
                origin.key()
            );
            self.problems.error(&origin, text);
        }
        for name in self.words(&SUPER_SASL).map(<[String]>::to_vec).unwrap_or_default() {
            if !kerberos_name::is_valid(&name) {
                let origin = self.origin(&SUPER_SASL);
                let text = format!(
                    "{}: {name:?} is no name of a user; write one such as admin or admin/host@REALM",
                    origin.key()
                );
                self.problems.error(&origin, text);
            }
        }
    }

    fn check_required(&mut self) {
        let Some(schemes) = self.words(&REQUIRE_AUTH).map(<[String]>::to_vec) else { return };
        let origin = self.origin(&REQUIRE_AUTH);
        for scheme in schemes {
            let why = match scheme.as_str() {
                "x509" if !self.has_tls() || self.client_auth() == "none" => {
                    "needs TLS that asks clients for certificates"
                }
                "digest" if !self.yes(&DIGEST) => "is switched off",
                known if SCHEMES.contains(&known) => continue,
                _ => "is no scheme of tenure, which has digest, ip, sasl and x509",
            };
            self.problems.error(&origin, format!("{}: {scheme} {why}", origin.key()));
        }
    }

    /// Those who read the session directory. Whether anybody can log in by SASL or by a certificate is
    /// seen at the start.
    fn check_readers(&mut self) {
        let Some(readers) = self.words(&SESSION_READERS).map(<[String]>::to_vec) else { return };
        let origin = self.origin(&SESSION_READERS);
        let schemes = Schemes { digest: self.yes(&DIGEST), sasl: true, x509: true };
        for reader in readers {
            let entry =
                reader.split_once(':').map(|(scheme, id)| Acl::new(Perms::READ, scheme, id));
            let is_one = entry.is_some_and(|entry| access::resolve(&[entry], &[], schemes).is_ok());
            if !is_one {
                let text = format!(
                    "{}: {reader:?} is nobody that a list can name; write SCHEME:ID, such as \
                     world:anyone or ip:10.0.0.0/8",
                    origin.key()
                );
                self.problems.error(&origin, text);
            }
        }
    }

    /// Adds the users of the JAAS file to those that were given.
    pub(super) fn read_users(&mut self) {
        if let Some(file) = self.text(&JAAS).map(PathBuf::from) {
            self.read_jaas(&file);
        }
        self.check_users();
        // A file that cannot be used has been told already.
        let has_users = self.given(&SASL_USERS).is_some() || self.given(&JAAS).is_some();
        let whose = [&SUPER_SASL, &REQUIRE_AUTH].into_iter().find(|setting| {
            self.words(setting)
                .is_some_and(|words| setting.path == SUPER_SASL.path || words == ["sasl"])
        });
        if let Some(setting) = whose.filter(|_| !has_users) {
            let origin = self.origin(setting);
            let text = format!(
                "{}: nobody can log in by SASL: name users in a JAAS file (identity.jaas, or \
                 -Djava.security.auth.login.config in SERVER_JVMFLAGS)",
                origin.key()
            );
            if setting.path == REQUIRE_AUTH.path {
                self.problems.error(&origin, text);
            } else {
                self.problems.warn(&origin, text);
            }
        }
    }

    /// Names and passwords that nobody could log in with.
    fn check_users(&mut self) {
        let Some(Given { value: Value::Users(users), origin }) = self.given(&SASL_USERS).cloned()
        else {
            return;
        };
        let mut known = Users::new([0; 16]);
        for (name, password) in users {
            if let Err(error) = known.add(&name, &password, [0; 16]) {
                self.problems.error(&origin, format!("{}: {error}", origin.key()));
            }
        }
    }

    fn read_jaas(&mut self, file: &Path) {
        let origin = self.origin(&JAAS);
        let shown = file.display().to_string();
        let bytes = match contents(file) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.problems.error(&origin, format!("{}: {shown}: {error}", origin.key()));
                return;
            }
        };
        let Ok(text) = String::from_utf8(bytes) else {
            self.problems.error(&origin, format!("{}: {shown} is not UTF-8", origin.key()));
            return;
        };
        let named = self.text(&JAAS_SECTION).map(str::to_owned);
        let section = named.as_deref().unwrap_or("Server");
        let (users, faults) = jaas::read(&text, section);
        for fault in faults {
            let at = Origin::File {
                file: shown.as_str().into(),
                line: fault.line.max(1),
                key: shown.clone(),
            };
            // Java's options are often the same for clients and servers, and name a file about
            // clients alone: Apache's server then starts without SASL. A section that was asked
            // for by name is another matter.
            if fault.line == 0 && named.is_none() {
                self.problems.warn(&at, format!("{}; nobody can log in by SASL", fault.text));
            } else {
                self.problems.error(&at, fault.text);
            }
        }
        self.warn_if_readable(file, &origin, "passwords");
        let mut all = match self.given(&SASL_USERS).map(|given| given.value.clone()) {
            Some(Value::Users(users)) => users,
            _ => Vec::new(),
        };
        // Those that were given beside the settings are stronger.
        for user in users {
            if !all.iter().any(|(name, _)| *name == user.name) {
                all.push((user.name, user.password));
            }
        }
        if !all.is_empty() {
            self.give(&SASL_USERS, Value::Users(all), origin);
        }
    }
}
