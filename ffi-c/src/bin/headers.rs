//! Writes `include/tenure.h` from the sources of this crate, or with `--check` says whether the one
//! that is there is the same, byte for byte.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

const RENEW: &str = "cargo run -p tenure-ffi --features headers --bin headers";

const PREAMBLE: &str = "\
/* libtenure: sessions, ephemeral znodes and watches over the ZooKeeper protocol; server and client.
 *
 * This file is generated from ffi-c/src; change it there.
 *
 * What holds everywhere:
 * - A function that can fail returns tenure_status; tenure_last_error() then has a sentence about it.
 *   Outputs are written only on success. A null argument is TENURE_EINVAL, never a crash.
 * - What is returned as a pointer that is not const is owned by the caller and has one function that
 *   frees it, which accepts null. A const pointer is borrowed from the argument it came from.
 * - Texts and bytes that are passed in are copied. Texts are UTF-8 and end with a null character.
 * - A function that takes a const handle may be called on any thread at any time, also in callbacks,
 *   except the ones that block: those return TENURE_EDEADLK on a callback thread. Any other handle
 *   belongs to one thread at a time.
 * - Blocking functions take milliseconds: 0 only looks, negative waits for ever, unless said otherwise.
 * - After a fork the child gets TENURE_EFORKED for every handle from before it; the functions that free
 *   only release memory and descriptors there.
 * - A defect of the library becomes TENURE_EPANIC, never an unwinding through C. */";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let done = match (arguments.next().as_deref(), arguments.next()) {
        (None, None) => write(),
        (Some("--check"), None) => check(),
        _ => Err("usage: headers [--check]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> Result<(), Box<dyn Error>> {
    let path = path();
    let header = header()?;
    std::fs::write(&path, header).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(())
}

fn check() -> Result<(), Box<dyn Error>> {
    let path = path();
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    if there == header()? {
        return Ok(());
    }
    Err(format!("include/tenure.h is stale: run `{RENEW}`").into())
}

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/tenure.h")
}

fn header() -> Result<String, Box<dyn Error>> {
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        include_guard: Some("TENURE_H".to_owned()),
        header: Some(PREAMBLE.to_owned()),
        cpp_compat: true,
        documentation: true,
        documentation_style: cbindgen::DocumentationStyle::Doxy,
        style: cbindgen::Style::Both,
        usize_is_size_t: true,
        no_includes: true,
        sys_includes: ["stdint.h", "stddef.h", "stdbool.h"].map(str::to_owned).to_vec(),
        line_length: 100,
        ..cbindgen::Config::default()
    };
    config.function.sort_by = Some(cbindgen::SortKey::None);
    config.constant.sort_by = Some(cbindgen::SortKey::None);
    config.parse.parse_deps = false;
    let mut header = Vec::new();
    cbindgen::Builder::new()
        .with_crate(env!("CARGO_MANIFEST_DIR"))
        .with_config(config)
        .generate()?
        .write(&mut header);
    Ok(String::from_utf8(header)?)
}
