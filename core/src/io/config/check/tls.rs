//! Whether TLS has what it needs, and whether its files can be used.

use std::path::Path;

use super::super::table::{
    LISTEN_TLS, TLS_CERTIFICATE, TLS_CLIENT_AUTH, TLS_CLIENT_CA, TLS_KEY, TLS_NEWEST, TLS_OLDEST,
    TLS_ON_SAME_PORT,
};
use super::super::{Config, Setting};
use crate::io::tls::pem;

impl Config {
    /// Whether any port speaks TLS.
    pub(in super::super) fn has_tls(&self) -> bool {
        self.given(&LISTEN_TLS).is_some() || self.yes(&TLS_ON_SAME_PORT)
    }

    /// The file with the private key.
    pub(in super::super) fn key_file(&self) -> Option<&str> {
        self.text(&TLS_KEY).or_else(|| self.text(&TLS_CERTIFICATE))
    }

    /// Whether clients are asked for certificates.
    pub(in super::super) fn client_auth(&self) -> &str {
        self.text(&TLS_CLIENT_AUTH).unwrap_or("need")
    }

    pub(super) fn check_tls(&mut self) {
        if self.has_tls() && self.given(&TLS_CERTIFICATE).is_none() {
            let whose =
                if self.given(&LISTEN_TLS).is_some() { &LISTEN_TLS } else { &TLS_ON_SAME_PORT };
            self.tls_error(
                whose,
                "TLS needs a certificate: name it as tls.certificate, --tls-certificate or \
                 ssl.keyStore.location",
            );
        }
        if self.given(&TLS_KEY).is_some() && self.given(&TLS_CERTIFICATE).is_none() {
            self.tls_error(&TLS_KEY, "a key needs its certificate: name it as tls.certificate");
        }
        let asks = self.client_auth() != "none" && self.given(&TLS_CERTIFICATE).is_some();
        if self.has_tls() && asks && self.given(&TLS_CLIENT_CA).is_none() {
            let is_given = self.given(&TLS_CLIENT_AUTH).is_some();
            self.tls_error(
                if is_given { &TLS_CLIENT_AUTH } else { &TLS_CERTIFICATE },
                "clients are asked for certificates, unless they are told otherwise, and no authority is \
                 named that they come from: name it as tls.client_ca, --tls-client-ca or \
                 ssl.trustStore.location; or ask for none with tls.client_auth, --tls-client-auth or \
                 ssl.clientAuth",
            );
        }
        if self.text(&TLS_OLDEST) == Some("1.3") && self.text(&TLS_NEWEST) == Some("1.2") {
            self.tls_error(&TLS_OLDEST, "it is newer than the newest version that is allowed");
        }
        if !self.has_tls() && self.given(&TLS_CERTIFICATE).is_some() {
            let origin = self.origin(&TLS_CERTIFICATE);
            let text = format!(
                "{}: there is a certificate and no port that speaks TLS; name one as \
                 listen.tls_address, --listen-tls or secureClientPort",
                origin.key()
            );
            self.problems.warn(&origin, text);
        }
    }

    /// Reads the files, as the server will.
    pub(super) fn read_keys(&mut self) {
        let certificate = self.text(&TLS_CERTIFICATE).map(str::to_owned);
        let key = self.key_file().map(str::to_owned);
        if let (Some(certificate), Some(key)) = (certificate, key) {
            if let Err(error) = pem::identity(Path::new(&certificate), Path::new(&key)) {
                let is_of_key = self.given(&TLS_KEY).is_some() && error.to_string().contains("key");
                let whose = if is_of_key { &TLS_KEY } else { &TLS_CERTIFICATE };
                self.tls_error(whose, &error.to_string());
            } else {
                let whose =
                    if self.given(&TLS_KEY).is_some() { &TLS_KEY } else { &TLS_CERTIFICATE };
                let origin = self.origin(whose);
                self.warn_if_readable(Path::new(&key), &origin, "a private key");
            }
        }
        if let Some(file) = self.text(&TLS_CLIENT_CA).map(str::to_owned)
            && let Err(error) = pem::authorities(Path::new(&file))
        {
            self.tls_error(&TLS_CLIENT_CA, &error.to_string());
        }
    }

    fn tls_error(&mut self, setting: &'static Setting, text: &str) {
        let origin = self.origin(setting);
        let text = format!("{}: {text}", origin.key());
        self.problems.error(&origin, text);
    }
}
