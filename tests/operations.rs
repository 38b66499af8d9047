//! The page of operations tells the truth: it has every operation, its suites are there, and each
//! suite says what the page says that it does.

use std::fs;
use std::path::{Path, PathBuf};

/// The columns of the second table: the folder of each suite's sources, and how the names of its
/// files begin and end.
const CLIENTS: [(&str, &str, &str, &str); 9] = [
    ("libzookeeper", "tests/compat/libzookeeper", "", ".c"),
    ("kazoo", "tests/compat/kazoo", "test_", ".py"),
    ("Java, Curator", "tests/compat/curator", "", ".java"),
    ("Go", "tests/compat/go", "", ".go"),
    ("Node", "tests/compat/node", "", ".js"),
    ("differential", "tests/differential", "", ".rs"),
    ("Rust", "core/tests", "client_", ".rs"),
    ("C", "ffi-c/tests", "test_", ".c"),
    ("Python", "py/tests", "test_", ".py"),
];

/// Whose sources come from a registry and are here only after its suite has run.
const FETCHED: &str = "kazoo's own";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn cells(line: &str) -> Option<Vec<&str>> {
    Some(line.strip_prefix("| ")?.trim_end_matches(" |").split(" | ").collect())
}

fn page() -> String {
    fs::read_to_string(root().join("docs/operations.md")).expect("the page is there")
}

/// All the text of a suite; empty if there is none.
fn text_of(folder: &Path, begin: &str, end: &str) -> String {
    let Ok(entries) = fs::read_dir(folder) else { return String::new() };
    let names = entries.map(|entry| entry.expect("the folder is listed").path());
    let is_of_the_suite = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        name.starts_with(begin) && name.ends_with(end)
    };
    let texts = names.filter(is_of_the_suite).map(fs::read_to_string);
    texts.map(|text| text.expect("a source is text")).collect()
}

/// The tests that the registry's kazoo brings along, where they are installed.
fn fetched() -> Option<String> {
    let libraries = fs::read_dir(root().join("target/dev-venv/lib")).ok()?;
    let folders = libraries.flatten().map(|library| library.path());
    let texts = folders.map(|folder| text_of(&folder.join(KAZOO_TESTS), "test_", ".py"));
    texts.into_iter().find(|text| !text.is_empty())
}

const KAZOO_TESTS: &str = "site-packages/kazoo/tests";

/// What a table says of a client that its suite does not bear out.
fn untrue(rows: &[Vec<&str>], column: usize, text: &str) -> Vec<String> {
    let claims = rows.iter().map(|row| (row[0], row[column])).filter(|(_, cell)| *cell != "–");
    let wrong = claims.filter(|(_, cell)| {
        let call = cell.trim_matches('`');
        call.len() + 2 != cell.len() || call.is_empty() || !text.contains(call)
    });
    wrong.map(|(operation, cell)| format!("{operation} as {cell}")).collect()
}

#[test]
fn the_table_of_operations_has_every_operation_and_names_suites_that_are_there() {
    let page = page();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter_map(cells)
        .filter(|row| row.len() == 4 && row[0].parse::<i32>().is_ok())
        .collect();
    let mut listed: Vec<(i32, &str)> =
        rows.iter().map(|row| (row[0].parse().expect("a number"), row[1])).collect();
    let mut known: Vec<(i32, &str)> =
        tenure::wire::Op::ALL.iter().map(|op| (op.number(), op.name())).collect();
    // What only the server itself may ask for is no operation of its table.
    known.extend([(-10, "createSession"), (20, "deleteContainer")]);
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known);
    for row in rows {
        for suite in row[3].split(", ").map(|name| name.trim_matches('`')) {
            let file = root().join("tests/conformance").join(format!("{suite}.rs"));
            assert!(file.exists(), "{} names {suite}, which is no suite", row[1]);
        }
    }
}

#[test]
fn each_client_suite_calls_what_the_table_says() {
    let page = page();
    let mut lines = page.lines().skip_while(|line| !line.starts_with("| operation | "));
    let head = lines.next().and_then(cells).expect("the table of clients is there");
    let rows: Vec<Vec<&str>> = lines.skip(1).map_while(cells).collect();
    let mut listed: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    let mut known: Vec<&str> = tenure::wire::Op::ALL.iter().map(|op| op.name()).collect();
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known, "one row for each operation that a client may send");
    for row in &rows {
        assert_eq!(row.len(), head.len(), "{}", row[0]);
        assert!(row[1..].iter().any(|cell| *cell != "–"), "no client sends {}", row[0]);
    }
    let of = |name: &str| head.iter().position(|cell| *cell == name).expect("its column is there");
    assert_eq!(head.len(), 1 + CLIENTS.len() + 1, "each column is checked");
    for (client, folder, begin, end) in CLIENTS {
        let text = text_of(&root().join(folder), begin, end);
        assert_eq!(untrue(&rows, of(client), &text), Vec::<String>::new(), "{client}");
        // What stands in the cells of others would not pass for it.
        assert!(!untrue(&rows, of(client), "").is_empty(), "{client} says nothing");
    }
    let column = of(FETCHED);
    if let Some(text) = fetched() {
        assert_eq!(untrue(&rows, column, &text), Vec::<String>::new(), "{FETCHED}");
    }
}
