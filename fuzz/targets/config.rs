//! Configuration: a `zoo.cfg`, a TOML file, an environment, flags, each of any bytes.
//!
//! Nothing may panic, the same sources give the same report, a problem of a file names a line of it, and
//! a secret is in no message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenure::config::{Sources, Text, read, table};

/// What every secret is set to.
const SECRET: &str = "hunter2-Zq9";

fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else { return };
    let mut sources = Sources::default();
    let (file, dynamic) = rest.split_at(rest.iter().position(|&b| b == 0).unwrap_or(rest.len()));
    match kind % 4 {
        0 => sources.file = Some(text("zoo.cfg", file)),
        1 => sources.file = Some(text("tenure.toml", rest)),
        2 => {
            sources.file = Some(text("zoo.cfg", file));
            sources.dynamic = Some(text("zoo.cfg.dynamic", dynamic));
        }
        _ => {
            sources.environment = pairs(rest);
            sources.flags = pairs(dynamic);
        }
    }
    if !String::from_utf8_lossy(rest).contains(SECRET) {
        let secrets = table::TABLE.iter().filter(|setting| setting.is_secret);
        let variables = secrets.filter_map(|setting| setting.variable());
        sources.environment.extend(variables.map(|name| (name, SECRET.to_owned())));
    }
    let said = report(&sources);
    assert_eq!(said, report(&sources), "the same sources, another report");
    let is_shown = said.contains(SECRET) && !String::from_utf8_lossy(rest).contains(SECRET);
    assert!(!is_shown, "a secret is shown");
    if cfg!(feature = "planted") {
        assert!(!(said.contains("tickTime") && said.contains("maxCnxns")), "planted");
    }
});

fn report(sources: &Sources) -> String {
    let config = read(sources);
    let lines = sources
        .file
        .as_ref()
        .map(|file| file.bytes.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count() + 1);
    let mut said = format!("{}\n{}\n{config:?}\n", config.report(), config.verdict());
    for problem in config.problems() {
        said.push_str(&format!("{problem}\n"));
        if let Some(lines) = lines.filter(|_| sources.dynamic.is_none()) {
            assert!(problem.origin.line() as usize <= lines, "a line that is not there: {problem}");
        }
    }
    said
}

fn text(name: &str, bytes: &[u8]) -> Text {
    Text { name: name.to_owned(), bytes: bytes.to_vec() }
}

/// `name=value` lines.
fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(bytes);
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        (name.to_owned(), value.to_owned())
    };
    text.split(['\0', '\n']).map(pair).collect()
}
