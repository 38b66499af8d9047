//! Numbered writes: carried out once, however often they come, and answered alike each time.
//!
//! The answer is kept in the session, by the transaction that the write was. So it is there exactly as
//! long as what the write did, on every replica and after a restart.

use bytes::BytesMut;

use super::Engine;
use super::draft::{Asker, Draft};
use crate::base::{Code, Zxid};
use crate::session::window::{Kept, Known};
use crate::wire::jute::Reader;
use crate::wire::{Once, Op, Reply, once};

/// Answers a number whose answer is not kept.
const FORGOTTEN: Code = Code::Other(once::FORGOTTEN);

impl Engine {
    /// Carries a numbered write out as if it had come alone, or finds the answer of then. Answers with
    /// the place of the transaction that carried it out.
    pub(super) fn once(
        &mut self,
        draft: &mut Draft,
        once: &Once,
        asker: Asker<'_>,
    ) -> (Zxid, Result<Reply, Code>) {
        let registered = self.registry.get(asker.session);
        let window = registered.and_then(|registered| registered.window.as_deref());
        match window.map_or(Known::New, |window| window.look_up(once.number)) {
            Known::Answered(kept) => return (kept.zxid, answer(kept)),
            Known::Forgotten => return (asker.zxid, Err(FORGOTTEN)),
            Known::New => {}
        }
        let result = self.carry_out(draft, &once.request, asker);
        self.keep_answer(once, asker, &result);
        (asker.zxid, result)
    }

    /// Keeps an answer, and forgets those that the client has.
    fn keep_answer(&mut self, once: &Once, asker: Asker<'_>, result: &Result<Reply, Code>) {
        // No numbered write ends the session that asks.
        let Some(registered) = self.registry.get_mut(asker.session) else { return };
        let mut body = BytesMut::new();
        let code = match result {
            Ok(reply) => {
                reply.encode(&mut body);
                0
            }
            Err(code) => code.number(),
        };
        let window = registered.window_mut();
        window.forget(once.answered);
        window.keep(Kept {
            number: once.number,
            op: once.request.op().number(),
            zxid: asker.zxid,
            code,
            body: body.freeze(),
        });
    }
}

/// An answer that was kept. One that cannot be read, out of an image of somebody else's making, is as
/// good as none.
fn answer(kept: &Kept) -> Result<Reply, Code> {
    if let Some(code) = Code::from_number(kept.code) {
        return Err(code);
    }
    let op = Op::from_number(kept.op).ok_or(FORGOTTEN)?;
    let mut reader = Reader::new(kept.body.clone());
    let reply = Reply::decode(op, &mut reader).map_err(|_| FORGOTTEN)?;
    if reader.remaining() == 0 { Ok(reply) } else { Err(FORGOTTEN) }
}
