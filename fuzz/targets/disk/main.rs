//! What is read from a disk: entries, images, snapshots, the files of a log, and Apache's.
//!
//! The first byte of an input says which. Nothing may panic, memory stays bounded, and what was read
//! is read again from what is written of it.
#![no_main]

mod apache;
mod log;
mod memory;
mod state;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else { return };
    match kind {
        0 => state::batch(rest),
        1 => state::image(rest),
        2 => state::snapshot(rest),
        3 => log::open(rest),
        4 => apache::directory(rest),
        _ => {}
    }
});
