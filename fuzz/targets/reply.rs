//! What a client reads: the answer to the handshake, replies to every operation, watch events.
//!
//! The first byte of an input says what the rest is: the reply to an operation of the table, the
//! handshake's answer, or a stream of frames from a hostile server. Nothing may panic, memory stays
//! bounded, and what was decoded is decoded again from its own encoding.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use tenure::base::{Zxid, limits};
use tenure::wire::jute::Reader;
use tenure::wire::{ConnectResponse, Op, Reply, ReplyHeader, WatchEvent, event, frame, reply};

fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else { return };
    let body = Bytes::copy_from_slice(rest);
    match Op::ALL.get(usize::from(kind)) {
        Some(&op) => answer(op, body),
        None if kind == u8::MAX => handshake(body),
        None if kind == u8::MAX - 1 => watch_event(body),
        None => stream(&body),
    }
});

fn handshake(body: Bytes) {
    let Ok(first) = ConnectResponse::decode(body) else { return };
    let mut frames = BytesMut::new();
    first.encode(&mut frames);
    assert_eq!(ConnectResponse::decode(only_frame(&mut frames)).as_ref(), Ok(&first));
}

fn answer(op: Op, body: Bytes) {
    if cfg!(feature = "planted") {
        planted(op, &mut Reader::new(body.clone()));
    }
    let Ok(first) = Reply::decode(op, &mut Reader::new(body)) else { return };
    let mut frames = BytesMut::new();
    reply::put(&mut frames, 7, Zxid(9), &Ok(first.clone()));
    let mut again = Reader::new(only_frame(&mut frames));
    let header = ReplyHeader::decode(&mut again).expect("an encoded reply has a header");
    assert_eq!(header, ReplyHeader { xid: 7, zxid: Zxid(9), error: 0 });
    assert_eq!(Reply::decode(op, &mut again).as_ref(), Ok(&first));
    assert_eq!(again.remaining(), 0, "an encoded reply ends with its record");
}

fn watch_event(body: Bytes) {
    let Ok(Some(first)) = WatchEvent::decode(body) else { return };
    let mut frames = BytesMut::new();
    event::put(&mut frames, first.kind, &first.path, event::NO_ZXID);
    let body = only_frame(&mut frames);
    let header = ReplyHeader::decode(&mut Reader::new(body.clone())).expect("an event has one");
    assert_eq!(header.xid, reply::XID_EVENT);
    assert_eq!(WatchEvent::decode(body.slice(16..)), Ok(Some(first)));
}

/// A server that answers in turn as if every operation had been asked.
fn stream(bytes: &[u8]) {
    let mut input = BytesMut::from(bytes);
    let mut turn = 0;
    let mut is_open = false;
    while let Ok(Some(body)) = frame::take(&mut input, limits::MAX_REPLY) {
        if !is_open {
            handshake(body);
            is_open = true;
            continue;
        }
        let Ok(header) = ReplyHeader::decode(&mut Reader::new(body.clone())) else { continue };
        if header.xid == reply::XID_EVENT {
            watch_event(body.slice(16..));
        } else if header.error == 0 {
            answer(Op::ALL[turn % Op::ALL.len()], body.slice(16..));
            turn += 1;
        }
    }
}

fn only_frame(frames: &mut BytesMut) -> Bytes {
    let body = frame::take(frames, usize::MAX).expect("an encoded frame has a sound length");
    assert!(frames.is_empty(), "one value is one frame");
    body.expect("an encoded frame is whole")
}

/// The classic: a count from the wire is trusted before its items are there.
fn planted(op: Op, reader: &mut Reader) {
    if op == Op::GetChildren
        && let Ok(count) = reader.int()
    {
        let names: Vec<String> = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
        std::hint::black_box(&names);
    }
}
