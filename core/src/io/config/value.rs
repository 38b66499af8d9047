//! What a setting can be given: the kinds of values, and how each is read from text.

use std::fmt::{self, Display, Formatter};

/// The host that stands for every interface, of both families.
pub(super) const EVERYWHERE: &str = "*";

/// The address that is none.
pub(super) const NO_PORT: &str = "none";

/// What a value is read as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number between the two, both included.
    Number(u64, u64, Unit),
    /// `HOST:PORT`, an IPv6 address in brackets; `none` where that means something.
    Address {
        /// Whether `none` does.
        or_none: bool,
    },
    /// A file or a directory.
    Path,
    /// Text that is not empty.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Words; separated by commas where there is but one line of text.
    List,
    /// Names with their passwords; only in files.
    Users,
}

/// What a number counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
}

/// A value that was read.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Of [`Kind::Bool`].
    Bool(bool),
    /// Of [`Kind::Number`].
    Number(u64),
    /// Of all kinds of text.
    Text(String),
    /// Of [`Kind::List`].
    List(Vec<String>),
    /// Of [`Kind::Users`].
    Users(Vec<(String, String)>),
}

impl Kind {
    /// Reads text, or says what is wrong with it and what would be right.
    pub fn parse(self, text: &str) -> Result<Value, String> {
        let text = text.trim();
        match self {
            Kind::Bool if text.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
            Kind::Bool if text.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
            Kind::Number(least, most, _) => number(text)
                .filter(|number| (least..=most).contains(number))
                .map(Value::Number)
                .ok_or_else(|| self.refusal(text)),
            Kind::Address { or_none } => match text {
                NO_PORT if or_none => Ok(Value::Text(text.to_owned())),
                _ if is_address(text) => Ok(Value::Text(text.to_owned())),
                _ => Err(self.refusal(text)),
            },
            Kind::Path | Kind::Text if !text.is_empty() && !text.contains('\0') => {
                Ok(Value::Text(text.to_owned()))
            }
            Kind::Choice(words) => words
                .iter()
                .find(|word| word.eq_ignore_ascii_case(text))
                .map(|word| Value::Text((*word).to_owned()))
                .ok_or_else(|| self.refusal(text)),
            Kind::List => {
                let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
                let words: Vec<String> = words.map(str::to_owned).collect();
                if words.is_empty() { Err(self.refusal(text)) } else { Ok(Value::List(words)) }
            }
            _ => Err(self.refusal(text)),
        }
    }

    /// What would have been right instead.
    pub fn refusal(self, text: &str) -> String {
        if text.is_empty() {
            format!("is empty; {self}")
        } else {
            format!("{}: {self}", shown(text))
        }
    }
}

/// What to write.
impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Kind::Bool => f.write_str("write true or false"),
            Kind::Number(least, most, unit) => {
                write!(f, "write a whole number{unit} ")?;
                if most == u64::MAX {
                    write!(f, "of at least {least}")
                } else {
                    write!(f, "from {least} to {most}")
                }
            }
            Kind::Address { or_none } => {
                f.write_str("write an address and a port, such as 127.0.0.1:2181 or [::1]:2181")?;
                if or_none { f.write_str(", or none") } else { Ok(()) }
            }
            Kind::Path => f.write_str("write a path"),
            Kind::Text => f.write_str("write something"),
            Kind::Choice(words) => write!(f, "write one of {}", words.join(", ")),
            Kind::List => f.write_str("write one word or more, separated by commas"),
            Kind::Users => f.write_str("write names with their passwords"),
        }
    }
}

impl Display for Unit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Count => "",
            Unit::Bytes => " of bytes",
            Unit::Millis => " of milliseconds",
            Unit::Seconds => " of seconds",
        })
    }
}

/// As a person reads it. Users are only counted.
impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(yes) => yes.fmt(f),
            Value::Number(number) => number.fmt(f),
            Value::Text(text) => f.write_str(text),
            Value::List(words) => f.write_str(&words.join(",")),
            Value::Users(users) if users.len() == 1 => f.write_str("1 user"),
            Value::Users(users) => write!(f, "{} users", users.len()),
        }
    }
}

/// Without the value, which may be a secret.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Value::Bool(_) => "Bool",
            Value::Number(_) => "Number",
            Value::Text(_) => "Text",
            Value::List(_) => "List",
            Value::Users(_) => "Users",
        })
    }
}

/// As much of a text as fits into a message, in quotes.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(64) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// A whole number, decimal or with `0x` before it, as Java's system properties may be written.
pub(super) fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if digits.starts_with('+') => None,
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None if text.starts_with('+') => None,
        None => text.parse().ok(),
    }
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    if port.is_empty() || port.starts_with('+') || port.parse::<u16>().is_err() {
        return false;
    }
    match host.strip_prefix('[') {
        Some(inner) => {
            inner.strip_suffix(']').is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
        }
        None => host == EVERYWHERE || is_host(host),
    }
}

/// Whether it can be the name or the IPv4 address of a machine.
pub(super) fn is_host(host: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !host.is_empty() && host.len() <= 253 && host.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: Kind = Kind::Number(1, 65_535, Unit::Count);

    #[test]
    fn each_kind_takes_what_it_is_and_says_what_it_wants_otherwise() {
        let address = Kind::Address { or_none: true };
        let good = [
            (Kind::Bool, "TRUE"),
            (Kind::Bool, " false "),
            (PORT, "1"),
            (PORT, "65535"),
            (PORT, "0x10"),
            (address, "none"),
            (address, "0.0.0.0:0"),
            (address, "[::1]:2181"),
            (address, "*:2181"),
            (address, "zoo-1.example.org:2181"),
            (Kind::Path, "/var/lib/a b"),
            (Kind::Choice(&["none", "want"]), "WANT"),
            (Kind::List, "a, b,,c"),
        ];
        for (kind, text) in good {
            assert!(kind.parse(text).is_ok(), "{kind:?} {text:?}");
        }
        let bad = [
            (Kind::Bool, "yes"),
            (Kind::Bool, ""),
            (PORT, "0"),
            (PORT, "65536"),
            (PORT, "-1"),
            (PORT, "+1"),
            (PORT, "0x+1"),
            (PORT, "1e3"),
            (PORT, "99999999999999999999999"),
            (address, "2181"),
            (address, ":2181"),
            (address, "::1:2181"),
            (address, "[::1]"),
            (address, "[nonsense]:1"),
            (address, "a b:1"),
            (address, "a:65536"),
            (Kind::Address { or_none: false }, "none"),
            (Kind::Path, " "),
            (Kind::Choice(&["none", "want"]), "need"),
            (Kind::List, " , "),
            (Kind::Users, "bob:secret"),
        ];
        for (kind, text) in bad {
            let why = kind.parse(text).expect_err(text);
            assert!(why.contains("; write ") || why.contains(": write "), "{why}");
        }
    }
}
