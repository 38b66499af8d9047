//! Which words are answered.

use super::WORDS;

/// What is allowed unless somebody says otherwise: cheap words, and nothing that names who watches
/// what.
pub const DEFAULT: &str = "ruok,srvr,stat,mntr,conf,isro";

/// A set of four-letter words. `srvr` is always in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowed(u32);

/// A word that does not exist stands in a list.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no four-letter word; write a list of {known}, or * for all", known = known())]
pub struct UnknownWord(String);

impl Allowed {
    /// Reads a list such as `ruok, stat`, as ZooKeeper's `4lw.commands.whitelist`: parted by commas,
    /// blanks around a word do not count, `*` is all of them, and nothing is only `srvr`.
    ///
    /// # Errors
    /// [`UnknownWord`].
    pub fn parse(list: &str) -> Result<Allowed, UnknownWord> {
        let mut allowed = Allowed(0);
        allowed.insert("srvr");
        for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            if word == "*" {
                allowed = Allowed::all();
            } else if !allowed.insert(word) {
                return Err(UnknownWord(word.to_owned()));
            }
        }
        Ok(allowed)
    }

    /// All of them.
    pub fn all() -> Allowed {
        Allowed(u32::MAX >> (u32::BITS as usize - WORDS.len()))
    }

    /// Whether a word is in the set.
    pub fn contains(self, word: [u8; 4]) -> bool {
        let place = WORDS.iter().position(|row| row.name == word);
        place.is_some_and(|place| self.0 & (1 << place) != 0)
    }

    fn insert(&mut self, word: &str) -> bool {
        let place = WORDS.iter().position(|row| row.name == word.as_bytes());
        if let Some(place) = place {
            self.0 |= 1 << place;
        }
        place.is_some()
    }
}

impl Default for Allowed {
    fn default() -> Allowed {
        Allowed::parse(DEFAULT).expect("the default names words that exist")
    }
}

fn known() -> String {
    let names: Vec<_> = WORDS.iter().map(|row| String::from_utf8_lossy(&row.name)).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p82_a_list_is_read_as_zookeeper_reads_it() {
        let list = Allowed::parse(" ruok ,stat,, ").unwrap();
        assert!(list.contains(*b"ruok") && list.contains(*b"stat"));
        assert!(list.contains(*b"srvr"), "srvr is always answered");
        assert!(!list.contains(*b"wchp"));
        assert_eq!(Allowed::parse("").unwrap(), Allowed::parse("srvr").unwrap());
        assert_eq!(Allowed::parse("ruok, *").unwrap(), Allowed::all());
        assert!(WORDS.iter().all(|row| Allowed::all().contains(row.name)));
        assert!(!Allowed::all().contains(*b"icfg"));
    }

    #[test]
    fn p82_the_default_names_nobody_and_costs_little() {
        let default = Allowed::default();
        for row in WORDS {
            let name = std::str::from_utf8(&row.name).unwrap();
            assert_eq!(default.contains(row.name), DEFAULT.contains(name), "{name}");
        }
    }

    #[test]
    fn a_word_that_does_not_exist_is_named() {
        let error = Allowed::parse("ruok,rouk").unwrap_err().to_string();
        assert!(error.starts_with("\"rouk\" is no four-letter word"), "{error}");
        assert!(error.contains("ruok") && error.contains("wchp"), "{error}");
    }
}
