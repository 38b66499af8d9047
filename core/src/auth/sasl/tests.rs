//! Whole exchanges, both sides; what is bent on the way fails.

use std::sync::LazyLock;

use super::*;
use crate::base::limits;

fn users() -> Users {
    // Hashing takes its time, and once is enough.
    static USERS: LazyLock<Users> = LazyLock::new(|| {
        let mut users = Users::new([7; 16]);
        users.add("bob", "pw", [1; 16]).unwrap();
        users.add("Jürgen, der=\"Große\"", "größer", [2; 16]).unwrap();
        users.add("中", "文", [3; 16]).unwrap();
        users
    });
    USERS.clone()
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Mechanism {
    DigestMd5,
    ScramSha256,
}

const BOTH: [Mechanism; 2] = [Mechanism::DigestMd5, Mechanism::ScramSha256];

impl Mechanism {
    fn client(self, user: &str, password: &str) -> Box<dyn Prover> {
        let nonce = "client".to_owned();
        match self {
            Mechanism::DigestMd5 => Box::new(digest_md5::Client::new(user, password, nonce)),
            Mechanism::ScramSha256 => {
                Box::new(scram::Client::new(user, password, nonce).expect("fit"))
            }
        }
    }
}

fn begin(first: &[u8]) -> Result<(Challenge, Bytes), Refusal> {
    Challenge::begin(&users(), first, "server".into())
}

/// Who did not go on, and why.
#[derive(PartialEq, Debug)]
enum Failed {
    Client(Refusal),
    Server(Refusal),
}

const REFUSED: Result<String, Failed> = Err(Failed::Server(DENIED));

/// An exchange with something done to each token on its way; who it proves.
fn exchange(
    mut client: Box<dyn Prover>,
    bend: &mut dyn FnMut(usize, &mut Vec<u8>),
) -> Result<String, Failed> {
    let mut bent = |stage: usize, token: Bytes| {
        let mut token = token.to_vec();
        bend(stage, &mut token);
        token
    };
    let first = bent(0, client.begin());
    let (challenge, token) = begin(&first).map_err(Failed::Server)?;
    let Step::Send(token) = client.answer(&bent(1, token)).map_err(Failed::Client)? else {
        panic!("done before the server has proven anything");
    };
    let proven = challenge.finish(&users(), &bent(2, token)).map_err(Failed::Server)?;
    match client.answer(&bent(3, proven.token)).map_err(Failed::Client)? {
        Step::Done => Ok(proven.user),
        Step::Send(_) => panic!("a third token"),
    }
}

#[test]
fn both_sides_prove_themselves() {
    for mechanism in BOTH {
        for (user, password) in [("bob", "pw"), ("Jürgen, der=\"Große\"", "größer"), ("中", "文")]
        {
            let proven = exchange(mechanism.client(user, password), &mut |_, _| {});
            assert_eq!(proven.as_deref(), Ok(user), "{mechanism:?}");
        }
    }
}

#[test]
fn another_password_and_another_user_are_denied_alike() {
    for mechanism in BOTH {
        for (user, password) in [
            ("bob", "PW"),
            ("bob", "pw "),
            ("eve", "pw"),
            ("Bob", "pw"),
            ("bob ", "pw"),
            ("中", "pw"),
        ] {
            let proven = exchange(mechanism.client(user, password), &mut |_, _| {});
            assert_eq!(proven, REFUSED, "{mechanism:?} {user} {password}");
        }
    }
}

#[test]
fn a_token_with_one_bit_changed_never_lets_anybody_else_in() {
    for mechanism in BOTH {
        for stage in 1..4 {
            for at in 0..400 {
                let mut is_bent = false;
                let proven = exchange(mechanism.client("bob", "pw"), &mut |number, token| {
                    if number == stage && at < token.len() {
                        token[at] ^= 1;
                        is_bent = true;
                    }
                });
                if !is_bent {
                    break;
                }
                // Some bytes carry no meaning; what may not happen is another user.
                if let Ok(user) = proven {
                    assert_eq!(user, "bob", "{mechanism:?} stage {stage} byte {at}");
                }
            }
        }
    }
}

#[test]
fn long_tokens_and_empty_ones_are_refused() {
    let users = users();
    let long = vec![b'n'; limits::SASL_TOKEN + 1];
    assert!(begin(&long).is_err());
    for first in [&b""[..], b"n,,n=bob,r=x"] {
        for token in [&long[..], b"", b"\xff", b",p=", b"="] {
            let (challenge, _) = begin(first).expect("begun");
            assert!(challenge.finish(&users, token).is_err());
        }
    }
}

#[test]
fn what_is_not_offered_is_refused() {
    for first in ["n,a=bob,n=bob,r=x", "y,,n=bob,r=x", "n,,n=bob,r=x,other=1"] {
        assert!(begin(first.as_bytes()).is_ok(), "{first:?}");
    }
    for first in [
        "p=tls-unique,,n=bob,r=x",
        "n,,m=x,n=bob,r=x",
        "n,a=eve,n=bob,r=x",
        "n,eve,n=bob,r=x",
        "n",
        "n,",
        "n,,",
        "n,,n=bob",
        "n,,n=,r=x",
        "n,,n=bob,r=",
        "x,,n=bob,r=x",
        "\u{1}",
        "GSSAPI",
    ] {
        assert!(begin(first.as_bytes()).is_err(), "{first:?}");
    }
    assert!(begin(b"`\x82\x02").is_err(), "a token of GSSAPI");
}

/// A response of DIGEST-MD5 as a client sends it, with one directive exchanged for another.
fn bent_response(from: &str, to: &str) -> Result<String, Failed> {
    exchange(Mechanism::DigestMd5.client("bob", "pw"), &mut |stage, token| {
        if stage == 2 {
            let text = String::from_utf8(token.clone()).unwrap();
            assert!(text.contains(from), "{from} in {text}");
            *token = text.replacen(from, to, 1).into_bytes();
        }
    })
}

#[test]
fn a_response_to_another_challenge_is_denied() {
    for (from, to) in [
        ("nc=00000001", "nc=00000002"),
        ("realm=\"zk-sasl-md5\"", "realm=\"other\""),
        ("digest-uri=\"zookeeper/zk-sasl-md5\"", "digest-uri=\"hbase/zk-sasl-md5\""),
        ("nonce=\"", "nonce=\"x"),
        ("cnonce=\"client\"", "cnonce=\"\""),
        ("charset=utf-8,", "charset=utf-8,authzid=\"eve\","),
        ("charset=utf-8,", "charset=utf-8,authzid=\"bob\","),
    ] {
        assert_eq!(bent_response(from, to), REFUSED, "{to}");
    }
    for (from, to) in [
        ("qop=auth", "qop=auth-int"),
        ("qop=auth", "qop=auth-conf"),
        ("charset=utf-8", "charset=utf-7"),
        ("username=\"bob\",", ""),
        ("username=\"bob\",", "username=\"bob\",username=\"eve\","),
        ("username=\"bob\",", "username=\"bob,"),
        ("response=", "answer="),
    ] {
        assert!(matches!(bent_response(from, to), Err(Failed::Server(_))), "{to}");
    }
    assert_eq!(bent_response("qop=auth", "maxbuf=65536,qop=auth").as_deref(), Ok("bob"));
    assert_eq!(bent_response(",qop=auth", "").as_deref(), Ok("bob"), "it goes without saying");
}

/// What Java's client sends, which says that it wants to act as itself.
#[test]
fn a_client_may_say_that_it_acts_as_itself() {
    let (challenge, token) = begin(b"").expect("begun");
    assert!(token.starts_with(b"realm=\"zk-sasl-md5\",nonce=\"server\""));
    let exchange = digest_md5::Exchange {
        user: "bob",
        realm: digest_md5::REALM,
        nonce: "server",
        cnonce: "c",
        nc: "00000001",
        digest_uri: digest_md5::DIGEST_URI,
        authzid: Some("bob"),
    };
    let secret = digest_md5::Exchange::secret("bob", digest_md5::REALM, "pw");
    let response = exchange.response(&secret, digest_md5::Proof::Client);
    let token = format!(
        "charset=utf-8,username=\"bob\",realm=\"zk-sasl-md5\",nonce=\"server\",nc=00000001,\
         cnonce=\"c\",digest-uri=\"zookeeper/zk-sasl-md5\",maxbuf=65536,response={response},\
         qop=auth,authzid=\"bob\""
    );
    let proven = challenge.finish(&users(), token.as_bytes()).expect("proven");
    assert_eq!(proven.user, "bob");
}

/// Some clients hash in UTF-8 what the RFC wants in ISO 8859-1.
#[test]
fn a_client_may_hash_in_utf8() {
    let mut users = Users::new([0; 16]);
    users.add("jürgen", "größer", [0; 16]).unwrap();
    for secret in [digest_md5::Exchange::secret, digest_md5::Exchange::secret_in_utf8] {
        let (challenge, _) = Challenge::begin(&users, b"", "server".into()).expect("begun");
        let exchange = digest_md5::Exchange {
            user: "jürgen",
            realm: digest_md5::REALM,
            nonce: "server",
            cnonce: "c",
            nc: "00000001",
            digest_uri: digest_md5::DIGEST_URI,
            authzid: None,
        };
        let secret = secret("jürgen", digest_md5::REALM, "größer");
        let token = format!(
            "charset=utf-8,username=\"jürgen\",realm=\"zk-sasl-md5\",nonce=\"server\",\
             nc=00000001,cnonce=\"c\",digest-uri=\"zookeeper/zk-sasl-md5\",response={}",
            exchange.response(&secret, digest_md5::Proof::Client)
        );
        let proven = challenge.finish(&users, token.as_bytes()).expect("proven");
        let proof = exchange.response(&secret, digest_md5::Proof::Server);
        assert_eq!(proven.token, format!("rspauth={proof}"));
    }
}

#[test]
fn nobody_is_told_whether_a_user_exists() {
    let salt = |name: &str| {
        let (_, token) = begin(format!("n,,n={name},r=x").as_bytes()).expect("begun");
        let token = String::from_utf8(token.to_vec()).unwrap();
        token.split(',').nth(1).unwrap().to_owned()
    };
    assert_eq!(salt("eve"), salt("eve"), "another salt each time would tell");
    assert_ne!(salt("eve"), salt("mallory"));
    assert_eq!(salt("eve").len(), salt("bob").len());
}

#[test]
fn users_show_their_names_only() {
    assert_eq!(format!("{:?}", users()), "{\"Jürgen, der=\\\"Große\\\"\", \"bob\", \"中\"}");
    let (challenge, _) = begin(b"n,,n=bob,r=x").expect("begun");
    assert_eq!(format!("{challenge:?}"), "Challenge { .. }");
}

#[test]
fn users_have_names_and_passwords() {
    let mut users = users();
    let long = "n".repeat(limits::SASL_NAME + 1);
    for name in ["", "a\nb", "a\0", "a@", "a/b/c", long.as_str()] {
        assert!(matches!(users.add(name, "pw", [0; 16]), Err(UserError::Name(_))), "{name:?}");
    }
    for password in ["", "\u{7}", long.as_str()] {
        assert!(matches!(users.add("x", password, [0; 16]), Err(UserError::Password(_))));
    }
    assert_eq!(users.add("bob", "other", [0; 16]), Err(UserError::Twice("bob".into())));
}
