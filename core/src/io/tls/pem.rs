//! Certificates and keys out of PEM files.
//!
//! A file may hold more than what is looked for: a chain and its key may share one, as ZooKeeper's PEM
//! key stores have it. What is no PEM at all is told from what it begins with, and the error names the
//! command that makes PEM of it. No error holds a byte of what a file contains.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{Error, PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, RootCertStore};

use super::version1;
use crate::base::limits;

/// What is wrong with a file of certificates or keys, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// The system does not let it be read.
    #[error("{}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is a directory, a pipe or a device.
    #[error("{} is no regular file; name a PEM file", file.display())]
    NoFile {
        /// What was named.
        file: PathBuf,
    },
    /// It is longer than any such file is.
    #[error(
        "{} is longer than {} bytes; name a PEM file that holds only what is needed",
        file.display(), limits::PEM_FILE
    )]
    TooLong {
        /// The file.
        file: PathBuf,
    },
    /// It is in another format.
    #[error("{} is {format}, not PEM; convert it with: {command}", file.display())]
    Format {
        /// The file.
        file: PathBuf,
        /// The format.
        format: &'static str,
        /// The command that makes PEM of it.
        command: String,
    },
    /// The key needs a password.
    #[error("the private key in {} is encrypted; decrypt it with: {command}", file.display())]
    Encrypted {
        /// The file.
        file: PathBuf,
        /// The command that takes the password off.
        command: String,
    },
    /// It is PEM, and broken.
    #[error("{}: {fault}; write the file again", file.display())]
    Broken {
        /// The file.
        file: PathBuf,
        /// Where it breaks.
        fault: String,
    },
    /// It is PEM, and what is looked for is not in it.
    #[error("{} holds no {wanted}, but {found}; name the file that has one", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
        /// What was looked for.
        wanted: &'static str,
        /// What is there instead.
        found: String,
    },
    /// A certificate cannot be understood.
    #[error("certificate {number} in {} cannot be used: {fault}", file.display())]
    Certificate {
        /// The file.
        file: PathBuf,
        /// Which one, counted from 1.
        number: usize,
        /// Why not.
        fault: String,
    },
    /// The key cannot be used.
    #[error("the private key in {} cannot be used: {fault}; {way}", file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// Why not.
        fault: &'static str,
        /// What can be done.
        way: String,
    },
    /// The key is that of another certificate.
    #[error(
        "the private key in {} does not belong to the first certificate in {}; these print the same \
         if it does: openssl pkey -in {} -pubout; openssl x509 -in {} -noout -pubkey",
        key.display(), certificates.display(), quoted(key), quoted(certificates)
    )]
    Mismatch {
        /// The file with the certificates.
        certificates: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
}

/// The certificates in a file, at least one, in their order: the own one first, then those that lead to
/// its authority.
///
/// # Errors
/// Every [`PemError`] but those about keys.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let text = read(file, Wanted::Certificates)?;
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for section in sections(file, &text) {
        match section? {
            (SectionKind::Certificate, der) => found.push(CertificateDer::from(der)),
            (kind, _) => others.push(label(kind)),
        }
    }
    if found.is_empty() {
        return Err(missing(file, "certificate", &others, &text));
    }
    Ok(found)
}

/// The first private key in a file: PKCS#8, PKCS#1 or SEC1, without a password.
///
/// # Errors
/// Every [`PemError`] but those about certificates.
pub fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    let text = read(file, Wanted::Key)?;
    if is_encrypted(&text) {
        let command = format!("openssl pkey -in {} -out plain.key", quoted(file));
        return Err(PemError::Encrypted { file: file.to_owned(), command });
    }
    let mut others = Vec::new();
    for section in sections(file, &text) {
        let (kind, der) = section?;
        match PrivateKeyDer::from_pem(kind, der) {
            Some(key) => return Ok(key),
            None => others.push(label(kind)),
        }
    }
    Err(missing(file, "private key", &others, &text))
}

