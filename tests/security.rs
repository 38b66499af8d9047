//! The page on what went wrong elsewhere names tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Words in backquotes that look like the name of a test: they have an underscore, and no dot.
fn named(page: &str) -> BTreeSet<&str> {
    let quoted = page.split('`').skip(1).step_by(2);
    quoted.filter(|word| word.matches('_').count() > 2 && !word.contains('.')).collect()
}

/// Every function below a folder.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("the file is readable");
            let bare = |line| str::trim_start(line).trim_start_matches("async ");
            let lines = text.lines().filter_map(|line| bare(line).strip_prefix("fn "));
            found.extend(lines.filter_map(|line| Some(line.split_once('(')?.0.to_owned())));
        }
    }
}

#[test]
fn every_test_that_the_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("there is a workspace");
    let page = fs::read_to_string(root.join("docs/security.md")).expect("the page is there");
    let mut found = BTreeSet::new();
    for folder in ["core/src", "core/tests", "tests/conformance"] {
        functions(&root.join(folder), &mut found);
    }
    let named = named(&page);
    assert!(named.len() > 12, "the page names tests: {named:?}");
    let missing: Vec<_> = named.iter().filter(|name| !found.contains(**name)).collect();
    assert!(missing.is_empty(), "named in docs/security.md, and not there: {missing:?}");
}

#[test]
fn a_name_is_told_from_other_words() {
    let page = "| `getACL` | `fuzz/` | `docs/some_long_page.md` | `what_is_tried_here` |";
    assert_eq!(named(page), BTreeSet::from(["what_is_tried_here"]));
}
