//! The example in `FORMAT.md` is what the log writes.

use std::fmt::Write;

use super::super::Disk;
use super::*;

/// What the example does: begins a log, flushes one entry, keeps a note.
fn example() -> SimDisk {
    let disk = SimDisk::new();
    let identity = std::array::from_fn(|at| 0xa0 + at as u8);
    let log = SegmentLog::open(Arc::new(disk.clone()), Options::new(identity)).unwrap();
    let body = Bytes::from_static(b"hello");
    log.append(&[Entry { id: LogId { term: 3, index: 1 }, body }], false).unwrap();
    log.flush().unwrap();
    log.keep_note(b"vote").unwrap();
    disk
}

/// A file as the example shows it: sixteen bytes in a line, up to the last one that is not zero.
fn dump(disk: &SimDisk, name: &str) -> String {
    let content = disk.content(name).unwrap();
    let used = content.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let used = used.next_multiple_of(8).min(content.len());
    let mut text = format!("{name}\n");
    for (number, line) in content[..used].chunks(16).enumerate() {
        write!(text, "{:04x} ", number * 16).unwrap();
        for byte in line {
            write!(text, " {byte:02x}").unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_example_in_the_format_description_is_true() {
    let disk = example();
    let format = include_str!("../FORMAT.md");
    let mut names = disk.list().unwrap();
    names.sort();
    assert_eq!(names, ["identity", "log-0000000000000001", "mark"]);
    let dumps: Vec<String> = names.iter().map(|name| dump(&disk, name)).collect();
    let dumps = dumps.join("\n");
    assert!(format.contains(&dumps), "FORMAT.md does not show this:\n{dumps}");
}
