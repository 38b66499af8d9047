//! Znode paths: what is valid, what is above what, and chroots.
//!
//! The rules are ZooKeeper's, which count in UTF-16 code units: surrogates and the private use area
//! are refused, and with the surrogates every character outside the basic multilingual plane.

/// Why a path is not valid. The text completes "`path`: …".
pub type Fault = &'static str;

/// The root.
pub const ROOT: &str = "/";

/// Checks a path by the full rules, as create, setData, setACL and check do.
pub fn validate(path: &str) -> Result<(), Fault> {
    if !path.starts_with('/') {
        return Err("a path starts with '/'");
    }
    if path == ROOT {
        return Ok(());
    }
    if path.ends_with('/') {
        return Err("a path does not end with '/'");
    }
    for name in path[1..].split('/') {
        match name {
            "" => return Err("a path has no empty component"),
            "." | ".." => return Err("a path has no relative component"),
            _ => {}
        }
    }
    match path.chars().find(|&c| is_forbidden(c)) {
        Some('\0') => Err("a path has no null character"),
        Some(_) => Err("a path has no control, private-use or supplementary characters"),
        None => Ok(()),
    }
}

/// Whether ZooKeeper refuses this character in a path.
fn is_forbidden(c: char) -> bool {
    // The replacement character is what undecodable bytes turn into, and lies in the last range.
    matches!(u32::from(c),
        0x00..=0x1F | 0x7F..=0x9F | 0xD800..=0xF8FF | 0xFFF0..=0xFFFF | 0x10000..)
}

/// The path above: `/` for the children of the root and for the root itself.
///
/// `None` if there is no '/' in it.
pub fn parent(path: &str) -> Option<&str> {
    match path.rfind('/')? {
        0 => Some(ROOT),
        slash => Some(&path[..slash]),
    }
}

/// The last component; empty for the root.
pub fn name(path: &str) -> &str {
    path.rfind('/').map_or(path, |slash| &path[slash + 1..])
}

/// `child` below `parent`.
pub fn join(parent: &str, child: &str) -> String {
    if parent == ROOT { format!("/{child}") } else { format!("{parent}/{child}") }
}

/// Whether `path` is `ancestor` or lies below it.
pub fn is_within(path: &str, ancestor: &str) -> bool {
    match path.strip_prefix(ancestor) {
        Some(rest) => rest.is_empty() || ancestor == ROOT || rest.starts_with('/'),
        None => false,
    }
}

/// The path on the server of `path` as a client below `chroot` names it. An empty chroot is none.
pub fn add_chroot(chroot: &str, path: &str) -> String {
    match (chroot, path) {
        ("" | ROOT, _) => path.to_owned(),
        (_, ROOT) => chroot.to_owned(),
        _ => format!("{chroot}{path}"),
    }
}

/// The reverse of [`add_chroot`]. A path outside the chroot is returned as it is.
pub fn strip_chroot<'a>(chroot: &str, path: &'a str) -> &'a str {
    if chroot.is_empty() || chroot == ROOT || !is_within(path, chroot) {
        return path;
    }
    match &path[chroot.len()..] {
        "" => ROOT,
        rest => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z14_unusual_paths_are_valid() {
        for path in
            ["/", "/a", "/...", "/.x", "/a..b", "/ ", "/é", "/\u{FFEF}", "/\u{D7FF}", "/\u{F900}"]
        {
            assert_eq!(validate(path), Ok(()), "{path:?}");
        }
    }

    #[test]
    fn z15_invalid_paths_are_refused() {
        for path in [
            "",
            "a",
            "//",
            "/a/",
            "/a//b",
            "/.",
            "/..",
            "/a/./b",
            "/a/../b",
            "/\0",
            "/\u{1}",
            "/\u{1F}",
            "/\u{7F}",
            "/\u{9F}",
            "/\u{E000}",
            "/\u{F8FF}",
            "/\u{FFF0}",
            "/\u{FFFD}",
            "/😀",
        ] {
            assert!(validate(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn parents_names_and_nesting() {
        assert_eq!(parent("/a/b"), Some("/a"));
        assert_eq!(parent("/a"), Some("/"));
        assert_eq!(parent("/"), Some("/"));
        assert_eq!(parent("a"), None);
        assert_eq!(name("/a/b"), "b");
        assert_eq!(name("/"), "");
        assert!(is_within("/a/b", "/a") && is_within("/a", "/a") && is_within("/x", "/"));
        assert!(!is_within("/ab", "/a"));
    }

    #[test]
    fn chroots_come_off_as_they_went_on() {
        for path in ["/", "/x", "/x/y"] {
            assert_eq!(strip_chroot("/app", &add_chroot("/app", path)), path);
        }
        assert_eq!(strip_chroot("/app", "/apple"), "/apple");
        assert_eq!(add_chroot("", "/x"), "/x");
    }
}
