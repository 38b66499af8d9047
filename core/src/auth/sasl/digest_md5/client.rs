//! The client's side.

use std::fmt;

use bytes::Bytes;
use subtle::ConstantTimeEq;

use super::{DIGEST_URI, Directives, Exchange, Proof, quote};
use crate::auth::sasl::{Prover, Refusal, Step};

/// A client's side of one exchange.
pub struct Client {
    user: String,
    password: String,
    cnonce: String,
    /// What the server has to prove itself with, once the client has.
    expected: Option<String>,
}

impl Client {
    /// An exchange; `cnonce` is printable, unpredictable and never used twice.
    pub fn new(user: &str, password: &str, cnonce: String) -> Client {
        Client { user: user.into(), password: password.into(), cnonce, expected: None }
    }

    /// The answer to the server's challenge.
    fn respond(&mut self, challenge: &Directives) -> Result<Bytes, Refusal> {
        let nonce = challenge.only("nonce")?.ok_or(Refusal("the challenge has no nonce"))?;
        if !challenge.only("algorithm")?.is_some_and(|name| name.eq_ignore_ascii_case("md5-sess")) {
            return Err(Refusal("the challenge is not for md5-sess"));
        }
        let mut offered = challenge.only("qop")?.unwrap_or("auth").split(',').map(str::trim);
        if !offered.any(|qop| qop.eq_ignore_ascii_case("auth")) {
            return Err(Refusal("the server wants a layer below, which nothing here has"));
        }
        let realm = challenge.first("realm");
        let exchange = Exchange {
            user: &self.user,
            realm: realm.unwrap_or_default(),
            nonce,
            cnonce: &self.cnonce,
            nc: "00000001",
            digest_uri: DIGEST_URI,
            authzid: None,
        };
        let secret = Exchange::secret(&self.user, exchange.realm, &self.password);
        let mut token = format!("username={}", quote(&self.user));
        if challenge.only("charset")?.is_some() {
            token.insert_str(0, "charset=utf-8,");
        } else if !self.user.is_ascii() || !self.password.is_ascii() {
            return Err(Refusal("the server knows no names and passwords beyond ASCII"));
        }
        if let Some(realm) = realm {
            token += &format!(",realm={}", quote(realm));
        }
        token += &format!(
            ",nonce={},nc=00000001,cnonce={},digest-uri={},response={},qop=auth",
            quote(nonce),
            quote(&self.cnonce),
            quote(DIGEST_URI),
            exchange.response(&secret, Proof::Client),
        );
        self.expected = Some(exchange.response(&secret, Proof::Server));
        Ok(token.into())
    }
}

impl Prover for Client {
    /// Empty: here the server speaks first.
    fn begin(&mut self) -> Bytes {
        Bytes::new()
    }

    fn answer(&mut self, token: &[u8]) -> Result<Step, Refusal> {
        let directives = Directives::parse(token)?;
        let Some(expected) = self.expected.take() else {
            return self.respond(&directives).map(Step::Send);
        };
        let given = directives.only("rspauth")?.unwrap_or_default();
        if bool::from(given.as_bytes().ct_eq(expected.as_bytes())) {
            Ok(Step::Done)
        } else {
            Err(Refusal("the server does not know the password itself"))
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &[u8] =
        b"realm=\"zk-sasl-md5\",nonce=\"abc\",charset=utf-8,algorithm=md5-sess";

    fn client() -> Client {
        Client::new("bob", "bobsecret", "c0ffee".into())
    }

    fn respond(client: &mut Client, challenge: &[u8]) -> Result<String, Refusal> {
        assert_eq!(client.begin(), "");
        match client.answer(challenge)? {
            Step::Send(token) => Ok(String::from_utf8(token.to_vec()).expect("UTF-8")),
            Step::Done => panic!("nothing was proven yet"),
        }
    }

    #[test]
    fn a_challenge_is_answered_and_the_servers_proof_is_checked() {
        let secret = Exchange::secret("bob", "zk-sasl-md5", "bobsecret");
        let exchange = Exchange {
            user: "bob",
            realm: "zk-sasl-md5",
            nonce: "abc",
            cnonce: "c0ffee",
            nc: "00000001",
            digest_uri: "zookeeper/zk-sasl-md5",
            authzid: None,
        };
        let mut proven = client();
        let sent = respond(&mut proven, CHALLENGE).expect("a response");
        let response = exchange.response(&secret, Proof::Client);
        assert_eq!(
            sent,
            format!(
                "charset=utf-8,username=\"bob\",realm=\"zk-sasl-md5\",nonce=\"abc\",nc=00000001,\
                 cnonce=\"c0ffee\",digest-uri=\"zookeeper/zk-sasl-md5\",response={response},qop=auth"
            )
        );
        let proof = format!("rspauth={}", exchange.response(&secret, Proof::Server));
        assert_eq!(proven.answer(proof.as_bytes()), Ok(Step::Done));

        for lie in [format!("rspauth={response}"), "rspauth=".into(), String::new(), "x=y".into()] {
            let mut deceived = client();
            respond(&mut deceived, CHALLENGE).expect("a response");
            assert!(deceived.answer(lie.as_bytes()).is_err(), "{lie}");
        }
    }

    #[test]
    fn a_challenge_that_asks_for_something_else_is_refused() {
        for bad in [
            &b""[..],
            b"realm=\"r\",charset=utf-8,algorithm=md5-sess",
            b"nonce=\"a\",charset=utf-8",
            b"nonce=\"a\",nonce=\"b\",algorithm=md5-sess",
            b"nonce=\"a\",algorithm=md5",
            b"nonce=\"a\",qop=\"auth-int,auth-conf\",algorithm=md5-sess",
        ] {
            assert!(respond(&mut client(), bad).is_err());
        }
        let mut foreign = Client::new("jürgen", "x", "c".into());
        assert!(respond(&mut foreign, b"nonce=\"a\",algorithm=md5-sess").is_err());
    }

    #[test]
    fn the_password_does_not_show() {
        assert!(!format!("{:?}", client()).contains("secret"));
    }
}
