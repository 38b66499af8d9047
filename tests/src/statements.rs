//! The list of statements, the tests that hold tenure to them, and the table made of both.
//!
//! A test is held to be a statement's if its function is named after it: `s13_...` tests S-13, and
//! `s70_w10_...` two at once. The suite at the wire and the unit tests of the core both count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// How it stands with a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A test holds tenure to it.
    Tested,
    /// tenure differs on purpose.
    Deviates,
    /// What it speaks of comes later.
    Later,
    /// It is about clients and tested with them.
    Client,
    /// It is about others and asks nothing.
    Background,
}

impl Status {
    const ALL: [(Status, &str); 5] = [
        (Status::Tested, "tested"),
        (Status::Deviates, "deviates"),
        (Status::Later, "later"),
        (Status::Client, "client"),
        (Status::Background, "background"),
    ];

    fn parse(text: &str) -> Option<Status> {
        Status::ALL.iter().find(|(_, name)| *name == text).map(|(status, _)| *status)
    }

    fn name(self) -> &'static str {
        Status::ALL.iter().find(|(status, _)| *status == self).map_or("", |(_, name)| name)
    }
}

/// One line of the list.
#[derive(Clone, Debug)]
pub struct Statement {
    /// `S-13`.
    pub id: String,
    /// How it stands with it.
    pub status: Status,
    /// What it says, in one sentence.
    pub claim: String,
    /// Why it is not simply tested; empty if it is.
    pub why: String,
}

/// Reads the list.
///
/// # Errors
/// The first line that does not hold to the form, and what is wrong with it.
pub fn parse(list: &str) -> Result<Vec<Statement>, String> {
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut seen = BTreeSet::new();
    lines
        .map(|line| {
            let fields: Vec<_> = line.split('|').map(str::trim).collect();
            let (id, status, claim, why) = match fields[..] {
                [id, status, claim] => (id, status, claim, ""),
                [id, status, claim, why] => (id, status, claim, why),
                _ => return Err(format!("not three or four fields: {line}")),
            };
            let status =
                Status::parse(status).ok_or_else(|| format!("{id}: no such status: {status}"))?;
            let explained = matches!(status, Status::Deviates | Status::Later) != why.is_empty();
            if !explained {
                return Err(format!(
                    "{id}: a reason belongs to deviates and later, and only there"
                ));
            }
            if !seen.insert(id.to_owned()) {
                return Err(format!("{id} stands in the list twice"));
            }
            Ok(Statement { id: id.into(), status, claim: claim.into(), why: why.into() })
        })
        .collect()
}

/// The tests named after statements, by statement, found in the sources below these folders. Each
/// is `file::function`, the file without its folders. A folder is asked only for the statements
/// that none before it has a test for.
pub fn tests_in(folders: &[&Path]) -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for folder in folders {
        let mut found = BTreeMap::new();
        collect(folder, &mut found);
        for (id, names) in found {
            all.entry(id).or_insert(names);
        }
    }
    all
}

fn collect(folder: &Path, found: &mut BTreeMap<String, BTreeSet<String>>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    for entry in entries {
        let path = entry.unwrap_or_else(|error| panic!("{folder:?}: {error}")).path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("a source file is text");
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            for name in source.lines().filter_map(test_name) {
                for id in ids(name) {
                    found.entry(id).or_default().insert(format!("{stem}::{name}"));
                }
            }
        }
    }
}

fn test_name(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("fn ")?.strip_suffix("() {")
}

/// The statements that a function's name begins with.
fn ids(name: &str) -> Vec<String> {
    name.split('_').map_while(id).collect()
}

fn id(word: &str) -> Option<String> {
    let (letter, number) = word.split_at_checked(1)?;
    let is_id = "pszmaqwh".contains(letter)
        && number.len() == 2
        && number.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then(|| format!("{}-{number}", letter.to_uppercase()))
}

/// What does not fit between the list and the tests.
pub fn faults(list: &[Statement], tests: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let listed: BTreeSet<_> = list.iter().map(|statement| statement.id.as_str()).collect();
    let untested = list.iter().filter(|statement| {
        matches!(statement.status, Status::Tested) && !tests.contains_key(&statement.id)
    });
    let untested = untested.map(|statement| format!("{} has no test", statement.id));
    let unlisted = tests.keys().filter(|id| !listed.contains(id.as_str()));
    untested.chain(unlisted.map(|id| format!("{id} is tested and not in the list"))).collect()
}

/// The text of the table.
pub fn table(list: &[Statement], tests: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut text = String::from(INTRODUCTION);
    for (status, name) in Status::ALL {
        let count = list.iter().filter(|statement| statement.status == status).count();
        let _ = writeln!(text, "| {name} | {count} |");
    }
    let mut letter = String::new();
    for statement in list {
        let (group, _) = statement.id.split_at(1);
        if group != letter {
            group.clone_into(&mut letter);
            let title =
                GROUPS.iter().find(|(name, _)| *name == group).map_or("", |(_, title)| title);
            let _ =
                write!(text, "\n## {title}\n\n| | says | stands | held by |\n|---|---|---|---|\n");
        }
        let status = match statement.why.as_str() {
            "" => statement.status.name().to_owned(),
            why => format!("{}: {why}", statement.status.name()),
        };
        let held = match tests.get(&statement.id) {
            Some(names) => {
                let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
                names.join(" ")
            }
            None => String::new(),
        };
        let _ = writeln!(text, "| {} | {} | {status} | {held} |", statement.id, statement.claim);
    }
    text
}

const GROUPS: [(&str, &str); 8] = [
    ("P", "P: the protocol"),
    ("S", "S: sessions"),
    ("Z", "Z: znodes"),
    ("M", "M: multi"),
    ("A", "A: ACLs and authentication"),
    ("Q", "Q: quotas"),
    ("W", "W: watches"),
    ("H", "H: hostile requests"),
];

const INTRODUCTION: &str = "\
# What tenure is held to

Each line is one statement about how a ZooKeeper server behaves, in tenure's words. *tested* names
the tests that hold tenure to it: those in `tests/conformance`, which speak raw frames to a running
server, or unit tests of the core where the wire cannot reach. *deviates* is on purpose and says why.
*later* waits for a part that is not there yet. *client* is tested with the clients, *background* is
about other software.

This file is generated from `tests/statements.txt` and the names of the tests. A test fails when it
is stale; `TENURE_BLESS=1 cargo test -p tenure-tests --test statements` writes it anew.

| stands | statements |
|---|---|
";
