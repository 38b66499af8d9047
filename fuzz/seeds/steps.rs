//! Inputs of the targets `tree`, `path`, `server`, `auth` and `config`.

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
    servers(&corpus.join("server"))?;
    proofs(&corpus.join("auth"))?;
    configurations(&corpus.join("config"))
}

/// Each begins with the side it is for.
fn proofs(folder: &Path) -> io::Result<()> {
    let inputs: [(&str, &[u8]); 9] = [
        (
            "server-md5",
            b"\0\0username=\"bob\",realm=\"zk-sasl-md5\",nonce=\"n0nce\",nc=00000001,\
            cnonce=\"c0ffee\",qop=auth,digest-uri=\"zookeeper/zk-sasl-md5\",charset=utf-8,\
            response=d388dad90d4bbd760a152321f2143af7",
        ),
        ("server-scram", b"\0n,,n=bob,r=c0ffee\0c=biws,r=c0ffeen0nce,p=dGVzdA=="),
        (
            "client-md5",
            b"\x01realm=\"zk-sasl-md5\",nonce=\"abc\",charset=utf-8,\
            algorithm=md5-sess,qop=\"auth\"\0rspauth=00",
        ),
        ("client-scram", b"\x02r=c0ffeeabc,s=CQkJCQ==,i=4096\0v=dGVzdA=="),
        ("honest-md5", b"\x03"),
        ("honest-scram", b"\x09"),
        ("changed", b"\x09\x00\x04z"),
        ("digest", b"\x04bob:pw"),
        ("names", b"\x05CN=a\\,b+OU=x,O=#0c0161/host@REALM"),
    ];
    fs::create_dir_all(folder)?;
    inputs.iter().try_for_each(|(name, input)| fs::write(folder.join(name), input))
}

fn configurations(folder: &Path) -> io::Result<()> {
    let inputs: [(&str, &[u8]); 5] = [
        ("zoo", b"\x04# a server\ntickTime=2000\ndataDir=/var/lib/zookeeper\nclientPort: 2181\n\
            4lw.commands.whitelist=stat, ruok\nautopurge.snapRetainCount 3\nmaxClientCnxns=60\n\
            secureClientPort=2182\nssl.keyStore.location=/k.pem\nauthProvider.1=org.apache.zookeeper\
            .server.auth.SASLAuthenticationProvider\nadmin.enableServer=false\n"),
        ("escapes", b"\x04tick\\u0054ime = 20\\\n  00\n! no\n\\ta\\=b c\n"),
        ("dynamic", b"\x02dataDir=/d\ndynamicConfigFile=zoo.cfg.dynamic\n\0\
            server.1=a:2888:3888:participant;2181\n"),
        ("toml", b"\x01[listen]\nplain = \"127.0.0.1:2181\"\n\n[session]\ntick = \"3s\"\n\
            [identity]\nusers = [\"bob\"]\n"),
        ("environment", b"\x03TENURE_TICK=2000\nSERVER_JVMFLAGS=-Dzookeeper.skipACL=yes\0tick=1\n"),
    ];
    fs::create_dir_all(folder)?;
    inputs.iter().try_for_each(|(name, input)| fs::write(folder.join(name), input))
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
