//! Files as `rcgen` and `openssl` write them, and files that are something else.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};

use rcgen::{CertificateParams, Issuer, KeyPair};
use tempfile::TempDir;

use super::*;

/// A directory with the certificate of a server, its authority, and their keys.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Files {
        let files = Files { directory: TempDir::new().unwrap() };
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap();
        files.write("ca.pem", authority.pem());
        files.write("ca.key", key.serialize_pem());
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        files.write("server.pem", certificate.pem());
        files.write("server.der", certificate.der());
        files.write("server.key", key.serialize_pem());
        files.write("key.der", key.serialize_der());
        files.write("chain.pem", certificate.pem() + &authority.pem());
        files.write("all.pem", key.serialize_pem() + &certificate.pem() + &authority.pem());
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// Runs a command in the directory. Returns false if its program is not on this machine.
    fn shell(&self, command: &str, input: &str) -> bool {
        let program = command.split(' ').next().unwrap();
        let known = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
        if !known.unwrap().status.success() {
            eprintln!("SKIPPED: {program} is not installed, and {command} was not tried");
            return false;
        }
        // Without a terminal a password is asked of the standard input.
        let mut shell = Command::new("setsid");
        shell.args(["sh", "-c", command]).current_dir(self.directory.path());
        let (stdin, out) = (Stdio::piped(), Stdio::piped());
        let mut child = shell.stdin(stdin).stdout(out).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {said}");
        true
    }
}

fn command(error: &PemError) -> String {
    match error {
        PemError::Format { command, .. } | PemError::Encrypted { command, .. } => command.clone(),
        other => panic!("no command in: {other}"),
    }
}

#[test]
fn a_chain_keeps_its_order_and_may_share_a_file_with_the_key() {
    let files = Files::new();
    assert_eq!(certificates(&files.path("chain.pem")).unwrap().len(), 2);
    let own = certificates(&files.path("server.pem")).unwrap();
    assert_eq!(certificates(&files.path("all.pem")).unwrap()[0], own[0]);
    private_key(&files.path("all.pem")).unwrap();
    assert_eq!(authorities(&files.path("ca.pem")).unwrap().len(), 1);
    identity(&files.path("all.pem"), &files.path("all.pem")).unwrap();
    identity(&files.path("chain.pem"), &files.path("server.key")).unwrap();
}

#[test]
fn a_mark_and_the_line_ends_of_another_system_change_nothing() {
    let files = Files::new();
    let text = std::fs::read_to_string(files.path("chain.pem")).unwrap();
    let marked = files.write("marked.pem", format!("\u{feff}{}", text.replace('\n', "\r\n")));
    assert_eq!(certificates(&marked).unwrap(), certificates(&files.path("chain.pem")).unwrap());
}

#[test]
fn every_form_of_a_key_that_openssl_writes_is_taken() {
    let files = Files::new();
    let made = [
        ("openssl genrsa -out pkcs8.key 2048", "pkcs8.key"),
        ("openssl rsa -in pkcs8.key -traditional -out pkcs1.key", "pkcs1.key"),
        ("openssl ecparam -name prime256v1 -genkey -noout -out sec1.key", "sec1.key"),
        ("openssl ecparam -name secp384r1 -genkey -out params.key", "params.key"),
        ("openssl genpkey -algorithm ed25519 -out ed25519.key", "ed25519.key"),
    ];
    for (made, name) in made {
        if files.shell(made, "") {
            let key = private_key(&files.path(name)).unwrap();
            crate::io::tls::provider().key_provider.load_private_key(key).expect(name);
        }
    }
}

#[test]
fn an_encrypted_key_is_refused_with_the_command_that_decrypts_it() {
    let files = Files::new();
    let made = [
        "openssl pkcs8 -topk8 -in server.key -passout pass:secret -out locked.key",
        "openssl ec -aes128 -in server.key -passout pass:secret -out locked.key",
    ];
    for made in made {
        if !files.shell(made, "") {
            return;
        }
        let error = private_key(&files.path("locked.key")).unwrap_err();
        assert!(matches!(error, PemError::Encrypted { .. }), "{error}");
        assert!(files.shell(&command(&error), "secret\n"));
        identity(&files.path("server.pem"), &files.path("plain.key")).unwrap();
    }
}

