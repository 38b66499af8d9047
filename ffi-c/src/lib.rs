//! libtenure: the C face of server and client.
//!
//! Everything exported here stands in `include/tenure.h`, which is generated from these files; their
//! comments are the C programmer's manual. It is no second client: each function checks its
//! arguments, calls the core's public API, and turns what comes back into a status or an event.
//!
//! What always holds: the body of an exported function is one `guard`, so no panic crosses the
//! boundary; a handle remembers the process that made it; `drop_user` of a sink runs exactly once.

#![allow(non_camel_case_types)]
#![allow(unsafe_code, reason = "raw pointers are what a C interface is made of")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the contract of each function is its C documentation: pointers are null or valid"
)]

// In the order of the header's chapters.
pub mod status;

pub mod sink;

pub mod event;

pub mod queue;

pub mod options;

pub mod proof;

pub mod client;

pub mod session;

pub mod request;

pub mod submit;

pub mod watch;

pub mod server_options;

pub mod server;

pub mod faults;

mod arguments;
mod compose;
mod content;
mod deliveries;
mod guard;
mod life;
mod reply;
mod signals;
mod wait;

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// What an exported body may begin with: the guard, and the functions that are nothing but one.
    const GUARDS: &[&str] =
        &["guard(", "guard_or(", "read(", "read_part(", "set(", "made(", "about("];

    /// The exported functions of a source, and whether each calls a guard.
    fn exported(source: &str) -> Vec<(&str, bool)> {
        source
            .split("extern \"C\" fn ")
            .skip(1)
            .filter_map(|rest| {
                let (name, _) = rest.split_once('(')?;
                let (_, body) = rest.split_once(" {\n")?;
                let (body, _) = body.split_once("\n}")?;
                // Words, so that a name that only ends like a guard is none.
                let mut words =
                    body.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '('));
                let is_guarded =
                    words.any(|word| GUARDS.iter().any(|guard| word.starts_with(guard)));
                name.starts_with("tenure_").then_some((name, is_guarded))
            })
            .collect()
    }

    #[test]
    fn every_exported_body_is_guarded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let is_source = path.extension().is_some_and(|extension| extension == "rs");
            if path.ends_with("lib.rs") || !is_source {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for (name, is_guarded) in exported(&source) {
                assert!(is_guarded, "{name} in {} has no guard", path.display());
                found += 1;
            }
        }
        assert!(found > 80, "only {found} exported functions were found");
    }

    #[test]
    fn a_body_without_a_guard_is_found() {
        let bare = "pub unsafe extern \"C\" fn tenure_x(a: i32) -> i32 {\n    reset(a)\n}\n";
        assert_eq!(exported(bare), [("tenure_x", false)]);
        let guarded = "pub unsafe extern \"C\" fn tenure_x() -> i32 {\n    guard(|| Ok(()))\n}\n";
        assert_eq!(exported(guarded), [("tenure_x", true)]);
    }
}
