//! The paths that scripts are about.

/// Paths where everybody may do everything.
pub const OPEN: [&str; 23] = [
    "/a",
    "/b",
    "/c",
    "/a/x",
    "/a/y",
    "/a/z",
    "/b/x",
    "/b/y",
    "/c/x",
    "/a/x/p",
    "/a/x/q",
    "/a/y/p",
    "/b/x/p",
    "/b/x/p/deep",
    "/a/x/p/deep",
    "/d",
    "/d/x",
    "/q",
    "/q/x",
    "/q/y",
    "/q/x/p",
    "/q/z",
    "/",
];

/// Paths whose ACL the script changes.
pub const GUARDED: [&str; 7] = ["/k", "/k/x", "/k/y", "/k/x/p", "/l", "/l/x", "/l/y"];

/// Paths that some operation refuses.
pub const BAD: [&str; 12] = [
    "",
    "a",
    "/a/",
    "//",
    "/a//b",
    "/.",
    "/a/..",
    "/a/\u{1}",
    "/a/\u{e000}",
    "/a/😀",
    "/none/x",
    "/zookeeper/config",
];

/// Whether a path is guarded or a sequential znode made of a guarded path.
pub fn is_guarded(path: &str) -> bool {
    path.starts_with("/k") || path.starts_with("/l")
}
