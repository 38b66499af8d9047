//! The house rules of the core, kept by a test so that nobody has to remember them.
//!
//! A file names its own folder and floors below it. Files stay small enough to hold in the head, are
//! named by nouns of the field, and say at their top what they are. Each dependency says why it is
//! there. Every rule is also shown a planted violation, so that a rule that finds nothing is known
//! to be able to find something.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders of `core/src` by floor. Neighbours on one floor are strangers.
const FLOORS: &[(&str, u32)] = &[
    ("base", 0),
    ("wire", 1),
    ("tree", 2),
    ("session", 2),
    ("auth", 2),
    ("watch", 2),
    ("log", 2),
    ("engine", 3),
    ("service", 4),
    ("client", 4),
    ("apache", 4),
    ("replication", 5),
    ("io", 6),
    ("recipes", 7),
];

/// The most lines a file may have, its tests not counted.
const MOST_LINES: usize = 500;

/// Words that name nothing.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "misc"];

/// One source file.
struct Source {
    /// Relative to the folder that was walked.
    path: PathBuf,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package has a workspace").into()
}

/// All Rust files below a folder, in order.
fn sources(folder: &str) -> Vec<Source> {
    let base = root().join(folder);
    let mut found = Vec::new();
    let mut folders = vec![base.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is readable") {
            let path = entry.expect("the entry is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("the file is readable");
                let path = path.strip_prefix(&base).expect("below the folder").to_owned();
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The text up to the unit tests at the foot of a file.
fn without_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod tests").map_or(text, |foot| &text[..foot])
}

/// The folders of the crate that a file names, each with the line.
fn named_folders(text: &str) -> Vec<(String, usize)> {
    let mut named = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + "crate::".len()..];
            for part in rest.trim_start_matches('{').split(',').take(1) {
                let name: String =
                    part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                named.push((name, number + 1));
            }
        }
    }
    named
}

/// What is wrong with the dependencies of one file that lies in `folder`.
fn upward(folder: &str, text: &str) -> Vec<String> {
    let floors: BTreeMap<_, _> = FLOORS.iter().copied().collect();
    let Some(own) = floors.get(folder) else {
        return vec![format!("the folder '{folder}' has no floor")];
    };
    let mut faults = Vec::new();
    for (named, line) in named_folders(text) {
        if named == folder {
            continue;
        }
        match floors.get(named.as_str()) {
            Some(floor) if floor < own => {}
            Some(_) => faults.push(format!("line {line}: '{folder}' names '{named}'")),
            None => faults.push(format!("line {line}: '{named}' is no folder of the house")),
        }
    }
    faults
}

/// What is wrong with the form of one file.
fn misshapen(path: &Path, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let lines = without_tests(text).lines().count();
    if lines > MOST_LINES && !path.ends_with("tests.rs") {
        faults.push(format!("{lines} lines, at most {MOST_LINES} without tests"));
    }
    if !text.starts_with("//!") {
        faults.push("does not say at its top what it is".to_owned());
    }
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if EMPTY_NAMES.contains(&stem) {
        faults.push(format!("'{stem}' names nothing"));
    }
    faults
}

/// The dependencies of a manifest that do not say why they are there.
fn unexplained(manifest: &str) -> Vec<String> {
    let start = manifest.find("[workspace.dependencies]").expect("the section is there");
    let mut explained = false;
    let mut faults = Vec::new();
    for line in manifest[start..].lines().skip(1) {
        if line.starts_with('[') {
            break;
        }
        if line.starts_with('#') {
            explained = true;
        } else if let Some((name, value)) = line.split_once('=') {
            if !explained && !value.contains("path =") {
                faults.push(name.trim().to_owned());
            }
            explained = false;
        }
    }
    faults
}

fn folder_of(path: &Path) -> Option<&str> {
    let mut parts = path.components();
    let first = parts.next()?.as_os_str().to_str()?;
    parts.next().map(|_| first)
}

#[test]
fn dependencies_point_down() {
    let mut faults = Vec::new();
    for source in sources("core/src") {
        let Some(folder) = folder_of(&source.path).filter(|&folder| folder != "bin") else {
            continue;
        };
        for fault in upward(folder, &source.text) {
            faults.push(format!("{}: {fault}", source.path.display()));
        }
    }
    assert!(faults.is_empty(), "dependencies that do not point down:\n{}", faults.join("\n"));
}

#[test]
fn files_fit_their_rooms() {
    let mut faults = Vec::new();
    for folder in ["core/src", "ffi-c/src", "py/src", "tests", "bench/src"] {
        if !root().join(folder).is_dir() {
            continue;
        }
        for source in sources(folder) {
            for fault in misshapen(&source.path, &source.text) {
                faults.push(format!("{folder}/{}: {fault}", source.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "files out of shape:\n{}", faults.join("\n"));
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest is readable");
    assert_eq!(unexplained(&manifest), [] as [String; 0]);
}

#[test]
fn a_planted_upward_dependency_is_found() {
    assert_eq!(upward("session", "use crate::base::Millis;\n"), [] as [String; 0]);
    assert_eq!(upward("session", "use crate::watch::Table;\n").len(), 1, "a neighbour");
    assert_eq!(upward("tree", "fn f() { crate::io::clock::now() }\n").len(), 1, "a floor above");
    assert_eq!(upward("tree", "use crate::nowhere::X;\n").len(), 1, "no folder");
    assert_eq!(upward("attic", "").len(), 1, "a folder without a floor");
    assert_eq!(upward("tree", "// crate::io is above\n"), [] as [String; 0]);
}

#[test]
fn planted_misshapen_files_are_found() {
    let long = format!("//! Long.\n{}", "fn f() {}\n".repeat(MOST_LINES));
    assert_eq!(misshapen(Path::new("a/long.rs"), &long).len(), 1);
    assert_eq!(misshapen(Path::new("a/bare.rs"), "fn f() {}\n").len(), 1);
    assert_eq!(misshapen(Path::new("a/util.rs"), "//! A drawer.\n").len(), 1);
    let tested = format!("//! Short.\n\n#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(900));
    assert_eq!(misshapen(Path::new("a/short.rs"), &tested), [] as [String; 0]);
}

#[test]
fn a_planted_unexplained_dependency_is_found() {
    let manifest = "[workspace.dependencies]\n# Because.\na = \"1\"\nb = \"2\"\n[profile.dev]\n";
    assert_eq!(unexplained(manifest), ["b"]);
}
