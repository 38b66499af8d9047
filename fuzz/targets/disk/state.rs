//! Entries of the log, images of a state, and snapshots: what a server believes at its start.

use bytes::Bytes;
use tenure::engine::snapshots::{load, save};
use tenure::engine::{Batch, Budget, Engine, EngineOptions, Loader, Progress};
use tenure::log::snapshot::{FRAME, Head};

use crate::memory::Memory;

/// The name of a file that is no snapshot's: what it says is not compared with it.
const FILE: &str = "hostile";
/// Bytes of a snapshot's header without its membership, of what precedes a frame, of a footer.
const HEADER: usize = 64;
const FRAME_HEAD: usize = 13;
const FOOTER: usize = 33;
/// What a footer begins with.
const END: u8 = 0xF0;

/// An entry: read, written and read again; then its transactions, whatever they are.
pub fn batch(bytes: &[u8]) {
    if cfg!(feature = "planted") {
        planted(bytes);
    }
    let Ok(batch) = Batch::decode(Bytes::copy_from_slice(bytes)) else { return };
    assert_eq!(Batch::decode(batch.encode()).as_ref(), Ok(&batch));
    let mut engine = Engine::new(EngineOptions::default());
    engine.begin(batch.epoch, batch.rules);
    for txn in &batch.txns {
        let _ = engine.apply(txn);
    }
    comes_back(&mut engine);
}

/// An image, in pieces of a length that the first byte gives.
pub fn image(bytes: &[u8]) {
    let Some((&piece, image)) = bytes.split_first() else { return };
    let mut loader = Loader::new(EngineOptions::default());
    for piece in image.chunks(usize::from(piece) + 1) {
        if loader.feed(piece).is_err() {
            return;
        }
    }
    if let Ok(mut engine) = loader.finish() {
        comes_back(&mut engine);
    }
}

/// A snapshot; the first byte says whether checksums are put right before it is read.
pub fn snapshot(bytes: &[u8]) {
    let Some((&is_right, file)) = bytes.split_first() else { return };
    let mut file = file.to_vec();
    if is_right != 0 {
        put_right(&mut file);
    }
    let disk = Memory::default();
    disk.put(FILE, file);
    let Ok((mut engine, read)) = load(&disk, FILE, EngineOptions::default()) else { return };
    assert!(read.raw_bytes <= read.bytes * FRAME as u64);
    let head = |engine: &Engine| Head { zxid: engine.last_zxid(), ..read.head.clone() };
    let written = save(&mut engine, &disk, head).expect("the disk works");
    let (again, summary) = load(&disk, &written.name, EngineOptions::default())
        .unwrap_or_else(|error| panic!("what was written is not read: {error}"));
    assert_eq!((summary.head, summary.items), (read.head, read.items));
    assert_eq!(again.digest(), engine.digest());
}

/// An engine is what its image says.
fn comes_back(engine: &mut Engine) {
    let image = image_of(engine);
    let mut loader = Loader::new(EngineOptions::default());
    loader.feed(&image).unwrap_or_else(|fault| panic!("an image of our own: {fault}"));
    let mut again = loader.finish().unwrap_or_else(|fault| panic!("a state of our own: {fault}"));
    let what = |engine: &Engine| {
        (engine.digest(), engine.last_zxid(), engine.node_count(), engine.registry().len())
    };
    assert_eq!(what(&again), what(engine));
    assert_eq!(again.ephemerals().count(), engine.ephemerals().count());
    // The slots are dense from now on, so that the second image is the last one that differs.
    let second = image_of(&mut again);
    let mut loader = Loader::new(EngineOptions::default());
    loader.feed(&second).unwrap_or_else(|fault| panic!("an image of an image: {fault}"));
    let mut third = loader.finish().unwrap_or_else(|fault| panic!("an image of an image: {fault}"));
    assert!(image_of(&mut third) == second, "the image of an image changes");
}

fn image_of(engine: &mut Engine) -> Vec<u8> {
    let mut image = Vec::new();
    let mut scan = engine.begin_scan();
    while engine.scan_step(&mut scan, Budget::default(), &mut image) == Progress::More {}
    drop(engine.end_scan(&scan));
    image
}

/// Makes all checksums of a snapshot right, as far as it looks like one.
fn put_right(file: &mut [u8]) {
    if file.len() < HEADER + 4 {
        return;
    }
    file[..12].copy_from_slice(b"tenuresn\x01\0\0\0");
    let mut at = HEADER.saturating_add(int(&file[12..16]));
    if !put_sum(file, 0, at) {
        return;
    }
    at += 4;
    let (mut frames, mut raw) = (0_u64, 0_u64);
    while file.get(at).is_some_and(|&first| first != END) && file.len() - at >= FRAME_HEAD {
        raw = raw.wrapping_add(int(&file[at + 1..at + 5]) as u64);
        frames += 1;
        let body = at + FRAME_HEAD..at.saturating_add(FRAME_HEAD + int(&file[at + 5..at + 9]));
        let Some(bytes) = file.get(body.clone()) else { return };
        let sum = crc32c::crc32c_append(crc32c::crc32c(&file[at..at + 9]), bytes);
        file[at + 9..at + FRAME_HEAD].copy_from_slice(&sum.to_le_bytes());
        at = body.end;
    }
    if file.len() - at < FOOTER {
        return;
    }
    file[at + 1..at + 9].copy_from_slice(&frames.to_le_bytes());
    file[at + 9..at + 17].copy_from_slice(&raw.to_le_bytes());
    let whole = crc32c::crc32c(&file[..at]);
    file[at + 25..at + 29].copy_from_slice(&whole.to_le_bytes());
    put_sum(file, at, at + FOOTER - 4);
}

/// Puts the checksum of some bytes behind them, if there is room.
fn put_sum(file: &mut [u8], start: usize, end: usize) -> bool {
    let Some(bytes) = file.get(start..end) else { return false };
    let sum = crc32c::crc32c(bytes).to_le_bytes();
    let Some(place) = file.get_mut(end..end + 4) else { return false };
    place.copy_from_slice(&sum);
    true
}

fn int(bytes: &[u8]) -> usize {
    u32::from_le_bytes(bytes.try_into().expect("four bytes")) as usize
}

/// The number of transactions that an entry announces is trusted before they are there.
fn planted(entry: &[u8]) {
    if let Some(count) = entry.get(14..).and_then(|count| count.first_chunk::<4>()) {
        let txns: Vec<u64> = Vec::with_capacity(u32::from_be_bytes(*count) as usize);
        std::hint::black_box(&txns);
    }
}
