//! Four-letter words: what an operator asks with netcat.
//!
//! The shapes are ZooKeeper's, because tools parse them. A word stands at the very start of a
//! connection, where the length of a handshake would be; no length is that large.
//!
//! Anybody can ask, so no word may hurt: which ones are answered is chosen at the start, an answer has
//! a length at which it is cut, all long answers of a second together have another, and no lock that a
//! heartbeat or a write needs is held for longer than a few hundred lines.
//!
//! One file for each kind of word; `metrics.rs` has the list of all figures of `mntr`.

mod allowed;
mod connections;
mod environment;
mod listing;
mod metrics;
mod server;
mod sessions;
mod settings;
mod trace;
mod watches;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::peer::Peer;
use super::{Now, Service};
use crate::base::Moment;

pub use allowed::{Allowed, DEFAULT, UnknownWord};
pub use environment::{Descriptors, Host};
use listing::{Listing, Purse};

/// How many things are copied under one guard.
const SLICE: usize = 256;

/// What a telnet client sends for an interrupt. It ends the connection, and is no word.
const TELNET_INTERRUPT: [u8; 4] = [0xFF, 0xF4, 0xFF, 0xFD];

/// What a word says where the server does not serve, and a newline.
const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests";

/// One word.
struct Word {
    name: [u8; 4],
    /// What it says where the server does not serve; `None` if it says what it always says.
    not_serving: Option<&'static str>,
    /// How many bytes belong to it besides its name.
    more: usize,
    answer: Answer,
}

/// What writes the answer to a word.
#[derive(Clone, Copy)]
enum Answer {
    /// Of about the same length always.
    Short(fn(&Asked<'_>, &mut String)),
    /// As long as what the server holds.
    Long(fn(&Asked<'_>, &mut Listing<'_>)),
}

use Answer::{Long, Short};

/// Who asks whom, and when.
struct Asked<'a> {
    service: &'a Service,
    asker: &'a Peer,
    now: Now,
    /// What follows the word.
    more: &'a [u8],
}

const fn word(name: &[u8; 4], answer: Answer) -> Word {
    Word { name: *name, not_serving: Some("not serving"), more: 0, answer }
}

const fn always(name: &[u8; 4], answer: Answer) -> Word {
    Word { not_serving: None, ..word(name, answer) }
}

/// Every word there is. Which one it is, is a place in this list.
const WORDS: &[Word] = &[
    always(b"ruok", Short(server::ruok)),
    Word { not_serving: Some("null"), ..word(b"isro", Short(server::isro)) },
    word(b"srvr", Short(server::srvr)),
    word(b"stat", Long(connections::stat)),
    word(b"cons", Long(connections::cons)),
    word(b"crst", Short(connections::crst)),
    word(b"srst", Short(server::srst)),
    word(b"mntr", Short(metrics::mntr)),
    word(b"conf", Short(settings::conf)),
    word(b"dirs", Short(settings::dirs)),
    always(b"envi", Short(environment::envi)),
    word(b"dump", Long(sessions::dump)),
    word(b"wchs", Short(watches::wchs)),
    word(b"wchc", Long(watches::wchc)),
    word(b"wchp", Long(watches::wchp)),
    always(b"gtmk", Short(trace::gtmk)),
    Word { more: size_of::<i64>(), ..always(b"stmk", Short(trace::stmk)) },
    word(b"hash", Short(server::hash)),
    // It was there to stop the server. Nobody who can reach the port shall.
    always(b"kill", Short(|_, _| {})),
];

/// What words leave behind.
pub(super) struct State {
    trace_mask: AtomicI64,
    purse: Mutex<Purse>,
    /// What is costly to find out, and when it was found out.
    descriptors: Mutex<Option<(Moment, Descriptors)>>,
    /// Answers that were cut.
    cut: AtomicU64,
    /// Answers that were not given because too much had been given before.
    refused: AtomicU64,
}

impl State {
    pub(super) fn new(now: Now) -> State {
        State {
            trace_mask: AtomicI64::new(trace::DEFAULT),
            purse: Mutex::new(Purse::full(now.moment)),
            descriptors: Mutex::new(None),
            cut: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }
}

/// What the first bytes of a connection are.
pub(super) enum Found {
    /// The beginning of a frame.
    Frame,
    /// A word of which more bytes have to come.
    Part,
    /// A word, and what it says.
    Word(String),
}

/// Looks whether a connection begins with a word, and answers it.
pub(super) fn answer(service: &Service, asker: &Peer, input: &[u8], now: Now) -> Found {
    let Some(&name) = input.first_chunk::<4>() else { return Found::Frame };
    if name == TELNET_INTERRUPT {
        return Found::Word(String::new());
    }
    let Some(word) = WORDS.iter().find(|word| word.name == name) else { return Found::Frame };
    let shown = name.escape_ascii();
    if !service.options.words.contains(name) {
        let text = format!("{shown} is not executed because it is not in the whitelist.\n");
        return Found::Word(text);
    }
    if let Some(text) = word.not_serving.filter(|_| !service.is_serving()) {
        return Found::Word(match text {
            "null" => text.to_owned(),
            _ if name == *b"hash" => NOT_SERVING.to_owned(),
            _ => format!("{NOT_SERVING}\n"),
        });
    }
    let Some(more) = input.get(4..4 + word.more) else { return Found::Part };
    let asked = Asked { service, asker, now, more };
    let mut out = String::new();
    match word.answer {
        Short(write) => write(&asked, &mut out),
        Long(write) => {
            let state = &service.words;
            if !state.purse.lock().has_any(now.moment) {
                state.refused.fetch_add(1, Ordering::Relaxed);
                return Found::Word(format!(
                    "{shown} is not executed because too much was asked for; ask again in a second.\n"
                ));
            }
            let mut listing = Listing::new(&mut out);
            write(&asked, &mut listing);
            let (cost, is_cut) = listing.finish();
            state.cut.fetch_add(u64::from(is_cut), Ordering::Relaxed);
            state.purse.lock().pay(cost);
        }
    }
    Found::Word(out)
}

/// A number with up to four decimals and at least one, as ZooKeeper prints means.
fn decimal(value: f64) -> String {
    let text = format!("{value:.4}");
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

#[cfg(test)]
mod tests;
