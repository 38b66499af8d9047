//! Proofs of identity: the tokens of both SASL mechanisms on both sides, digests, and names.
//!
//! Nothing may panic or take long, nobody is proven who does not know the password, no server is
//! believed that does not, and an exchange between honest sides succeeds only if nothing was changed
//! that counts.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tenure::auth::sasl::{Challenge, Prover, Step, Users, digest_md5, scram};
use tenure::auth::{DigestAlgorithm, digest, kerberos_name, x509_name};

const USER: &str = "bob";
const PASSWORD: &str = "pencil";

fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else { return };
    match kind % 6 {
        0 => server(rest),
        1 => client(Box::new(digest_md5::Client::new(USER, PASSWORD, "c0ffee".into())), rest),
        2 => client(Box::new(scrammer()), rest),
        3 => between(kind / 6, rest),
        4 => digests(rest),
        _ => names(&String::from_utf8_lossy(rest)),
    }
});

/// The one user there is. Making the keys takes its time, so it is done once.
fn users() -> &'static Users {
    static USERS: OnceLock<Users> = OnceLock::new();
    USERS.get_or_init(|| {
        let mut users = Users::new([7; 16]);
        users.add(USER, PASSWORD, [9; 16]).expect("a name and a password");
        users
    })
}

fn scrammer() -> scram::Client {
    scram::Client::new(USER, PASSWORD, "c0ffee".into()).expect("a name and a password")
}

/// A client that makes its tokens up.
fn server(tokens: &[u8]) {
    let mut parts = tokens.splitn(2, |&byte| byte == 0);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if let Ok((challenge, _)) = Challenge::begin(users(), first, "n0nce".into()) {
        let proven = challenge.finish(users(), second);
        assert!(proven.is_err(), "a proof without the password");
    }
}

/// A server that makes its tokens up.
fn client(mut prover: Box<dyn Prover>, tokens: &[u8]) {
    prover.begin();
    for token in tokens.split(|&byte| byte == 0).take(4) {
        match prover.answer(token) {
            Ok(Step::Send(_)) => {}
            Ok(Step::Done) => panic!("a server is believed that knows nothing"),
            Err(_) => return,
        }
    }
}

/// Both sides are honest, and somebody between them changes bytes of the client's second token.
fn between(mechanism: u8, changes: &[u8]) {
    let mut prover: Box<dyn Prover> = match mechanism % 2 {
        0 => Box::new(digest_md5::Client::new(USER, PASSWORD, "c0ffee".into())),
        _ => Box::new(scrammer()),
    };
    let begun = Challenge::begin(users(), &prover.begin(), "n0nce".into());
    let (challenge, token) = begun.expect("an honest client begins");
    let Ok(Step::Send(token)) = prover.answer(&token) else {
        panic!("an honest client answers an honest server");
    };
    let mut changed = token.to_vec();
    for change in changes.chunks_exact(3) {
        let place = usize::from(u16::from_be_bytes([change[0], change[1]])) % changed.len();
        changed[place] = change[2];
    }
    let is_honest = changed == token;
    match challenge.finish(users(), &changed) {
        Ok(proven) => {
            // Case, blanks and the like do not count, in what is compared without regard to them.
            assert_eq!(proven.user, USER);
            let believed = prover.answer(&proven.token);
            assert!(!is_honest || matches!(believed, Ok(Step::Done)), "honest and not believed");
        }
        Err(refusal) => assert!(!is_honest, "honest and refused: {refusal}"),
    }
    if cfg!(feature = "planted") {
        assert!(!changed.starts_with(b"c=biw"), "planted");
    }
}

fn digests(login: &[u8]) {
    for algorithm in [DigestAlgorithm::Sha1, DigestAlgorithm::Sha256, DigestAlgorithm::Sha512] {
        let id = algorithm.id(login);
        assert!(digest::is_same(&id, &algorithm.id(login)));
        let user = String::from_utf8_lossy(login);
        let user = user.split(':').next().unwrap_or_default();
        let hash = id.strip_prefix(user).and_then(|rest| rest.strip_prefix(':'));
        assert!(hash.is_some_and(|hash| !hash.is_empty() && !hash.contains(':')), "{id:?}");
    }
}

fn names(text: &str) {
    let is_kerberos = kerberos_name::is_valid(text);
    assert!(!is_kerberos || !text.contains('\0') && text.matches('/').count() <= 1);
    let _ = x509_name::is_valid(text);
}
