//! Multi: several writes under one zxid, all of them or none.

use super::Engine;
use super::draft::{Asker, Draft};
use crate::base::{Code, CreateMode};
use crate::wire::{MultiOp, MultiResult, Op};

impl Engine {
    /// Carries out the operations in order, each on what the ones before it left. If one fails,
    /// all are taken back and every result is a failure: 0 for those before it, its own code, and
    /// for those after it the code of what was not tried.
    pub(super) fn multi(
        &mut self,
        draft: &mut Draft,
        ops: &[MultiOp],
        asker: Asker<'_>,
    ) -> Vec<MultiResult> {
        let mut results = Vec::with_capacity(ops.len());
        for op in ops {
            match self.part(draft, op, asker) {
                Ok(result) => results.push(result),
                Err(code) => {
                    self.undo(draft);
                    return failures(ops.len(), results.len(), code);
                }
            }
        }
        results
    }

    fn part(
        &mut self,
        draft: &mut Draft,
        op: &MultiOp,
        asker: Asker<'_>,
    ) -> Result<MultiResult, Code> {
        match op {
            MultiOp::Create(create) => {
                let (path, stat) = self.create(draft, create, asker)?;
                // A container is answered with its Stat whichever operation asked for it.
                let plain = create.op == Op::Create && create.flags != CreateMode::Container.flag();
                Ok(if plain {
                    MultiResult::Created { path }
                } else {
                    MultiResult::Created2 { path, stat }
                })
            }
            MultiOp::Delete { path, version } => {
                self.delete(draft, (path, *version), asker).map(|()| MultiResult::Deleted)
            }
            MultiOp::SetData { path, data, version } => {
                let data = data.as_deref();
                self.set_data(draft, (path, *version), data, asker).map(MultiResult::Set)
            }
            MultiOp::Check { path, version } => {
                self.check_version((path, *version), asker).map(|()| MultiResult::Checked)
            }
            MultiOp::CheckSession { session } => {
                let lives = self.registry.contains(*session);
                lives.then_some(MultiResult::Checked).ok_or(Code::UnknownSession)
            }
        }
    }
}

/// The results of a multi whose operation number `failed` failed.
fn failures(count: usize, failed: usize, code: Code) -> Vec<MultiResult> {
    let result = |place: usize| match place.cmp(&failed) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => code.number(),
        std::cmp::Ordering::Greater => Code::RuntimeInconsistency.number(),
    };
    (0..count).map(|place| MultiResult::Failed(result(place))).collect()
}
