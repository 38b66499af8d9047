//! Why TLS with a server failed, in words that say who has to do what.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// Why an attempt to connect failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What to tell a person.
    pub text: String,
    /// Whether one end does not trust the other, which another attempt will not mend.
    pub is_distrust: bool,
}

impl Failure {
    /// A connection that could not be made or broke.
    pub fn of_socket(error: &io::Error) -> Failure {
        Failure { text: error.to_string(), is_distrust: false }
    }

    /// The server hung up during the handshake of TLS. It may be on its way up or down as well.
    pub fn hung_up_on_tls() -> Failure {
        let text = "the server closed the connection during the TLS handshake; \
                    if it stays so, this is not its TLS port";
        Failure { text: text.into(), is_distrust: false }
    }

    /// The server hung up before the client was connected.
    pub fn hung_up() -> Failure {
        let text = "the server closed the connection before there was a session; \
                    if it stays so, it wants TLS";
        Failure { text: text.into(), is_distrust: false }
    }

    /// Nothing came of it in time.
    pub fn no_answer() -> Failure {
        Failure { text: "no answer in time".into(), is_distrust: false }
    }

    /// What the server said was no reason to go on.
    pub fn unfit_answer() -> Failure {
        let text = "the server's answer leads to no session; \
                    if it stays so, the port is not one for ZooKeeper's clients, or it wants TLS";
        Failure { text: text.into(), is_distrust: false }
    }

    /// Something that stands in the way of every attempt.
    pub fn of_settings(text: String) -> Failure {
        Failure { text, is_distrust: true }
    }

    /// What TLS itself says.
    pub fn of_tls(error: &Error) -> Failure {
        let text = match error {
            Error::InvalidCertificate(fault) => of_certificate(fault),
            Error::AlertReceived(alert) => of_alert(*alert),
            Error::InvalidMessage(_) => "the server does not speak TLS on this port".into(),
            other => other.to_string(),
        };
        Failure { text, is_distrust: true }
    }
}

fn of_certificate(fault: &CertificateError) -> String {
    match fault {
        CertificateError::UnknownIssuer => {
            "the server's certificate is not from a trusted authority".into()
        }
        CertificateError::BadSignature => {
            "the server's certificate is not from a trusted authority, but from another of its name"
                .into()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let expected = expected.to_str();
            if presented.is_empty() {
                format!(
                    "the server's certificate is not for {expected}; it has no names, and a \
                         common name does not count"
                )
            } else {
                let presented = presented.join(", ");
                format!("the server's certificate is not for {expected}, but for {presented}")
            }
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired, or this machine's clock is wrong".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet, or this machine's clock is wrong".into()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the server's certificate is not made for servers".into()
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "the server's certificate is that of an authority; make one with CA:FALSE for it".into()
        }
        other => format!("the server's certificate is refused: {other}"),
    }
}

fn of_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired => "the server requires a client certificate".into(),
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::AccessDenied => {
            format!("the server refuses the client's certificate: {alert:?}")
        }
        AlertDescription::ProtocolVersion => "the server speaks neither TLS 1.3 nor 1.2".into(),
        other => format!("the server refuses TLS: {other:?}"),
    }
}
