//! The server's side.

use bytes::Bytes;
use subtle::{Choice, ConstantTimeEq};

use super::{DIGEST_URI, Directives, Exchange, Proof, REALM, quote};
use crate::auth::sasl::{DENIED, Proven, Refusal, Users};

/// A nonce is used once, so this is the only count there is.
const FIRST_USE: &str = "00000001";

/// What a server keeps of a user's password. By the nature of the mechanism, whoever has it can log
/// in.
///
/// Some clients hash names and passwords in UTF-8 even where the RFC wants ISO 8859-1.
#[derive(Clone)]
pub struct Verifier {
    by_rfc: [u8; 16],
    utf8: [u8; 16],
}

impl Verifier {
    /// What is kept of this password.
    pub fn new(user: &str, password: &str) -> Verifier {
        Verifier {
            by_rfc: Exchange::secret(user, REALM, password),
            utf8: Exchange::secret_in_utf8(user, REALM, password),
        }
    }
}

/// A server that has sent its challenge.
pub struct Server {
    nonce: String,
}

impl Server {
    /// An exchange, and the challenge to send.
    pub fn begin(nonce: String) -> (Server, Bytes) {
        let challenge = format!(
            "realm={},nonce={},qop=\"auth\",charset=utf-8,algorithm=md5-sess",
            quote(REALM),
            quote(&nonce)
        );
        (Server { nonce }, challenge.into())
    }

    /// Takes the response.
    ///
    /// # Errors
    /// What is none, or one to another challenge, and whoever does not know the password of a user.
    pub fn finish(self, users: &Users, token: &[u8]) -> Result<Proven, Refusal> {
        let sent = Directives::parse(token)?;
        let required =
            |name| sent.only(name)?.ok_or(Refusal("the response lacks something it must have"));
        let user = required("username")?;
        match sent.only("charset")? {
            Some(charset) if charset.eq_ignore_ascii_case("utf-8") => {}
            None if user.is_ascii() => {}
            _ => return Err(Refusal("the response is in an encoding that was not offered")),
        }
        if sent.only("qop")?.is_some_and(|qop| qop != "auth") {
            return Err(Refusal("the client wants a layer below, which nothing here has"));
        }
        let exchange = Exchange {
            user,
            realm: required("realm")?,
            nonce: required("nonce")?,
            cnonce: required("cnonce")?,
            nc: required("nc")?,
            digest_uri: required("digest-uri")?,
            authzid: sent.only("authzid")?,
        };
        let answers_this = exchange.realm == REALM
            && exchange.nonce == self.nonce
            && exchange.nc == FIRST_USE
            && exchange.digest_uri.eq_ignore_ascii_case(DIGEST_URI)
            && !exchange.cnonce.is_empty();
        // Java's client says that it wants to act as itself. As another, nobody may.
        if !answers_this || exchange.authzid.is_some_and(|authzid| authzid != user) {
            return Err(DENIED);
        }
        prove(users, &exchange, required("response")?)
    }
}

/// Compares with what the user would have sent. Takes as long where there is no such user.
fn prove(users: &Users, exchange: &Exchange<'_>, response: &str) -> Result<Proven, Refusal> {
    let nobody = Verifier { by_rfc: [0; 16], utf8: [0; 16] };
    let known = users.get(exchange.user).map(|known| &known.digest);
    let Verifier { by_rfc, utf8 } = known.unwrap_or(&nobody);
    let fits = |secret| {
        let expected = exchange.response(secret, Proof::Client);
        expected.as_bytes().ct_eq(response.as_bytes())
    };
    let (fits_rfc, fits_utf8) = (fits(by_rfc), fits(utf8));
    let exists = Choice::from(u8::from(known.is_some()));
    if !bool::from(exists & (fits_rfc | fits_utf8)) {
        return Err(DENIED);
    }
    let secret = if bool::from(fits_rfc) { by_rfc } else { utf8 };
    let token = format!("rspauth={}", exchange.response(secret, Proof::Server));
    Ok(Proven { user: exchange.user.to_owned(), token: token.into() })
}
