//! What a server holds, read from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::raw::Wire;
use tenure_tests::records::{Acl, ConnectRequest, Reply, Stat};
use tenure_tests::session::Session;

/// A znode as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Its data; null reads as empty.
    pub data: Vec<u8>,
    /// Its ACL.
    pub acl: Vec<Acl>,
    /// Its Stat.
    pub stat: Stat,
}

/// A whole tree, read while nothing changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// By path.
    pub znodes: BTreeMap<String, Seen>,
    /// The server's newest zxid at that time.
    pub zxid: i64,
}

/// How often a tree is read that changes while it is read: sessions expire when they like.
const ATTEMPTS: usize = 200;

/// Requests on the way at one time, well below what a server lets wait.
const AT_A_TIME: usize = 100;

impl Observed {
    /// Reads everything there is, in a session of its own.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(addr: SocketAddr) -> Result<Observed, String> {
        let mut reader = connect(addr, &ConnectRequest::default())?;
        for _ in 0..ATTEMPTS {
            let mut walk = Walk { reader: &mut reader, zxids: BTreeSet::new() };
            if let Some(znodes) = walk.tree()? {
                let zxid = walk.zxids.last().copied().unwrap_or_default();
                reader.try_call(op::CLOSE_SESSION, &Body::new()).map_err(|why| {
                    format!("the session that read the tree cannot be closed: {why:?}")
                })?;
                return Ok(Observed { znodes, zxid });
            }
        }
        Err(format!("the tree changes without end: {ATTEMPTS} attempts to read it"))
    }

    /// Whether the znode is there.
    pub fn has(&self, path: &str) -> bool {
        self.znodes.contains_key(path)
    }
}

/// Connects with this request; a refusal is an answer too.
///
/// # Errors
/// Why there is no answer.
pub fn connect(addr: SocketAddr, request: &ConnectRequest) -> Result<Session, String> {
    let wire = Wire::connect(addr).map_err(|error| format!("cannot connect: {error}"))?;
    Session::over(wire, request).map_err(|why| format!("the handshake is not answered: {why:?}"))
}

struct Walk<'a> {
    reader: &'a mut Session,
    /// Every zxid a reply carried: one, unless something happened meanwhile.
    zxids: BTreeSet<i64>,
}

impl Walk<'_> {
    /// `None` if something changed.
    fn tree(&mut self) -> Result<Option<BTreeMap<String, Seen>>, String> {
        let mut znodes = BTreeMap::new();
        let mut level = vec!["/".to_owned()];
        while !level.is_empty() {
            let data = self.ask(op::GET_DATA, &level)?;
            let acls = self.ask(op::GET_ACL, &level)?;
            let children = self.ask(op::GET_CHILDREN, &level)?;
            let mut next = Vec::new();
            for (place, path) in level.into_iter().enumerate() {
                let replies = [&data[place], &acls[place], &children[place]];
                if self.zxids.len() > 1 {
                    return Ok(None);
                }
                if let Some(reply) = replies.iter().find(|reply| reply.err != 0) {
                    return Err(format!("{path} cannot be read: error {}", reply.err));
                }
                let mut reader = replies[0].reader();
                let (bytes, stat) = (reader.buffer().unwrap_or_default(), reader.stat());
                let acl = replies[1].reader().acl();
                let slash = if path == "/" { "" } else { "/" };
                for name in replies[2].reader().strings() {
                    next.push(format!("{path}{slash}{name}"));
                }
                znodes.insert(path, Seen { data: bytes, acl, stat });
            }
            level = next;
        }
        Ok((self.zxids.len() == 1).then_some(znodes))
    }

    fn ask(&mut self, kind: i32, paths: &[String]) -> Result<Vec<Reply>, String> {
        let mut replies = Vec::with_capacity(paths.len());
        for chunk in paths.chunks(AT_A_TIME) {
            for path in chunk {
                let body = Body::new().string(path);
                let watch = kind != op::GET_ACL;
                self.reader.send(kind, &if watch { body.bool(false) } else { body });
            }
            for path in chunk {
                let reply = self
                    .reader
                    .reply()
                    .map_err(|why| format!("no answer to a read of {path}: {why:?}"))?;
                self.zxids.insert(reply.zxid);
                replies.push(reply);
            }
        }
        Ok(replies)
    }
}
