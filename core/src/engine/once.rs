//! Numbered writes: carried out once, however often they come, and answered alike each time.
//!
//! The answer is kept in the session, by the transaction that the write was. So it is there exactly as
//! long as what the write did, on every replica and after a restart.

use bytes::BytesMut;

use super::Engine;
use super::draft::{Asker, Draft};
use crate::base::{Code, SessionId, Zxid};
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
        if let Some(answer) = self.answer_of_then(asker.session, once.number) {
            return answer;
        }
        let result = self.carry_out(draft, &once.request, asker);
        self.keep_answer(once, asker, &result);
        (asker.zxid, result)
    }

    /// The answer to a number of a session that has come before, or that none is kept, with the place of
    /// the transaction it is of. `None` if it is new.
    pub fn answer_of_then(
        &self,
        session: SessionId,
        number: i64,
    ) -> Option<(Zxid, Result<Reply, Code>)> {
        let window = self.registry.get(session)?.window.as_deref()?;
        match window.look_up(number) {
            Known::Answered(kept) => Some((kept.zxid, answer(kept))),
            Known::Forgotten => Some((self.last_zxid, Err(FORGOTTEN))),
            Known::New => None,
        }
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
