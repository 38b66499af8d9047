//! The passwords of Apache's sessions: a function of the id, so nothing of them is on its disks.
//!
//! They prove little, for whoever sees an id can compute them. Imported sessions keep them because
//! their clients hold nothing else.

use crate::base::{Password, SessionId};

/// What Apache mixes into a session id before it seeds the generator.
const SECRET: i64 = 0xB341_5C00;

/// The generator is `java.util.Random`: 48 bits, linear.
const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;

/// The password that Apache's servers give to, and expect from, this session.
pub fn password(session: SessionId) -> Password {
    let mut state = ((session.0 ^ SECRET) as u64 ^ MULTIPLIER) & MASK;
    let mut bytes = [0; Password::LEN];
    for word in bytes.chunks_exact_mut(4) {
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK;
        word.copy_from_slice(&((state >> 16) as u32).to_le_bytes());
    }
    Password(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_the_ones_that_apache_computes() {
        for (id, hex) in [
            (0x0100_0010_2a03_0000, "5fe35566005b0287d58ac32549c3fb0a"),
            (0x0100_0011_81bf_0000, "f3b9105804b0c8788955471fedc926a6"),
            (0x0100_0014_8f6f_0000, "e3e2a7a634be2c9bf97fe05c9d7bbebb"),
            (0x0100_0023_ac56_0000, "2824a4a69586d43d46f7c3336675c358"),
            (0x1, "054cc74a37327db215e702e20c73f005"),
            (0x1_0000_0000_0000, "f22acd4a97e69d6d20a49bb638eadb38"),
            (0xfeff_ffff_ffff_ffff_u64 as i64, "20f62cb5648dc2d771471c8a2486a9ee"),
        ] {
            let Password(bytes) = password(SessionId(id));
            let shown: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(shown, hex, "{id:#x}");
        }
    }
}
