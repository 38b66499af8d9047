//! Certificates of version 1, made byte by byte, in handshakes that never touch a socket.

#![allow(clippy::unwrap_used)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, GeneralSubtree, IsCa, KeyPair, NameConstraints,
    PublicKeyData, SigningKey,
};
use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    SupportedProtocolVersion, version,
};

use super::super::{pem, provider};
use super::*;

/// `ecdsaWithSHA256` and the old one with SHA-1, as an algorithm identifier has them.
const SHA256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
const SHA1_WITH_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x05];

struct Authority {
    key: KeyPair,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn with(set: impl FnOnce(&mut CertificateParams)) -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        set(&mut params);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Authority { key, certificate }
    }

    fn new() -> Authority {
        Authority::with(|_| ())
    }
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[tag, 0x82, length[0], length[1]][..], &body].concat()
}

/// A certificate of version 1 for `key`, in the name of one authority and signed with its key.
struct Version1 {
    algorithm: &'static [u8],
    from: &'static str,
    until: &'static str,
}

const GOOD: Version1 =
    Version1 { algorithm: SHA256, from: "20000101000000Z", until: "20990101000000Z" };

impl Version1 {
    fn signed(&self, authority: &Authority, key: &KeyPair) -> CertificateDer<'static> {
        let (_, issuer) = X509Certificate::from_der(authority.certificate.as_ref()).unwrap();
        let algorithm = tlv(0x30, &[&tlv(0x06, &[self.algorithm])]);
        let time = |text: &str| tlv(0x18, &[text.as_bytes()]);
        let common_name =
            tlv(0x30, &[&tlv(0x06, &[&[0x55, 0x04, 0x03]]), &tlv(0x0C, &[b"client"])]);
        let body = tlv(
            0x30,
            &[
                &tlv(0x02, &[&[7]]),
                &algorithm,
                issuer.subject().as_raw(),
                &tlv(0x30, &[&time(self.from), &time(self.until)]),
                &tlv(0x30, &[&tlv(0x31, &[&common_name])]),
                &key.subject_public_key_info(),
            ],
        );
        let signature = authority.key.sign(&body).unwrap();
        tlv(0x30, &[&body, &algorithm, &tlv(0x03, &[&[0], &signature])]).into()
    }
}

/// Takes any certificate: not the server is tried here.
#[derive(Debug)]
struct Gullible;

impl ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// The key `key` with a certificate that may be another's.
fn identity(certificate: &CertificateDer<'static>, key: &KeyPair) -> Arc<SingleCertAndKey> {
    let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = provider().key_provider.load_private_key(der).unwrap();
    Arc::new(SingleCertAndKey::from(CertifiedKey::new(vec![certificate.clone()], key)))
}

fn handshake(
    trusted: &Authority,
    client: Arc<SingleCertAndKey>,
    version: &'static SupportedProtocolVersion,
) -> Result<ServerConnection, Error> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.certificate.clone()).unwrap();
    let others = WebPkiClientVerifier::builder_with_provider(roots.into(), provider());
    let verifier = AlsoVersion1::beside(others.build().unwrap(), vec![trusted.certificate.clone()]);
    let server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(identity(&trusted.certificate, &trusted.key));
    let client = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Gullible))
        .with_client_cert_resolver(client);
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    while server.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut &*bytes).unwrap();
        server.process_new_packets()?;
        let mut bytes = Vec::new();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut &*bytes).unwrap();
        client.process_new_packets().unwrap();
    }
    Ok(server)
}

#[test]
fn a_client_is_known_by_a_certificate_of_version_1() {
    let (authority, key) = (Authority::new(), KeyPair::generate().unwrap());
    let certificate = GOOD.signed(&authority, &key);
    let server = handshake(&authority, identity(&certificate, &key), &version::TLS13).unwrap();
    assert_eq!(server.peer_certificates(), Some(&[certificate][..]));
}

#[test]
fn a_client_that_lacks_the_key_of_its_certificate_is_refused() {
    let (authority, key) = (Authority::new(), KeyPair::generate().unwrap());
    let certificate = GOOD.signed(&authority, &key);
    let thief = identity(&certificate, &KeyPair::generate().unwrap());
    let refused = handshake(&authority, thief, &version::TLS13).unwrap_err();
    assert_eq!(refused, CertificateError::BadSignature.into());
}

