//! Text of others in a line of one's own.

use std::fmt::{self, Display, Write};

/// Shows a text so that it stays in its line and in its field: control characters, the separators of
/// lines and paragraphs, and the backslash that marks them are escaped as in Rust. Everything else is
/// shown as it is.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |c: char| !(c.is_control() || matches!(c, '\\' | '\u{2028}' | '\u{2029}'));
        if self.0.chars().all(is_plain) {
            return f.write_str(self.0);
        }
        for c in self.0.chars() {
            if is_plain(c) {
                f.write_char(c)?;
            } else {
                write!(f, "{}", c.escape_default())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_line_or_a_field_is_escaped_and_nothing_else_is() {
        assert_eq!(Escaped("/a b/'ö\"/ﬁ").to_string(), "/a b/'ö\"/ﬁ");
        assert_eq!(Escaped("/a\tb\nc\r\0").to_string(), "/a\\tb\\nc\\r\\u{0}");
        assert_eq!(Escaped("a\\nb").to_string(), "a\\\\nb");
        assert_eq!(Escaped("\u{85}\u{2028}\u{1b}").to_string(), "\\u{85}\\u{2028}\\u{1b}");
    }
}
