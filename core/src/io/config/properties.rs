//! Java's properties: keys, values and the lines they stand on, as `java.util.Properties` reads them.
//!
//! Two things are otherwise than there. A file that is valid UTF-8 is read as UTF-8, where Java takes
//! every byte for a character of ISO-8859-1; and nothing is lost silently: an escape that is none is
//! a problem with its line.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::CharIndices;

/// One `key=value`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Property {
    /// Never empty of meaning to the reader, but possibly an empty text.
    pub key: String,
    /// Without blanks around it.
    pub value: String,
    /// The line its key stands on, counted from 1.
    pub line: u32,
}

/// An escape that is none, with its line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadEscape {
    /// Counted from 1.
    pub line: u32,
    /// What is wrong.
    pub text: String,
}

/// Reads a whole file. Every input is a file of properties.
pub fn read(bytes: &[u8]) -> (Vec<Property>, Vec<BadEscape>) {
    let text = decode(bytes);
    let (mut properties, mut faults) = (Vec::new(), Vec::new());
    let mut lines = text.split_inclusive(['\n', '\r']);
    let mut number = 1;
    let mut previous = "";
    while let Some(raw) = lines.next() {
        let line = raw.trim_end_matches(['\n', '\r']);
        // The two characters of one line end are split apart, and count once.
        let is_second_half = raw == "\n" && previous.ends_with('\r');
        previous = raw;
        if is_second_half {
            continue;
        }
        let at = number;
        number += 1;
        let start = line.trim_start_matches(is_blank);
        if start.is_empty() || start.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = start.to_owned();
        while ends_with_escape(&logical) {
            logical.pop();
            let Some(mut next) = lines.next() else { break };
            if next == "\n" && previous.ends_with('\r') {
                previous = next;
                let Some(after) = lines.next() else { break };
                next = after;
            }
            previous = next;
            number += 1;
            logical.push_str(next.trim_end_matches(['\n', '\r']).trim_start_matches(is_blank));
        }
        properties.push(property(&logical, at, &mut faults));
    }
    (properties, faults)
}

/// UTF-8 if it is, ISO-8859-1 if not.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0C')
}

/// Whether the last backslash is not itself escaped.
fn ends_with_escape(line: &str) -> bool {
    let backslashes = line.bytes().rev().take_while(|&byte| byte == b'\\').count();
    backslashes % 2 == 1
}

/// Cuts a logical line: the key ends at the first blank, `=` or `:` that is not escaped.
fn property(line: &str, at: u32, faults: &mut Vec<BadEscape>) -> Property {
    let mut is_escaped = false;
    let mut end = line.len();
    for (index, c) in line.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if c == '\\' {
            is_escaped = true;
        } else if is_blank(c) || c == '=' || c == ':' {
            end = index;
            break;
        }
    }
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start_matches(is_blank);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    let value = unescape(rest.trim_start_matches(is_blank), at, faults);
    let key = unescape(key, at, faults);
    Property { key: key.trim().to_owned(), value: value.trim().to_owned(), line: at }
}

fn unescape(text: &str, line: u32, faults: &mut Vec<BadEscape>) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.char_indices().peekable();
    while let Some((_, c)) = characters.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match characters.next() {
            Some((_, 't')) => plain.push('\t'),
            Some((_, 'n')) => plain.push('\n'),
            Some((_, 'r')) => plain.push('\r'),
            Some((_, 'f')) => plain.push('\x0C'),
            Some((_, 'u')) => match character(text, &mut characters) {
                Some(c) => plain.push(c),
                None => faults.push(BadEscape {
                    line,
                    text: "\\u needs four hexadecimal digits that name a character".to_owned(),
                }),
            },
            Some((_, other)) => plain.push(other),
            None => {}
        }
    }
    plain
}

/// The character behind `\u`, out of two escapes where one is half of a pair.
fn character(text: &str, characters: &mut Peekable<CharIndices<'_>>) -> Option<char> {
    let first = unit(characters)?;
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first);
    }
    let at = characters.peek()?.0;
    if !text[at..].starts_with("\\u") {
        return None;
    }
    characters.next();
    characters.next();
    let second = unit(characters).filter(|unit| (0xDC00..0xE000).contains(unit))?;
    char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
}

fn unit(characters: &mut Peekable<CharIndices<'_>>) -> Option<u32> {
    let mut unit = 0;
    for _ in 0..4 {
        let (_, digit) = characters.next_if(|(_, c)| c.is_ascii_hexdigit())?;
        unit = unit * 16 + digit.to_digit(16)?;
    }
    Some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(bytes: &[u8]) -> Vec<(String, String, u32)> {
        let (properties, faults) = read(bytes);
        assert_eq!(faults, []);
        properties.into_iter().map(|it| (it.key, it.value, it.line)).collect()
    }

    #[track_caller]
    fn assert_reads(text: &str, expected: &[(&str, &str, u32)]) {
        let read = pairs(text.as_bytes());
        let read: Vec<_> = read.iter().map(|(k, v, n)| (k.as_str(), v.as_str(), *n)).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn a_key_ends_at_an_equals_sign_a_colon_or_a_blank() {
        assert_reads(
            "a=1\nb: 2\nc 3\nd = 4\n  e\t:\t5 \nf=\ng\nh==x\ni = a=b\n",
            &[
                ("a", "1", 1),
                ("b", "2", 2),
                ("c", "3", 3),
                ("d", "4", 4),
                ("e", "5", 5),
                ("f", "", 6),
                ("g", "", 7),
                ("h", "=x", 8),
                ("i", "a=b", 9),
            ],
        );
        assert_reads("server.1=host:2888:3888;2181", &[("server.1", "host:2888:3888;2181", 1)]);
    }

    #[test]
    fn comments_and_empty_lines_are_nothing_and_lines_end_in_three_ways() {
        assert_reads(
            "# a=1\r\n  ! b=2\r\n\r\nc=3\rd=4\n\n\ne=5",
            &[("c", "3", 4), ("d", "4", 5), ("e", "5", 8)],
        );
    }

    #[test]
    fn a_backslash_at_the_end_goes_on_and_two_of_them_do_not() {
        assert_reads(
            "a=1,\\\n   2,\\\r\n   3\nb=x\\\\\nc=4\n# no \\\nd=5\ne=6\\",
            &[("a", "1,2,3", 1), ("b", "x\\", 4), ("c", "4", 5), ("d", "5", 7), ("e", "6", 8)],
        );
    }

    #[test]
    fn escapes_stand_for_characters() {
        assert_reads(
            "a\\ b\\=c=d\\te\\:f\nC:\\\\x=1\np=\\u0041\\u00e4\\ud83d\\ude00\\z",
            &[
                ("a b=c", "d\te:f", 1),
                ("C", "\\\\x=1".replace("\\\\", "\\").as_str(), 2),
                ("p", "Aä😀z", 3),
            ],
        );
        for bad in ["a=\\u12", "a=\\uzzzz", "a=\\ud83d", "a=\\ud83dx", "a=\\udc00", "a=\\u"] {
            let (properties, faults) = read(bad.as_bytes());
            assert_eq!((properties.len(), faults.len()), (1, 1), "{bad}");
        }
    }

    #[test]
    fn both_encodings_are_read() {
        assert_eq!(pairs("a=ä".as_bytes())[0].1, "ä");
        assert_eq!(pairs(b"a=\xE4")[0].1, "ä");
        assert_eq!(pairs(b"\xEF\xBB\xBFa=1")[0].0, "a");
    }
}
