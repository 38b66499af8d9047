//! Distinguished names in the form of RFC 2253, `CN=bob,OU=ops,O=Example`, which `x509` ids have.

/// Whether the text is a distinguished name with at least one attribute.
///
/// Attribute types are words or object identifiers; values are plain with escapes, in quotes, or
/// `#` and hexadecimal digits. Parts are separated by `,` or `;`, and by `+` within one.
pub fn is_valid(text: &str) -> bool {
    let mut rest = text;
    loop {
        let Some(behind) = attribute(rest) else { return false };
        let mut signs = behind.chars();
        match signs.next() {
            None => return true,
            Some(',' | ';' | '+') => rest = signs.as_str(),
            Some(_) => return false,
        }
    }
}

/// What stands behind one attribute, `type=value`; `None` if there is none at the front.
fn attribute(text: &str) -> Option<&str> {
    let (kind, value) = text.split_once('=')?;
    if !is_type(kind.trim_matches(' ')) {
        return None;
    }
    let value = value.trim_start_matches(' ');
    if let Some(quoted) = value.strip_prefix('"') {
        return behind_quotes(quoted).map(|rest| rest.trim_start_matches(' '));
    }
    let end = end_of_plain(value)?;
    let plain = value[..end].trim_end_matches(' ');
    if let Some(digits) = plain.strip_prefix('#') {
        let is_hex = !digits.is_empty()
            && digits.len().is_multiple_of(2)
            && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return is_hex.then(|| &value[end..]);
    }
    (!plain.is_empty()).then(|| &value[end..])
}

/// Whether the text is a word or an object identifier.
fn is_type(text: &str) -> bool {
    let digits = text.get(..4).filter(|prefix| prefix.eq_ignore_ascii_case("OID."));
    let numbers = digits.map_or(text, |prefix| &text[prefix.len()..]);
    let is_identifier = numbers.contains('.')
        && numbers.split('.').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_identifier || is_word
}

/// What stands behind the closing quote.
fn behind_quotes(text: &str) -> Option<&str> {
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return Some(&text[at + 1..]),
            '\\' => drop(signs.next()?),
            '\0' => return None,
            _ => {}
        }
    }
    None
}

/// Where a plain value ends: at a separator, or at the end. `None` if it holds what has to be escaped.
fn end_of_plain(text: &str) -> Option<usize> {
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            ',' | ';' | '+' => return Some(at),
            '\\' => {
                let (_, escaped) = signs.next()?;
                if escaped.is_ascii_hexdigit() {
                    signs.next().filter(|(_, digit)| digit.is_ascii_hexdigit())?;
                }
            }
            '"' | '<' | '>' | '\0' => return None,
            '#' if at > 0 => {}
            _ => {}
        }
    }
    Some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_certificates_are_names() {
        for name in [
            "CN=bob",
            "CN=bob,OU=ops,O=Example\\, Inc.,C=DE",
            "cn = bob , o = x",
            "OU=a+CN=b,O=c",
            "CN=\"a, b\",O=c",
            "1.2.840.113549.1.9.1=#1612626f62406578616d706c652e636f6d,CN=bob",
            "OID.2.5.4.3=bob",
            "CN=J\\C3\\BCrgen",
            "CN=Jürgen",
            "CN=a;O=b",
            "CN=a=b",
        ] {
            assert!(is_valid(name), "{name:?}");
        }
    }

    #[test]
    fn what_is_no_name_is_none() {
        for name in [
            "",
            "bob",
            "=bob",
            "CN=",
            "CN=a,",
            ",CN=a",
            "CN=a,,O=b",
            "CN=a,bob",
            "C N=a",
            "1=a",
            "CN=\"a",
            "CN=\"a\"b",
            "CN=a\\",
            "CN=a\\2",
            "CN=#1",
            "CN=#xy",
            "CN=<a>",
            "CN=a\0b",
            "*",
            "1.=a",
            ".1=a",
        ] {
            assert!(!is_valid(name), "{name:?}");
        }
    }
}
