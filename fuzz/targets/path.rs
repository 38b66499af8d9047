//! Paths: the validation against a reference that counts in UTF-16 code units, as ZooKeeper's own
//! description of the rule does, and what is above and below against plain string arithmetic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenure::base::path;

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let (one, two) = text.split_once('\u{1}').unwrap_or((&text, "/"));
    for path in [&*text, one, two] {
        assert_eq!(path::validate(path).is_ok(), is_valid(path), "{path:?}");
        if path::validate(path).is_ok() {
            takes_apart(path);
        }
    }
    if path::validate(one).is_ok() && path::validate(two).is_ok() {
        nests(one, two);
    }
});

/// The rule, unit by unit.
fn is_valid(path: &str) -> bool {
    let units: Vec<u16> = path.encode_utf16().collect();
    let slash = u16::from(b'/');
    let dot = u16::from(b'.');
    if units.first() != Some(&slash) {
        return false;
    }
    if units.len() == 1 {
        return true;
    }
    if units.last() == Some(&slash) {
        return false;
    }
    let mut name: Vec<u16> = Vec::new();
    for &unit in units[1..].iter().chain([&slash]) {
        if unit == slash {
            if name.is_empty() || name == [dot] || name == [dot, dot] {
                return false;
            }
            name.clear();
            continue;
        }
        if cfg!(feature = "planted") && unit == 0xF900 && name.len() == 2 {
            return false;
        }
        let refused = matches!(unit, 0..=0x1F | 0x7F..=0x9F | 0xD800..=0xF8FF | 0xFFF0..=0xFFFF);
        if refused {
            return false;
        }
        name.push(unit);
    }
    true
}

fn takes_apart(path: &str) {
    let above = path::parent(path).expect("a valid path has one above");
    if path == path::ROOT {
        assert_eq!((above, path::name(path)), (path::ROOT, ""));
        return;
    }
    assert_eq!(path::join(above, path::name(path)), path);
    assert!(path::validate(above).is_ok() && path::is_within(path, above));
    assert!(!path::is_within(above, path), "nothing is below itself");
}

fn nests(one: &str, two: &str) {
    let below = one == two
        || one == path::ROOT
        || two.strip_prefix(one).is_some_and(|rest| rest.starts_with('/'));
    assert_eq!(path::is_within(two, one), below);
    let inside = path::add_chroot(one, two);
    assert!(path::validate(&inside).is_ok() && path::is_within(&inside, one));
    assert_eq!(path::strip_chroot(one, &inside), two);
}
