//! The bytes of entries and votes on a member's disk. They are ours, so that no release of the
//! consensus library changes a file.
//!
//! The first byte says what follows. Below 0x80 it is the version of a [`Batch`](crate::engine::Batch)
//! that stands alone, as a server without an ensemble writes it: its log is readable here as it is.
//! All numbers are big-endian.
//!
//! | first byte | then |
//! |---|---|
//! | 0x80 | nothing: a leader's first entry |
//! | 0x81 | a membership: the number of quorum sets (u32), each with a number of ids (u32) and the ids (u64); the number of members (u32), each with its id (u64) and its address (u32 and as many bytes) |
//! | 0x82 | who waits for the answers (three u64, see [`Ticket`]), and a batch |
//! | 0x90 | a vote: its term (u64), for whom (u64), and whether a quorum gave it (u8) |

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Buf, BufMut, Bytes, BytesMut, TryGetError};
use openraft::{BasicNode, EntryPayload};

use super::types::{Body, Membership, RaftEntry, RaftVote, ours, theirs};
use crate::log;

const BLANK: u8 = 0x80;
const MEMBERSHIP: u8 = 0x81;
const TICKETED: u8 = 0x82;
const VOTE: u8 = 0x90;

/// Under what its proposer finds a batch again when it is applied.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Ticket {
    /// The member.
    pub(super) member: u64,
    /// Which start of that member: its count begins anew each time.
    pub(super) incarnation: u64,
    /// The number of the batch, counted by the member.
    pub(super) sequence: u64,
}

/// Bytes that this release did not write, or not like this.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Malformed {
    #[error("the entry is of a kind {0:#04x} that this release does not know; use a newer one")]
    Kind(u8),
    #[error("the entry is malformed")]
    Content,
}

impl From<TryGetError> for Malformed {
    fn from(_: TryGetError) -> Malformed {
        Malformed::Content
    }
}

/// The body of an entry with transactions.
pub(super) fn ticketed(ticket: Ticket, batch: &[u8]) -> Body {
    let mut out = BytesMut::with_capacity(25 + batch.len());
    out.put_u8(TICKETED);
    out.put_u64(ticket.member);
    out.put_u64(ticket.incarnation);
    out.put_u64(ticket.sequence);
    out.put_slice(batch);
    Body(out.freeze())
}

/// Who waits for a batch, if anybody, and its bytes.
pub(super) fn batch_of(body: &Body) -> Result<(Option<Ticket>, Bytes), Malformed> {
    let mut bytes = body.0.clone();
    if bytes.first() != Some(&TICKETED) {
        return Ok((None, bytes));
    }
    bytes.advance(1);
    let ticket = Ticket {
        member: bytes.try_get_u64()?,
        incarnation: bytes.try_get_u64()?,
        sequence: bytes.try_get_u64()?,
    };
    Ok((Some(ticket), bytes))
}

/// An entry as the log keeps it.
pub(super) fn encode(entry: RaftEntry) -> log::Entry {
    let body = match entry.payload {
        EntryPayload::Blank => Bytes::from_static(&[BLANK]),
        EntryPayload::Normal(body) => body.0,
        EntryPayload::Membership(membership) => {
            let mut out = BytesMut::new();
            out.put_u8(MEMBERSHIP);
            put_membership(&mut out, &membership);
            out.freeze()
        }
    };
    log::Entry { id: ours(entry.log_id), body }
}

/// An entry of the log as the library wants it.
pub(super) fn decode(entry: log::Entry) -> Result<RaftEntry, Malformed> {
    let log_id = theirs(entry.id).ok_or(Malformed::Content)?;
    let mut body = entry.body;
    let payload = match body.first() {
        Some(&BLANK) if body.len() == 1 => EntryPayload::Blank,
        Some(&MEMBERSHIP) => {
            body.advance(1);
            EntryPayload::Membership(take_membership(&mut body)?)
        }
        Some(&kind) if kind < BLANK || kind == TICKETED => EntryPayload::Normal(Body(body)),
        Some(&kind) => return Err(Malformed::Kind(kind)),
        None => return Err(Malformed::Content),
    };
    Ok(RaftEntry { log_id, payload })
}

/// Appends a membership.
pub(super) fn put_membership(out: &mut BytesMut, membership: &Membership) {
    let sets = membership.get_joint_config();
    out.put_u32(sets.len() as u32);
    for set in sets {
        out.put_u32(set.len() as u32);
        set.iter().for_each(|&id| out.put_u64(id));
    }
    out.put_u32(membership.nodes().count() as u32);
    for (&id, node) in membership.nodes() {
        out.put_u64(id);
        out.put_u32(node.addr.len() as u32);
        out.put_slice(node.addr.as_bytes());
    }
}

