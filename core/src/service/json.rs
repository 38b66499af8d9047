//! One JSON object, written field by field in the order given.

use std::fmt::Write;

/// An object being written. Writing to a string cannot fail.
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Object {
        Object(String::from("{"))
    }

    pub(super) fn text(&mut self, name: &str, text: &str) -> &mut Object {
        self.name(name);
        put_text(&mut self.0, text);
        self
    }

    pub(super) fn number(&mut self, name: &str, number: i128) -> &mut Object {
        self.name(name);
        let _ = write!(self.0, "{number}");
        self
    }

    pub(super) fn yes(&mut self, name: &str, yes: bool) -> &mut Object {
        self.name(name);
        let _ = write!(self.0, "{yes}");
        self
    }

    /// A list of objects.
    pub(super) fn list(
        &mut self,
        name: &str,
        objects: impl Iterator<Item = Object>,
    ) -> &mut Object {
        self.name(name);
        self.0.push('[');
        for (place, object) in objects.enumerate() {
            if place > 0 {
                self.0.push(',');
            }
            self.0.push_str(&object.finish());
        }
        self.0.push(']');
        self
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        put_text(&mut self.0, name);
        self.0.push(':');
    }
}

/// A string between quotes. What ends a line for some readers is escaped as well.
fn put_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_text_holds_it_stays_one_string() {
        let mut object = Object::new();
        object.text("a\"b", "c\\d\"\n\r\0\u{7f}\u{2028}é😀/").number("n", -1).yes("y", true);
        let expected =
            "{\"a\\\"b\":\"c\\\\d\\\"\\n\\u000d\\u0000\\u007f\\u2028é😀/\",\"n\":-1,\"y\":true}";
        assert_eq!(object.finish(), expected);
    }

    #[test]
    fn lists_and_empty_objects_are_closed() {
        let of = |number: i128| {
            let mut object = Object::new();
            object.number("x", number);
            object
        };
        let mut object = Object::new();
        object.list("none", std::iter::empty()).list("two", [of(1), of(2)].into_iter());
        assert_eq!(object.finish(), "{\"none\":[],\"two\":[{\"x\":1},{\"x\":2}]}");
        assert_eq!(Object::new().finish(), "{}");
    }
}
