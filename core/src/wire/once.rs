//! Writes that are carried out once, however often they are sent.
//!
//! A client numbers its writes, 1, 2, 3 … within a session. The server keeps the answers of the latest
//! ones as part of the session, and gives the same answer again when the same number comes again, on
//! whichever connection. So a client that lost a connection sends what was not answered once more, and
//! nothing is in doubt.

use bytes::{BufMut, BytesMut};

use super::frame;
use super::jute::{self, Malformed, Reader};
use super::ops::{Op, Path};
use super::request::Request;

/// Answers a number whose answer is not kept any more: the write was carried out or refused, and
/// nobody knows which. A client that keeps within the window never sees it.
pub const FORGOTTEN: i32 = -32_001;

/// A numbered write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Once {
    /// Its number within the session, at least 1 and higher than that of every write before it.
    pub number: i64,
    /// All numbers up to this one have been answered: their answers need not be kept.
    pub answered: i64,
    /// The write. Not a closeSession, which ends everything there is to remember, and not numbered
    /// itself.
    pub request: Request,
}

impl Once {
    pub(super) fn take(reader: &mut Reader) -> jute::Result<Once> {
        let (number, answered) = (reader.long()?, reader.long()?);
        let op = Op::from_number(reader.int()?).ok_or(Malformed)?;
        let is_numbered = op.path() == Path::Write
            && !matches!(op, Op::Once | Op::CloseSession | Op::Check | Op::CheckSession);
        if number < 1 || answered >= number || !is_numbered {
            return Err(Malformed);
        }
        let request = Request::decode(op, reader).map_err(|_| Malformed)?;
        Ok(Once { number, answered, request })
    }

    pub(super) fn put(&self, out: &mut BytesMut) {
        put(out, (self.number, self.answered), &self.request);
    }

    /// Appends the whole frame of a numbered write that is at hand without its numbers: `number` and
    /// `answered`, in this order.
    pub fn encode(xid: i32, numbers: (i64, i64), request: &Request, out: &mut BytesMut) {
        frame::put(out, |out| {
            out.put_i32(xid);
            out.put_i32(Op::Once.number());
            put(out, numbers, request);
        });
    }
}

fn put(out: &mut BytesMut, (number, answered): (i64, i64), request: &Request) {
    out.put_i64(number);
    out.put_i64(answered);
    out.put_i32(request.op().number());
    request.encode_body(out);
}