/// Takes a membership, which has to be all that is left. Nothing is allocated by what a count says.
pub(super) fn take_membership(bytes: &mut Bytes) -> Result<Membership, Malformed> {
    let mut sets = Vec::new();
    for _ in 0..bytes.try_get_u32()? {
        let mut set = BTreeSet::new();
        for _ in 0..bytes.try_get_u32()? {
            set.insert(bytes.try_get_u64()?);
        }
        sets.push(set);
    }
    let mut nodes = BTreeMap::new();
    for _ in 0..bytes.try_get_u32()? {
        let id = bytes.try_get_u64()?;
        let length = bytes.try_get_u32()? as usize;
        if length > bytes.len() {
            return Err(Malformed::Content);
        }
        let address = String::from_utf8(bytes.split_to(length).into());
        nodes.insert(id, BasicNode::new(address.map_err(|_| Malformed::Content)?));
    }
    if !bytes.is_empty() {
        return Err(Malformed::Content);
    }
    Membership::new(sets, nodes).map_err(|_| Malformed::Content)
}

/// A vote as the log's note keeps it.
pub(super) fn encode_vote(vote: &RaftVote) -> Bytes {
    let mut out = BytesMut::with_capacity(18);
    out.put_u8(VOTE);
    out.put_u64(vote.leader_id.term);
    out.put_u64(vote.leader_id.voted_for);
    out.put_u8(u8::from(vote.committed));
    out.freeze()
}

/// The vote in a note; `None` if there is no note.
pub(super) fn decode_vote(mut note: Bytes) -> Result<Option<RaftVote>, Malformed> {
    if note.is_empty() {
        return Ok(None);
    }
    match note.try_get_u8()? {
        VOTE => {}
        kind => return Err(Malformed::Kind(kind)),
    }
    let (term, member) = (note.try_get_u64()?, note.try_get_u64()?);
    match (note.try_get_u8()?, note.is_empty()) {
        (0, true) => Ok(Some(RaftVote::new(term, member))),
        (1, true) => Ok(Some(RaftVote::new_committed(term, member))),
        _ => Err(Malformed::Content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::LogId;

    fn back_and_forth(payload: EntryPayload<Body, u64, BasicNode>) {
        let log_id = theirs(LogId { term: 7, index: 9 }).expect("the index is not 0");
        let stored = encode(RaftEntry { log_id, payload: payload.clone() });
        assert_eq!(stored.id, LogId { term: 7, index: 9 });
        let read = decode(stored.clone()).unwrap();
        assert_eq!((read.log_id, &read.payload), (log_id, &payload));
        // A body of transactions is cut by the batch's own decoder, not by this one.
        if !matches!(payload, EntryPayload::Normal(_)) {
            for length in 0..stored.body.len() {
                let cut = log::Entry { id: stored.id, body: stored.body.slice(..length) };
                assert!(decode(cut).is_err(), "a prefix of {length} bytes is refused");
            }
        }
    }

    #[test]
    fn entries_come_back_as_they_were() {
        let ticket = Ticket { member: 1, incarnation: 2, sequence: 3 };
        let body = ticketed(ticket, b"\x01batch");
        assert_eq!(batch_of(&body).unwrap(), (Some(ticket), Bytes::from_static(b"\x01batch")));
        let alone = Body(Bytes::from_static(b"\x01batch"));
        assert_eq!(batch_of(&alone).unwrap(), (None, alone.0.clone()));
        let nodes = (1..=4).map(|id| (id, BasicNode::new(format!("host{id}:2888"))));
        let sets = vec![BTreeSet::from([1, 2, 3]), BTreeSet::from([2, 3, 4])];
        let membership = Membership::new(sets, nodes.collect::<BTreeMap<_, _>>()).unwrap();
        for payload in [
            EntryPayload::Blank,
            EntryPayload::Normal(body),
            EntryPayload::Normal(alone),
            EntryPayload::Membership(membership),
        ] {
            back_and_forth(payload);
        }
    }

    #[test]
    fn votes_come_back_as_they_were() {
        assert_eq!(decode_vote(Bytes::new()), Ok(None));
        for vote in [RaftVote::new(5, 2), RaftVote::new_committed(6, 1)] {
            let note = encode_vote(&vote);
            assert_eq!(decode_vote(note.clone()), Ok(Some(vote)));
            assert!(decode_vote(note.slice(..note.len() - 1)).is_err());
        }
    }

    #[test]
    fn kinds_of_a_later_release_are_refused_by_name() {
        let entry =
            log::Entry { id: LogId { term: 1, index: 1 }, body: Bytes::from_static(&[0x83]) };
        assert_eq!(decode(entry).unwrap_err(), Malformed::Kind(0x83));
        assert_eq!(decode_vote(Bytes::from_static(&[0x91])), Err(Malformed::Kind(0x91)));
    }
}