/// The certificates in a file as authorities that are trusted.
///
/// # Errors
/// As [`certificates`]; and [`PemError::Certificate`] if one of them is none that can be.
pub fn authorities(file: &Path) -> Result<RootCertStore, PemError> {
    let mut store = RootCertStore::empty();
    for (index, certificate) in certificates(file)?.into_iter().enumerate() {
        store.add(certificate).map_err(|error| PemError::Certificate {
            file: file.to_owned(),
            number: index + 1,
            fault: error.to_string(),
        })?;
    }
    Ok(store)
}

/// A chain of certificates with the private key of the first: what one side proves itself with. They
/// may be in the same file.
///
/// # Errors
/// As [`certificates`] and [`private_key`]; [`PemError::Key`] and [`PemError::Mismatch`].
pub fn identity(chain: &Path, key: &Path) -> Result<Arc<CertifiedKey>, PemError> {
    let certificates = certificates(chain)?;
    let der = private_key(key)?;
    let has_curve = contains(der.secret_der(), EC_PUBLIC_KEY);
    let signer = super::provider().key_provider.load_private_key(der);
    let signer = signer.map_err(|_| unusable(key, has_curve))?;
    let identity = CertifiedKey::new(certificates, signer);
    match version1::keys_match(&identity).unwrap_or_else(|| identity.keys_match()) {
        // Where the key cannot say its public half there is nothing to compare.
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(rustls::Error::InconsistentKeys(_)) => {
            return Err(PemError::Mismatch { certificates: chain.to_owned(), key: key.to_owned() });
        }
        Err(error) => {
            let fault = error.to_string();
            return Err(PemError::Certificate { file: chain.to_owned(), number: 1, fault });
        }
    }
    Ok(Arc::new(identity))
}

/// The object identifier of keys on named curves, as DER has it.
const EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];

/// What a file is read for; the command that converts another format depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Certificates,
    Key,
}

/// A file as it is, if it may be PEM.
fn read(file: &Path, wanted: Wanted) -> Result<Vec<u8>, PemError> {
    let unreadable = |source| PemError::Unreadable { file: file.to_owned(), source };
    // A pipe would be waited for.
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(PemError::NoFile { file: file.to_owned() });
    }
    let mut text = Vec::new();
    let most = limits::PEM_FILE as u64 + 1;
    File::open(file).map_err(unreadable)?.take(most).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() > limits::PEM_FILE {
        return Err(PemError::TooLong { file: file.to_owned() });
    }
    if let Some((format, command)) = foreign(&text, file, wanted) {
        return Err(PemError::Format { file: file.to_owned(), format, command });
    }
    // Some editors put this mark in front, and it would hide the first line.
    if text.starts_with(b"\xEF\xBB\xBF") {
        text.drain(..3);
    }
    Ok(text)
}

/// A format that is not PEM, told from its first bytes, and how to make PEM of it.
fn foreign(text: &[u8], file: &Path, wanted: Wanted) -> Option<(&'static str, String)> {
    let from = quoted(file);
    let of_pkcs12 = |from: &str| match wanted {
        Wanted::Certificates => format!("openssl pkcs12 -in {from} -nokeys -out certificates.pem"),
        Wanted::Key => format!("openssl pkcs12 -in {from} -nocerts -nodes -out key.pem"),
    };
    let of_java = |kind: &str| match wanted {
        Wanted::Certificates => {
            format!("keytool -list -rfc -storetype {kind} -keystore {from} > certificates.pem")
        }
        Wanted::Key => format!(
            "keytool -importkeystore -srckeystore {from} -srcstoretype {kind} -destkeystore store.p12 \
             -deststoretype PKCS12 && {}",
            of_pkcs12("store.p12")
        ),
    };
    match text {
        [0xFE, 0xED, 0xFE, 0xED, ..] => Some(("a Java key store (JKS)", of_java("JKS"))),
        [0xCE, 0xCE, 0xCE, 0xCE, ..] => Some(("a Java key store (JCEKS)", of_java("JCEKS"))),
        [0x30, ..] => {
            let body = der_body(text)?;
            Some(match (body, wanted) {
                // The version of a PKCS#12 file is 3, that of a key 0 or 1.
                ([0x02, 0x01, 0x03, ..], _) => ("a PKCS#12 key store", of_pkcs12(&from)),
                (_, Wanted::Certificates) => {
                    let command =
                        format!("openssl x509 -inform DER -in {from} -out certificates.pem");
                    ("DER", command)
                }
                (_, Wanted::Key) => {
                    ("DER", format!("openssl pkey -inform DER -in {from} -out key.pem"))
                }
            })
        }
        _ => None,
    }
}