#[test]
fn a_pkcs12_store_is_refused_with_the_command_that_converts_it() {
    let files = Files::new();
    let made = "openssl pkcs12 -export -in chain.pem -inkey server.key -passout pass:secret \
                -out store.p12";
    if !files.shell(made, "") {
        return;
    }
    let store = files.path("store.p12");
    let error = certificates(&store).unwrap_err();
    assert!(error.to_string().contains("PKCS#12"), "{error}");
    files.shell(&command(&error), "secret\n");
    files.shell(&command(&private_key(&store).unwrap_err()), "secret\n");
    identity(&files.path("certificates.pem"), &files.path("key.pem")).unwrap();
}

#[test]
fn a_java_store_is_refused_with_the_command_that_converts_it() {
    let files = Files::new();
    let made = "keytool -genkeypair -alias own -keyalg EC -groupname secp256r1 -dname CN=own \
                -storetype JKS -keystore store.jks -storepass secret -keypass secret";
    if !files.shell(made, "") {
        return;
    }
    let store = files.path("store.jks");
    let error = authorities(&store).unwrap_err();
    assert!(error.to_string().contains("JKS"), "{error}");
    files.shell(&command(&error), "secret\n");
    assert_eq!(certificates(&files.path("certificates.pem")).unwrap().len(), 1);
    // One at a time: without a terminal the first reads what is meant for the second.
    let command = command(&private_key(&store).unwrap_err());
    let (import, export) = command.split_once(" && ").unwrap();
    files.shell(import, "secret\nsecret\nsecret\n");
    files.shell(export, "secret\n");
    // Java leaves the public half out.
    let error = identity(&files.path("certificates.pem"), &files.path("key.pem")).unwrap_err();
    let error = error.to_string();
    files.shell(error.split("whole: ").nth(1).expect(&error), "");
    identity(&files.path("certificates.pem"), &files.path("whole.key")).unwrap();
}

#[test]
fn der_is_refused_with_the_command_that_converts_it() {
    let files = Files::new();
    let error = certificates(&files.path("server.der")).unwrap_err();
    if files.shell(&command(&error), "") {
        files.shell(&command(&private_key(&files.path("key.der")).unwrap_err()), "");
        identity(&files.path("certificates.pem"), &files.path("key.pem")).unwrap();
    }
}

#[test]
fn what_is_missing_is_named_with_what_is_there() {
    let files = Files::new();
    let error = certificates(&files.path("server.key")).unwrap_err().to_string();
    assert!(error.contains("server.key holds no certificate, but a private key"), "{error}");
    let error = private_key(&files.path("chain.pem")).unwrap_err().to_string();
    assert!(error.contains("chain.pem holds no private key, but a certificate"), "{error}");
    let error = certificates(&files.write("empty", "")).unwrap_err().to_string();
    assert!(error.contains("holds no certificate, but nothing"), "{error}");
    let error = certificates(&files.path("nowhere.pem")).unwrap_err().to_string();
    assert!(error.contains("nowhere.pem: No such file"), "{error}");
    let error = certificates(files.directory.path()).unwrap_err();
    assert!(matches!(error, PemError::NoFile { .. }), "{error}");
}

#[test]
fn what_is_broken_is_refused_and_never_printed() {
    let files = Files::new();
    let key = std::fs::read_to_string(files.path("server.key")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    let torn: String = key.lines().take(2).map(|line| format!("{line}\n")).collect();
    let foul = key.replace(secret, &format!("!{secret}"));
    let short = key.replace(secret, &secret[..secret.len() - 8]);
    for (name, text) in [("torn", torn), ("foul", foul), ("short", short)] {
        let error = identity(&files.path("server.pem"), &files.write(name, text)).unwrap_err();
        let (shown, detail) = (error.to_string(), format!("{error:?}"));
        assert!(shown.contains(name), "{shown}");
        assert!(!shown.contains(&secret[4..24]) && !detail.contains(&secret[4..24]), "{detail}");
    }
    let long = vec![b'#'; limits::PEM_FILE + 1];
    let error = certificates(&files.write("long", long)).unwrap_err();
    assert!(matches!(error, PemError::TooLong { .. }), "{error}");
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let files = Files::new();
    let error = identity(&files.path("server.pem"), &files.path("ca.key")).unwrap_err();
    assert!(matches!(error, PemError::Mismatch { .. }), "{error}");
    let command = error.to_string();
    let command = command.split("it does: ").nth(1).unwrap();
    files.shell(command, "");
}

#[test]
fn a_path_reaches_the_shell_in_one_piece() {
    assert_eq!(quoted(Path::new("/etc/tenure/server.key")), "/etc/tenure/server.key");
    assert_eq!(quoted(Path::new("/my keys/a'b")), r"'/my keys/a'\''b'");
}
