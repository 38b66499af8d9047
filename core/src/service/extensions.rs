//! What exists only for those who have asked for it in the handshake. To everybody else these are
//! numbers that nobody knows, and they are answered as such.

use super::peer::Held;
use crate::wire::{Features, MultiOp, Op, Request};

impl Held {
    /// Whether there is this operation for whoever speaks here.
    pub(super) fn knows(&self, op: Op) -> bool {
        match op {
            Op::Once => self.features.has(Features::ONCE),
            op => !op.is_private() || self.features.has(Features::EXTENSIONS),
        }
    }

    /// The same of what stands inside a request.
    pub(super) fn knows_parts(&self, request: &Request) -> bool {
        if self.features.has(Features::EXTENSIONS) {
            return true;
        }
        match request.unnumbered() {
            Request::Multi(ops) => !ops.iter().any(|op| matches!(op, MultiOp::CheckSession { .. })),
            request => !request.op().is_private(),
        }
    }
}
