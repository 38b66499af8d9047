//! Inputs of the targets `tree`, `path` and `server`.

use std::fs;
use std::io;
use std::path::Path;

use bytes::BytesMut;
use tenure::wire::Request;

use crate::{REQUEST_HEAD, index, requests};

/// What a client of `server` does.
const PASS: u8 = 1;
const RAW: u8 = 2;
const GREET: u8 = 4;
const RESUME: u8 = 5;
const ASK: u8 = 6;

const WORDS: [&[u8]; 20] = [
    b"ruok",
    b"isro",
    b"srvr",
    b"stat",
    b"cons",
    b"conf",
    b"dump",
    b"envi",
    b"mntr",
    b"wchs",
    b"wchc",
    b"wchp",
    b"dirs",
    b"crst",
    b"srst",
    b"gtmk",
    b"stmk\0\0\0\0\0\0\0\x01",
    b"hash",
    b"kill",
    b"\xff\xf4\xff\xfd",
];

const PATHS: [&str; 14] = [
    "/",
    "",
    "/a",
    "/a/b/c",
    "//",
    "/a/",
    "/a//b",
    "/./a",
    "/a/..",
    "/...",
    "/é/ \u{1}/é",
    "/\u{D7FF}\u{F900}\u{FFEF}",
    "/\u{E000}",
    "/zookeeper/quota\u{1}/zookeeper",
];

pub fn write(corpus: &Path) -> io::Result<()> {
    paths(&corpus.join("path"))?;
    trees(&corpus.join("tree"))?;
    servers(&corpus.join("server"))
}

fn paths(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, path) in PATHS.iter().enumerate() {
        fs::write(folder.join(format!("{number:02}")), path)?;
    }
    Ok(())
}

/// Decisions without a plan, of several lengths.
fn trees(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for seed in 1..=8_u32 {
        let mut state = seed.wrapping_mul(0x9E37_79B9);
        let decisions = (0..64 << (seed % 5)).map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 24) as u8
        });
        fs::write(folder.join(format!("decisions-{seed}")), decisions.collect::<Vec<u8>>())?;
    }
    Ok(())
}

fn servers(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut all = step(0, GREET, &[0, 100, 0, 1]);
    for (number, request) in requests().into_iter().enumerate() {
        let asked = ask(0, &request);
        let name = format!("{number:02}-{}", request.op().name());
        fs::write(folder.join(name), [step(0, GREET, &[]), asked.clone()].concat())?;
        all.extend(asked);
    }
    fs::write(folder.join("all"), all)?;
    for word in WORDS {
        let name: String = word[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(folder.join(format!("word-{name}")), step(1, RAW, word))?;
    }
    let stolen = [
        step(0, GREET, &[0, 50]),
        ask(0, &Request::Exists { path: "/a".into(), watch: true }),
        step(1, RESUME, &[0, 50]),
        step(2, GREET, &[0, 20]),
        step(2, PASS, &[30]),
        step(0, PASS, &[255]),
    ];
    fs::write(folder.join("stolen-and-expired"), stolen.concat())
}

fn ask(client: u8, request: &Request) -> Vec<u8> {
    let mut frame = BytesMut::new();
    request.encode(1, &mut frame);
    step(client, ASK, &[&[index(request.op())], &frame[REQUEST_HEAD..]].concat())
}

fn step(client: u8, kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("seeds are short");
    [&[client, kind, length], payload].concat()
}
