//! What a server reads: the handshake, requests of every operation, whole byte streams.
//!
//! The first byte of an input says what the rest is: an operation of the table with its body, a
//! handshake, or a stream of frames. Nothing may panic, memory stays bounded, and what was decoded
//! is decoded again from its own encoding.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use tenure::base::limits;
use tenure::wire::jute::Reader;
use tenure::wire::{ConnectRequest, Op, Request, RequestHeader, frame};

fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else { return };
    let body = Bytes::copy_from_slice(rest);
    match Op::ALL.get(usize::from(kind)) {
        Some(&op) => request(op, &mut Reader::new(body)),
        None if kind == u8::MAX => handshake(body),
        None => stream(&body),
    }
});

fn handshake(body: Bytes) {
    let Ok(first) = ConnectRequest::decode(body) else { return };
    let mut frames = BytesMut::new();
    first.encode(&mut frames);
    assert_eq!(ConnectRequest::decode(only_frame(&mut frames)).as_ref(), Ok(&first));
}

fn request(op: Op, reader: &mut Reader) {
    let Ok(first) = Request::decode(op, reader) else { return };
    if cfg!(feature = "planted") {
        planted(&first);
    }
    if let Request::Create(create) = &first {
        let _ = create.mode();
    }
    let mut frames = BytesMut::new();
    first.encode(7, &mut frames);
    let mut again = Reader::new(only_frame(&mut frames));
    let header = RequestHeader::decode(&mut again).expect("an encoded request has a header");
    assert_eq!(header, RequestHeader { xid: 7, number: first.op().number() });
    assert_eq!(Request::decode(first.op(), &mut again).as_ref(), Ok(&first));
    // The body of reconfig is not read: its answer does not depend on it.
    if first != Request::Reconfig {
        assert_eq!(again.remaining(), 0, "an encoded request ends with its record");
    }
}

fn stream(bytes: &[u8]) {
    let mut input = BytesMut::from(bytes);
    let mut is_open = false;
    while let Ok(Some(body)) = frame::take(&mut input, limits::MAX_FRAME) {
        if !is_open {
            handshake(body);
            is_open = true;
            continue;
        }
        let mut reader = Reader::new(body);
        let Ok(header) = RequestHeader::decode(&mut reader) else { continue };
        if let Some(op) = Op::from_number(header.number) {
            request(op, &mut reader);
        }
    }
}

fn only_frame(frames: &mut BytesMut) -> Bytes {
    let body = frame::take(frames, usize::MAX).expect("an encoded frame has a sound length");
    assert!(frames.is_empty(), "one value is one frame");
    body.expect("an encoded frame is whole")
}

/// A bug that needs four bytes right, in the few operations that carry a version.
fn planted(request: &Request) {
    if let Request::Delete { version, .. }
    | Request::Check { version, .. }
    | Request::SetData { version, .. }
    | Request::SetAcl { version, .. } = request
    {
        assert!(*version != 0x1234_5678, "planted");
    }
}
