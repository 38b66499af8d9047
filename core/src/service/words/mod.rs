//! Four-letter words: what an operator asks with netcat.
//!
//! The shapes are ZooKeeper's, because tools parse them. A word stands at the very start of a
//! connection, where the length of a handshake would be; no length is that large.
//!
//! One file for each kind of word; `metrics.rs` has the list of all figures of `mntr`.

mod connections;
mod metrics;
mod server;
mod sessions;
mod settings;
mod watches;

use super::peer::Peer;
use super::{Now, Service};

/// Writes the answer to a word.
type Write = fn(&Service, &Peer, Now, &mut String);

/// Every word there is.
const WORDS: &[([u8; 4], Write)] = &[
    (*b"ruok", server::ruok),
    (*b"isro", server::isro),
    (*b"srvr", server::srvr),
    (*b"stat", connections::stat),
    (*b"cons", connections::cons),
    (*b"mntr", metrics::mntr),
    (*b"conf", settings::conf),
    (*b"dump", sessions::dump),
    (*b"wchs", watches::wchs),
];

/// The answer to a word; `None` if it is not one.
pub(super) fn answer(service: &Service, asker: &Peer, word: [u8; 4], now: Now) -> Option<String> {
    let (_, write) = WORDS.iter().find(|(name, _)| *name == word)?;
    let mut out = String::new();
    write(service, asker, now, &mut out);
    Some(out)
}

/// A number with up to four decimals and at least one, as ZooKeeper prints means.
fn decimal(value: f64) -> String {
    let text = format!("{value:.4}");
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_have_one_to_four_decimals() {
        assert_eq!(decimal(0.0), "0.0");
        assert_eq!(decimal(2.8119), "2.8119");
        assert_eq!(decimal(2.5), "2.5");
    }
}
