//! The client's side.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use subtle::ConstantTimeEq;

use super::{KEY, Keys, keyed, prepare};
use crate::auth::sasl::{Prover, Refusal, Step};
use crate::base::limits::{self, SCRAM_FEWEST_ROUNDS, SCRAM_MOST_ROUNDS};

/// Says that the connection below is not bound to the exchange.
const UNBOUND: &str = "n,,";

/// A client's side of one exchange.
pub struct Client {
    /// As it stands in the tokens.
    user: String,
    password: String,
    nonce: String,
    /// What the server has to prove itself with, once the client has.
    expected: Option<[u8; KEY]>,
}

impl Client {
    /// An exchange; `nonce` is printable, without commas, unpredictable and never used twice.
    ///
    /// # Errors
    /// A name or password that is empty or holds characters that neither may.
    pub fn new(user: &str, password: &str, nonce: String) -> Result<Client, Refusal> {
        let user = prepare(user).ok_or(Refusal("the user's name cannot be used with SCRAM"))?;
        let password =
            prepare(password).ok_or(Refusal("the password cannot be used with SCRAM"))?;
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Ok(Client { user, password, nonce, expected: None })
    }

    fn first_bare(&self) -> String {
        format!("n={},r={}", self.user, self.nonce)
    }

    /// The proof, against the salt and the nonce of the server.
    fn prove(&mut self, challenge: &str) -> Result<Bytes, Refusal> {
        let mut fields = challenge.split(',');
        let nonce = take(&mut fields, "r=")?;
        if nonce.len() == self.nonce.len() || !nonce.starts_with(&self.nonce) {
            return Err(Refusal("the server answers another exchange"));
        }
        let salt = BASE64_STANDARD
            .decode(take(&mut fields, "s=")?)
            .map_err(|_| Refusal("the salt is not base64"))?;
        let rounds = take(&mut fields, "i=")?
            .parse()
            .map_err(|_| Refusal("the number of rounds is none"))?;
        if rounds < SCRAM_FEWEST_ROUNDS {
            return Err(Refusal(
                "the server asks for too few rounds: the password would be at risk",
            ));
        }
        if rounds > SCRAM_MOST_ROUNDS {
            return Err(Refusal("the server asks for too many rounds: it would take too long"));
        }
        let keys = Keys::derive(&self.password, &salt, rounds);
        let last = format!("c={},r={nonce}", BASE64_STANDARD.encode(UNBOUND));
        let transcript = format!("{},{challenge},{last}", self.first_bare());
        let mut proof = keyed(&keys.stored(), transcript.as_bytes());
        proof.iter_mut().zip(keys.client).for_each(|(byte, key)| *byte ^= key);
        self.expected = Some(keyed(&keys.server, transcript.as_bytes()));
        Ok(format!("{last},p={}", BASE64_STANDARD.encode(proof)).into())
    }
}

impl Prover for Client {
    fn begin(&mut self) -> Bytes {
        format!("{UNBOUND}{}", self.first_bare()).into()
    }

    fn answer(&mut self, token: &[u8]) -> Result<Step, Refusal> {
        if token.len() > limits::SASL_TOKEN {
            return Err(Refusal("a token is too long"));
        }
        let token = std::str::from_utf8(token).map_err(|_| Refusal("a token is not UTF-8"))?;
        let Some(expected) = self.expected.take() else {
            return self.prove(token).map(Step::Send);
        };
        if token.starts_with("e=") {
            return Err(Refusal("the server refuses the name or the password"));
        }
        let signature = BASE64_STANDARD
            .decode(take(&mut token.split(','), "v=")?)
            .map_err(|_| Refusal("the server's signature is not base64"))?;
        if bool::from(signature.ct_eq(&expected)) {
            Ok(Step::Done)
        } else {
            Err(Refusal("the server does not know the password itself"))
        }
    }
}

/// The next field, which has to be this one: also an extension that must be understood is refused.
fn take<'a>(fields: &mut impl Iterator<Item = &'a str>, name: &str) -> Result<&'a str, Refusal> {
    fields
        .next()
        .and_then(|field| field.strip_prefix(name))
        .ok_or(Refusal("a token is none of SCRAM's"))
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                         s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const LAST: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn client() -> Client {
        Client::new("user", "pencil", NONCE.into()).expect("usable")
    }

    fn send(step: Result<Step, Refusal>) -> Result<String, Refusal> {
        match step? {
            Step::Send(token) => Ok(String::from_utf8(token.to_vec()).expect("UTF-8")),
            Step::Done => panic!("nothing was proven yet"),
        }
    }

    #[test]
    fn the_vectors_of_rfc_7677_hold() {
        let mut client = client();
        assert_eq!(client.begin(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        assert_eq!(
            send(client.answer(FIRST.as_bytes())).expect("a proof"),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(client.answer(LAST.as_bytes()), Ok(Step::Done));
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_refused() {
        let lie = LAST.replace("6r", "7r");
        for bad in [&lie, "v=", "v=!", "", "e=invalid-proof", "x=1", FIRST] {
            let mut client = client();
            send(client.answer(FIRST.as_bytes())).expect("a proof");
            assert!(client.answer(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_challenge_that_does_not_fit_is_refused() {
        let other = FIRST.replace("r=rO", "r=rX");
        let cheap = FIRST.replace("4096", "4095");
        let dear = FIRST.replace("4096", "100001");
        let huge = FIRST.replace("4096", "99999999999");
        let mandatory = format!("m=x,{FIRST}");
        let long = format!("{FIRST},{}", "x".repeat(limits::SASL_TOKEN));
        let own = format!("r={NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        let salt = FIRST.replace("==", "=");
        for bad in ["", &other, &cheap, &dear, &huge, &mandatory, &long, &own, &salt, LAST] {
            assert!(client().answer(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(client().answer(b"\xff").is_err());
    }

    #[test]
    fn names_and_passwords_are_prepared_and_escaped() {
        let mut client = Client::new("a=b,c", "x", "n".into()).expect("usable");
        assert_eq!(client.begin(), "n,,n=a=3Db=2Cc,r=n");
        assert_eq!(prepare("I\u{ad}X").as_deref(), Some("IX"));
        assert_eq!(prepare("\u{2168}").as_deref(), Some("IX"));
        assert!(Client::new("a", "\u{7}", "n".into()).is_err());
        assert!(Client::new("a", "", "n".into()).is_err());
        assert!(!format!("{:?}", self::client()).contains("pencil"));
    }
}
