//! One setting: its names in every form, its kind, its default and its meaning.

use super::value::Kind;

/// One setting. There is one table of them, and every form of configuration is read by it.
#[derive(Debug)]
pub struct Setting {
    /// Its place in a TOML file: `table.key`.
    pub path: &'static str,
    /// What it is called on the command line, behind the dashes.
    pub name: &'static str,
    /// What it is called in `zoo.cfg`.
    pub keys: &'static [Key],
    /// What it can be given.
    pub kind: Kind,
    /// What holds when nobody gives it.
    pub default: Standard,
    /// What it means.
    pub about: &'static str,
    /// Whether it is never shown. A secret cannot be given on the command line, which everybody on the
    /// machine can read.
    pub is_secret: bool,
}

/// A key of `zoo.cfg` that stands for a setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// How its value is read.
    pub form: Form,
}

/// How the value of a key of `zoo.cfg` is read, where that differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// As in every other form.
    Same,
    /// `yes` or `no`.
    YesNo,
    /// As elsewhere; -1 stands for the default.
    OrDefault,
    /// In units of 1,024 bytes; 0 and less mean "never".
    Kib,
    /// A count that is raised to this if it is less, as Apache's server does.
    AtLeast(u64),
    /// As elsewhere; nothing stands for this.
    EmptyIs(&'static str),
    /// With other keys, by code of its own.
    Together,
}

/// What holds when nobody gives a setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standard {
    /// This.
    Number(u64),
    /// This.
    Bool(bool),
    /// This.
    Text(&'static str),
    /// What is told in words.
    Words(&'static str),
}

impl Setting {
    /// A setting without a key in `zoo.cfg`, and no secret.
    pub const fn new(
        (path, name): (&'static str, &'static str),
        kind: Kind,
        default: Standard,
        about: &'static str,
    ) -> Setting {
        Setting { path, name, keys: &[], kind, default, about, is_secret: false }
    }

    /// The same, with keys in `zoo.cfg`.
    pub const fn keys(mut self, keys: &'static [Key]) -> Setting {
        self.keys = keys;
        self
    }

    /// The same, never to be shown.
    pub const fn secret(mut self) -> Setting {
        self.is_secret = true;
        self
    }

    /// The variable of the environment; `None` for what is only given in files.
    pub fn variable(&self) -> Option<String> {
        let name = self.name.replace('-', "_").to_ascii_uppercase();
        (self.kind != Kind::Users).then(|| format!("TENURE_{name}"))
    }

    /// The flag, without its dashes; `None` for secrets.
    pub fn flag(&self) -> Option<&'static str> {
        (!self.is_secret && self.kind != Kind::Users).then_some(self.name)
    }

    /// The default as it is shown.
    pub fn shown_default(&self) -> String {
        match self.default {
            Standard::Number(number) => number.to_string(),
            Standard::Bool(yes) => yes.to_string(),
            Standard::Text(text) | Standard::Words(text) => text.to_owned(),
        }
    }

    /// The table of the TOML file it is in, and its key there.
    pub fn place(&self) -> (&'static str, &'static str) {
        self.path.split_once('.').expect("a path has two parts")
    }
}

impl Key {
    /// A key whose value is read as in every other form.
    pub const fn same(name: &'static str) -> Key {
        Key { name, form: Form::Same }
    }

    /// A key whose value is read in a form of its own.
    pub const fn read_as(name: &'static str, form: Form) -> Key {
        Key { name, form }
    }
}