#[test]
fn an_older_handshake_is_refused() {
    let (authority, key) = (Authority::new(), KeyPair::generate().unwrap());
    let client = identity(&GOOD.signed(&authority, &key), &key);
    let refused = handshake(&authority, client, &version::TLS12).unwrap_err();
    assert!(refused.to_string().contains("needs TLS 1.3"), "{refused}");
}

#[test]
fn certificates_of_version_3_are_judged_as_before() {
    let (authority, key) = (Authority::new(), KeyPair::generate().unwrap());
    let stranger = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    for version in [&version::TLS12, &version::TLS13] {
        let client = identity(stranger.der(), &key);
        let refused = handshake(&authority, client, version).unwrap_err();
        assert_eq!(refused, CertificateError::UnknownIssuer.into());
    }
}

#[test]
fn who_is_not_vouched_for_is_refused() {
    let key = KeyPair::generate().unwrap();
    let judge = |certificate: &CertificateDer<'_>, trusted: &[&Authority]| {
        let trusted: Vec<_> = trusted.iter().map(|it| it.certificate.clone()).collect();
        let parsed = of_version1(certificate).expect("it is of version 1");
        verified(&parsed, &trusted, UnixTime::now()).map(|_| ())
    };
    let refused = |fault: CertificateError| Err(fault.into());
    let (authority, namesake) = (Authority::new(), Authority::new());
    let good = GOOD.signed(&authority, &key);
    assert_eq!(judge(&good, &[&namesake, &authority]), Ok(()));
    assert_eq!(judge(&good, &[&namesake]), refused(CertificateError::BadSignature));
    assert_eq!(judge(&good, &[]), refused(CertificateError::UnknownIssuer));

    let expired = Version1 { until: "20200101000000Z", ..GOOD }.signed(&authority, &key);
    assert_eq!(judge(&expired, &[&authority]), refused(CertificateError::Expired));
    let future = Version1 { from: "20980101000000Z", ..GOOD }.signed(&authority, &key);
    assert_eq!(judge(&future, &[&authority]), refused(CertificateError::NotValidYet));
    let weak = Version1 { algorithm: SHA1_WITH_RSA, ..GOOD }.signed(&authority, &key);
    assert_eq!(judge(&weak, &[&authority]), refused(CertificateError::BadSignature));

    // A client that is trusted by its own certificate does not make others.
    let client = Authority::with(|params| params.is_ca = IsCa::ExplicitNoCa);
    let bred = GOOD.signed(&client, &key);
    assert_eq!(judge(&bred, &[&client]), refused(CertificateError::UnknownIssuer));
    let purpose = Authority::with(|params| {
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    });
    let bred = GOOD.signed(&purpose, &key);
    assert_eq!(judge(&bred, &[&purpose]), refused(CertificateError::UnknownIssuer));
    // Nobody here compares names with what an authority is confined to.
    let confined = Authority::with(|params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("example".into())],
            excluded_subtrees: Vec::new(),
        });
    });
    let bred = GOOD.signed(&confined, &key);
    assert_eq!(judge(&bred, &[&confined]), refused(CertificateError::UnknownIssuer));
}

#[test]
fn a_server_has_one_with_its_own_key() {
    let (authority, key) = (Authority::new(), KeyPair::generate().unwrap());
    let directory = tempfile::TempDir::new().unwrap();
    let (chain, own) = (directory.path().join("chain.pem"), directory.path().join("own.key"));
    let body = STANDARD.encode(GOOD.signed(&authority, &key));
    let text = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    std::fs::write(&chain, text).unwrap();
    std::fs::write(&own, key.serialize_pem()).unwrap();
    assert_eq!(pem::identity(&chain, &own).unwrap().cert.len(), 1);
    std::fs::write(&own, authority.key.serialize_pem()).unwrap();
    let refused = pem::identity(&chain, &own).unwrap_err();
    assert!(matches!(refused, pem::PemError::Mismatch { .. }), "{refused}");
}
