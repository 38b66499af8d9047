//! The server's side. It keeps nothing that would let anybody log in.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{KEY, Keys, keyed, prepare};
use crate::auth::sasl::{DENIED, Proven, Refusal, Users};
use crate::base::limits;

const NOT_SCRAM: Refusal = Refusal("a token is none of SCRAM's");

/// What a server keeps of a user's password.
#[derive(Clone)]
pub struct Verifier {
    salt: [u8; 16],
    rounds: u32,
    stored: [u8; KEY],
    server: [u8; KEY],
}

impl Verifier {
    /// What is kept of a password; `None` if SCRAM cannot be used with it.
    pub fn new(password: &str, salt: [u8; 16], rounds: u32) -> Option<Verifier> {
        let keys = Keys::derive(&prepare(password)?, &salt, rounds);
        Some(Verifier { salt, rounds, stored: keys.stored(), server: keys.server })
    }

    /// Of somebody who is no user: a salt that is the same each time, and keys that nothing fits.
    pub fn of_nobody(name: &str, seed: &[u8; 16]) -> Verifier {
        let made_up = keyed(seed, name.as_bytes());
        let mut salt = [0; 16];
        salt.copy_from_slice(&made_up[..16]);
        Verifier {
            salt,
            rounds: limits::SCRAM_ROUNDS,
            stored: keyed(seed, b"stored"),
            server: keyed(seed, b"server"),
        }
    }
}

/// A server that has sent salt and rounds.
pub struct Server {
    user: String,
    verifier: Verifier,
    /// What the client said about channel binding and about acting as somebody.
    header: String,
    /// The client's nonce and the server's behind it.
    nonce: String,
    /// The client's first token without `header`, and the server's.
    transcript: String,
}

impl Server {
    /// Takes the client's first token, and gives the one to send.
    ///
    /// # Errors
    /// What is no such token, and one that asks for what is not offered.
    pub fn begin(users: &Users, first: &[u8], nonce: &str) -> Result<(Server, Bytes), Refusal> {
        let first = std::str::from_utf8(first).map_err(|_| NOT_SCRAM)?;
        let mut parts = first.splitn(3, ',');
        match parts.next() {
            // `y`: a client that could bind to the channel, and believes that this server cannot.
            Some("n" | "y") => {}
            Some(binding) if binding.starts_with("p=") => {
                return Err(Refusal("the client wants to bind to the channel below"));
            }
            _ => return Err(NOT_SCRAM),
        }
        let authzid = parts.next().ok_or(NOT_SCRAM)?;
        let bare = parts.next().ok_or(NOT_SCRAM)?;
        let header = first[..first.len() - bare.len()].to_owned();
        let mut fields = bare.split(',');
        let user = unescaped(take(&mut fields, "n=")?)?;
        let theirs = take(&mut fields, "r=")?;
        if theirs.is_empty() || !theirs.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NOT_SCRAM);
        }
        if !authzid.is_empty() && unescaped(authzid.strip_prefix("a=").ok_or(NOT_SCRAM)?)? != user {
            return Err(DENIED);
        }
        let verifier = users.scram(&user);
        let nonce = format!("{theirs}{nonce}");
        let salt = BASE64_STANDARD.encode(verifier.salt);
        let token = format!("r={nonce},s={salt},i={}", verifier.rounds);
        let transcript = format!("{bare},{token}");
        Ok((Server { user, verifier, header, nonce, transcript }, token.into()))
    }

    /// Takes the proof.
    ///
    /// # Errors
    /// What is none, or belongs to another exchange, and whoever does not know the password of a user.
    pub fn finish(self, users: &Users, token: &[u8]) -> Result<Proven, Refusal> {
        let token = std::str::from_utf8(token).map_err(|_| NOT_SCRAM)?;
        let (last, proof) = token.rsplit_once(",p=").ok_or(NOT_SCRAM)?;
        let mut fields = last.split(',');
        let binding = decoded(take(&mut fields, "c=")?)?;
        let nonce = take(&mut fields, "r=")?;
        let mut key: [u8; KEY] = decoded(proof)?.try_into().map_err(|_| NOT_SCRAM)?;
        if binding != self.header.as_bytes() || nonce != self.nonce {
            return Err(DENIED);
        }
        let transcript = format!("{},{last}", self.transcript);
        let signature = keyed(&self.verifier.stored, transcript.as_bytes());
        key.iter_mut().zip(signature).for_each(|(byte, signed)| *byte ^= signed);
        let is_proven = Sha256::digest(key).ct_eq(&self.verifier.stored);
        if !bool::from(is_proven) || users.get(&self.user).is_none() {
            return Err(DENIED);
        }
        let signature = keyed(&self.verifier.server, transcript.as_bytes());
        let token = format!("v={}", BASE64_STANDARD.encode(signature));
        Ok(Proven { user: self.user, token: token.into() })
    }
}

/// The next field, which has to be this one: also an extension that must be understood is refused.
fn take<'a>(fields: &mut impl Iterator<Item = &'a str>, name: &str) -> Result<&'a str, Refusal> {
    fields.next().and_then(|field| field.strip_prefix(name)).ok_or(NOT_SCRAM)
}

fn decoded(text: &str) -> Result<Vec<u8>, Refusal> {
    BASE64_STANDARD.decode(text).map_err(|_| NOT_SCRAM)
}

/// The name without what keeps its commas and equals signs out of the way. Any other use of the equals
/// sign is none.
fn unescaped(text: &str) -> Result<String, Refusal> {
    let mut parts = text.split('=');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (sign, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(NOT_SCRAM),
        };
        name.push(sign);
        name.push_str(rest);
    }
    let is_name = (1..=limits::SASL_NAME).contains(&name.len());
    is_name.then(|| prepare(&name)).flatten().ok_or(NOT_SCRAM)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677, section 3, seen by the server.
    #[test]
    fn the_vectors_of_rfc_7677_hold_for_the_server() {
        let mut users = Users::new([0; 16]);
        users.add("user", "pencil", [0; 16]).expect("fit");
        let ours = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let first = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
        let (mut server, _) = Server::begin(&users, first, ours).expect("begun");
        let salt = decoded("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let salt = salt.try_into().expect("16 bytes");
        server.verifier = Verifier::new("pencil", salt, 4_096).expect("fit");
        let token = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                     s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        server.transcript = format!("n=user,r=rOprNGfwEbeRWgbNEkqO,{token}");
        let last = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let proven = server.finish(&users, last).expect("proven");
        assert_eq!(proven.user, "user");
        assert_eq!(proven.token, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn names_with_commas_and_equals_signs_come_through() {
        for (text, name) in [("a=2Cb", "a,b"), ("a=3Db", "a=b"), ("=3D2C", "=2C"), ("x", "x")] {
            assert_eq!(unescaped(text).as_deref(), Ok(name));
        }
        for text in ["", "a=", "a=2", "a=2c", "=41", "\u{7}"] {
            assert!(unescaped(text).is_err(), "{text:?}");
        }
    }
}
