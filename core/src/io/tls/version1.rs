//! Certificates of X.509 version 1, which Java takes and rustls does not.
//!
//! They have no extensions: nothing in them says whether they may sign others or what they are for. So
//! one is taken only as the server's own, or as that of the client itself when an authority that is
//! trusted has signed it directly. All others are left to the verifier that rustls has.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, InconsistentKeys,
    SignatureScheme,
};
use x509_parser::oid_registry::{OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA};
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate, X509Version};

/// Judges certificates of version 1 itself and leaves all others to the verifier it is made of.
#[derive(Debug)]
pub(super) struct AlsoVersion1 {
    others: Arc<dyn ClientCertVerifier>,
    authorities: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl AlsoVersion1 {
    /// The authorities are those that `others` trusts.
    pub(super) fn beside(
        others: Arc<dyn ClientCertVerifier>,
        authorities: Vec<CertificateDer<'static>>,
    ) -> AlsoVersion1 {
        let algorithms = super::provider().signature_verification_algorithms;
        AlsoVersion1 { others, authorities, algorithms }
    }
}

impl ClientCertVerifier for AlsoVersion1 {
    fn offer_client_auth(&self) -> bool {
        self.others.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.others.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.others.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match of_version1(end_entity) {
            Some(certificate) => verified(&certificate, &self.authorities, now),
            None => self.others.verify_client_cert(end_entity, intermediates, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if of_version1(cert).is_some() {
            // Older handshakes check a signature by the whole certificate, which has to be of
            // version 3 for that.
            return Err(Error::General("a certificate of version 1 needs TLS 1.3".into()));
        }
        self.others.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let Some(certificate) = of_version1(cert) else {
            return self.others.verify_tls13_signature(message, cert, dss);
        };
        let key = SubjectPublicKeyInfoDer::from(certificate.public_key().raw);
        verify_tls13_signature_with_raw_key(message, &key, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.others.supported_verify_schemes()
    }
}

/// What [`CertifiedKey::keys_match`] says of certificates of version 3; `None` for those.
pub(super) fn keys_match(identity: &CertifiedKey) -> Option<Result<(), Error>> {
    let certificate = of_version1(identity.cert.first()?)?;
    Some(match identity.key.public_key() {
        None => Err(InconsistentKeys::Unknown.into()),
        Some(key) if key.as_ref() == certificate.public_key().raw => Ok(()),
        Some(_) => Err(InconsistentKeys::KeyMismatch.into()),
    })
}

/// The certificate, if it is whole and of version 1.
fn of_version1<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    let (rest, certificate) = X509Certificate::from_der(der.as_ref()).ok()?;
    (rest.is_empty() && certificate.version() == X509Version::V1).then_some(certificate)
}

/// Whether one of the authorities has signed this certificate, and it is valid now.
fn verified(
    certificate: &X509Certificate<'_>,
    authorities: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<ClientCertVerified, Error> {
    if !certificate.extensions().is_empty() {
        // Version 1 has none; whoever writes some means them to be heeded.
        return Err(CertificateError::BadEncoding.into());
    }
    if [OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA]
        .contains(&certificate.signature_algorithm.algorithm)
    {
        return Err(CertificateError::BadSignature.into());
    }
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let now = ASN1Time::from_timestamp(seconds).map_err(|_| CertificateError::BadEncoding)?;
    if now < certificate.validity().not_before {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > certificate.validity().not_after {
        return Err(CertificateError::Expired.into());
    }
    let mut fault = CertificateError::UnknownIssuer;
    for der in authorities {
        let Ok((_, authority)) = X509Certificate::from_der(der.as_ref()) else {
            continue;
        };
        if authority.subject().as_raw() != certificate.issuer().as_raw() || !may_sign(&authority) {
            continue;
        }
        if certificate.verify_signature(Some(authority.public_key())).is_ok() {
            return Ok(ClientCertVerified::assertion());
        }
        fault = CertificateError::BadSignature;
    }
    Err(fault.into())
}

/// Whether a trusted certificate may sign others whose names are not looked at any further.
fn may_sign(authority: &X509Certificate<'_>) -> bool {
    let constraints = authority.basic_constraints().ok().flatten();
    let is_authority = constraints.is_none_or(|constraints| constraints.value.ca);
    let signs = authority
        .key_usage()
        .is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign()));
    is_authority && signs && matches!(authority.name_constraints(), Ok(None))
}

#[cfg(test)]
mod tests;
