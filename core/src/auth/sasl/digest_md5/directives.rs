//! The form of every token: `name=value,name="quoted value"`.

use crate::auth::sasl::Refusal;
use crate::base::limits;

/// The directives of one token, in order.
pub struct Directives {
    pairs: Vec<(String, String)>,
}

impl Directives {
    /// Reads a token.
    ///
    /// # Errors
    /// A token that is too long or not of this form.
    pub fn parse(token: &[u8]) -> Result<Directives, Refusal> {
        if token.len() > limits::SASL_TOKEN {
            return Err(Refusal("a token is too long"));
        }
        let text = std::str::from_utf8(token).map_err(|_| Refusal("a token is not UTF-8"))?;
        let mut pairs = Vec::new();
        let mut rest = text.trim_start_matches([',', ' ', '\t']);
        while !rest.is_empty() {
            let (name, after) = rest.split_once('=').ok_or(MALFORMED)?;
            let (value, after) = take_value(after.trim_start_matches([' ', '\t']))?;
            pairs.push((name.trim().to_ascii_lowercase(), value));
            let after = after.trim_start_matches([' ', '\t']);
            if !after.is_empty() && !after.starts_with(',') {
                return Err(MALFORMED);
            }
            rest = after.trim_start_matches([',', ' ', '\t']);
        }
        Ok(Directives { pairs })
    }

    /// The value of a directive that may stand there any number of times; the first one.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The value of a directive that may stand there once.
    ///
    /// # Errors
    /// If it stands there more often.
    pub fn only(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.pairs.iter().filter(|(other, _)| other == name);
        let value = values.next().map(|(_, value)| value.as_str());
        if values.next().is_some() {
            return Err(Refusal("a directive stands there twice"));
        }
        Ok(value)
    }
}

const MALFORMED: Refusal = Refusal("a token is no list of directives");

/// The value that `text` begins with, and what follows it.
fn take_value(text: &str) -> Result<(String, &str), Refusal> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((index, char)) = chars.next() {
        match char {
            '"' => return Ok((value, &quoted[index + 1..])),
            '\\' => value.push(chars.next().ok_or(MALFORMED)?.1),
            other => value.push(other),
        }
    }
    Err(MALFORMED)
}

/// A value in quotes.
pub fn quote(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_in_every_form() {
        let token = b" realm=\"a \\\"b\\\\c\", nonce=x ,QOP = \"auth,auth-int\",realm=\"z\",";
        let read = Directives::parse(token).expect("directives");
        assert_eq!(read.first("realm"), Some("a \"b\\c"));
        assert!(read.only("realm").is_err());
        assert_eq!(read.only("nonce"), Ok(Some("x")));
        assert_eq!(read.only("qop"), Ok(Some("auth,auth-int")));
        assert_eq!(read.only("charset"), Ok(None));
    }

    #[test]
    fn what_is_quoted_is_read_back() {
        let hard = "a\"b\\,=c";
        let token = format!("username={},x=1", quote(hard));
        let read = Directives::parse(token.as_bytes()).expect("directives");
        assert_eq!(read.only("username"), Ok(Some(hard)));
    }

    #[test]
    fn anything_else_is_refused() {
        let long = vec![b','; limits::SASL_TOKEN + 1];
        for bad in [&b"realm"[..], b"a=\"b", b"a=\"b\"c", b"a=\"\\", b"\xff=1", &long] {
            assert!(Directives::parse(bad).is_err());
        }
    }
}