/// What is inside the sequence that a DER file is; `None` where it is text that begins with a zero.
fn der_body(text: &[u8]) -> Option<&[u8]> {
    match *text.get(1)? {
        short @ 0..0x80 => text.get(2..).filter(|body| body.len() >= usize::from(short)),
        // The indefinite form, which some key stores are written in, ends where it ends.
        0x80 => text.get(2..),
        long => text.get(2 + usize::from(long & 0x7F)..).filter(|_| long <= 0x84),
    }
}

/// Whether the key in a file needs a password, in the new form or the old one.
fn is_encrypted(text: &[u8]) -> bool {
    contains(text, b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || contains(text, b"Proc-Type: 4,ENCRYPTED")
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// What is wrong with a key that is well-formed and refused. Keys on curves are taken only with their
/// public half, which Java leaves out; OpenSSL computes it.
fn unusable(file: &Path, has_curve: bool) -> PemError {
    let (fault, way) = if has_curve {
        let command = format!("openssl ec -in {} -out whole.key", quoted(file));
        (
            "it lacks its public half, or its curve is neither P-256 nor P-384",
            format!("in the first case this makes it whole: {command}"),
        )
    } else {
        (
            "it is of no supported kind",
            "use RSA of 2048 to 8192 bits, ECDSA P-256 or P-384, or Ed25519".to_owned(),
        )
    };
    PemError::Key { file: file.to_owned(), fault, way }
}

/// All sections of a file that anything is known of.
fn sections<'a>(
    file: &'a Path,
    text: &'a [u8],
) -> impl Iterator<Item = Result<(SectionKind, Vec<u8>), PemError>> + 'a {
    <(SectionKind, Vec<u8>)>::pem_slice_iter(text).map(move |section| {
        section.map_err(|error| {
            let fault = match error {
                Error::MissingSectionEnd { .. } => "a section has no end".to_owned(),
                Error::IllegalSectionStart { .. } => "a section begins with a bad line".to_owned(),
                Error::Base64Decode(_) => "a section is not base64".to_owned(),
                other => other.to_string(),
            };
            PemError::Broken { file: file.to_owned(), fault }
        })
    })
}

fn label(kind: SectionKind) -> &'static str {
    match kind {
        SectionKind::Certificate => "a certificate",
        SectionKind::RsaPrivateKey | SectionKind::PrivateKey | SectionKind::EcPrivateKey => {
            "a private key"
        }
        SectionKind::PublicKey => "a public key",
        SectionKind::Csr => "a certificate request",
        SectionKind::Crl => "a revocation list",
        _ => "something else",
    }
}

fn missing(file: &Path, wanted: &'static str, others: &[&'static str], text: &[u8]) -> PemError {
    let found = match (others.first(), text.is_empty()) {
        (Some(other), _) => (*other).to_owned(),
        (None, true) => "nothing".to_owned(),
        (None, false) => "no other PEM that is known".to_owned(),
    };
    PemError::Missing { file: file.to_owned(), wanted, found }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let shown = path.display().to_string();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:@".contains(&byte);
    if shown.bytes().all(is_plain) { shown } else { format!("'{}'", shown.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests;
