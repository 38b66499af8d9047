//! One server in this process, and four clients that send whatever the input says: handshakes, words,
//! whole requests, pieces of frames, re-attachments with another one's password, silence, cut
//! connections, time that passes.
//!
//! Nothing may panic. After every step what waits for a client is whole frames; at the end, when every
//! connection is gone, no watch is left, and every ephemeral belongs to a session.
#![no_main]

mod world;

use libfuzzer_sys::fuzz_target;
use world::World;

/// Steps of one input at most.
const MOST: usize = 256;

fuzz_target!(|input: &[u8]| {
    let mut world = World::new();
    let mut rest = input;
    for _ in 0..MOST {
        let Some((&[client, kind, length], behind)) = rest.split_first_chunk::<3>() else { break };
        let (payload, behind) = behind.split_at(behind.len().min(usize::from(length)));
        rest = behind;
        world.step(usize::from(client), kind, payload);
    }
    world.end();
});
