//! What there is, from outside: every znode with data, ACL and Stat.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tenure::base::path::parent;
use tenure::engine::Engine;
use tenure::tree::Kind;
use tenure_tests::records::{Acl, Stat, acl};
use tenure_tests::session::Session;

/// One znode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub data: Option<Vec<u8>>,
    pub acl: Vec<Acl>,
    pub stat: Stat,
}

/// All of them by path.
pub type View = BTreeMap<String, Seen>;

/// What a server says to someone who may see everything.
pub fn of_server(addr: SocketAddr) -> View {
    let mut client = Session::with_timeout(addr, 40_000);
    assert_eq!(client.auth("digest", b"super:pw"), 0);
    let mut view = View::new();
    let mut open = vec!["/".to_owned()];
    while let Some(path) = open.pop() {
        let (data, stat) = client.get(&path, false).expect("it was listed");
        let (acl, _) = client.get_acl(&path).expect("it was listed");
        for name in client.children(&path, false).expect("it was listed") {
            open.push(if path == "/" { format!("/{name}") } else { format!("{path}/{name}") });
        }
        view.insert(path, Seen { data, acl, stat });
    }
    client.close();
    view
}

/// What a server with this state would say.
pub fn of_engine(engine: &Engine) -> View {
    let mut view: View = engine
        .znodes()
        .map(|(path, znode)| {
            let owner = match znode.kind {
                Kind::Ephemeral(owner) => owner.0,
                _ => 0,
            };
            let list = znode.acl.iter();
            let list = list.map(|entry| acl(entry.perms.0, &entry.id.scheme, &entry.id.id));
            let stat = Stat {
                czxid: znode.czxid.0,
                mzxid: znode.mzxid.0,
                ctime: znode.ctime.0,
                mtime: znode.mtime.0,
                version: znode.version,
                cversion: znode.creations.wrapping_mul(2),
                aversion: znode.aversion,
                ephemeral_owner: owner,
                data_length: znode.data.as_ref().map_or(0, |data| data.len() as i32),
                num_children: 0,
                pzxid: znode.pzxid.0,
            };
            (path, Seen { data: znode.data.map(|data| data.to_vec()), acl: list.collect(), stat })
        })
        .collect();
    let paths: Vec<String> = view.keys().filter(|path| *path != "/").cloned().collect();
    for path in paths {
        let above = parent(&path).and_then(|above| view.get_mut(above)).expect("parents are there");
        above.stat.num_children += 1;
        above.stat.cversion -= 1;
    }
    view
}

/// Fails with the first znode that differs.
pub fn assert_equal(ours: &View, theirs: &View) {
    let paths: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    for path in &paths {
        assert_eq!(ours.get(*path), theirs.get(*path), "{path}: ours is on the left");
    }
    assert!(paths.len() > 60, "there is something to compare");
}

/// Sessions, and paths by session, as the four-letter word `dump` tells them.
pub fn of_dump(text: &str) -> (BTreeSet<i64>, BTreeMap<i64, BTreeSet<String>>) {
    let (tracked, owned) = text.split_once("ephemeral nodes dump:").expect("two parts");
    let id = |line: &str| {
        let hex = line.trim().trim_end_matches(':').strip_prefix("0x")?;
        u64::from_str_radix(hex, 16).ok().map(|id| id as i64)
    };
    let sessions = tracked.lines().filter_map(id).collect();
    let mut ephemerals = BTreeMap::new();
    let mut owner = None;
    for line in owned.lines() {
        if let Some(session) = id(line) {
            owner = Some(session);
        } else if let (Some(owner), Some(path)) = (owner, line.strip_prefix('\t')) {
            if !path.starts_with('/') {
                // The connections are listed behind.
                break;
            }
            ephemerals.entry(owner).or_insert_with(BTreeSet::new).insert(path.to_owned());
        }
    }
    (sessions, ephemerals)
}

/// The digest at the end of the newest snapshot that is not compressed: Apache writes one at its
/// start. `None` where it does not know the digest, as after a snapshot that was overtaken by the next
/// transaction while it was written.
pub fn newest_digest(folder: &Path) -> Option<u64> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let newest = paths.filter_map(|path| {
        let hex = path.file_name()?.to_str()?.strip_prefix("snapshot.")?;
        Some((u64::from_str_radix(hex, 16).ok()?, path.clone()))
    });
    let (zxid, path) = newest.max().expect("a snapshot");
    let bytes = fs::read(path).expect("the snapshot");
    let end = &bytes[bytes.len() - 33..];
    let long = |at: usize| u64::from_be_bytes(end[at..at + 8].try_into().expect("eight bytes"));
    println!("digest      {:#x} at zxid {:#x} of {zxid:#x}", long(12), long(0));
    (long(0) == zxid && end[8..12] == [0, 0, 0, 2]).then(|| long(12))
}
