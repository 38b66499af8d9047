//! Reads: answered from the state as it is, straight into the output buffer.
//!
//! Nothing is copied on the way: data, names and lists go from the tree to the buffer. Paths are
//! looked up as they are and not validated; what is malformed does not exist.

use bytes::BytesMut;

use super::directory::SessionTexts;
use super::{Engine, access};
use crate::base::{Code, Identity, Perms, SessionId, path};
use crate::tree::{Node, NodeId};
use crate::watch::Registration;
use crate::wire::{Op, ReadOp, Request, jute, multi, reply};

/// What a read came to, besides the reply frame it appended.
#[must_use = "a watch the reply calls for has to be registered before the next transaction"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Read<'a> {
    /// The code the reply carries; `None` for success.
    pub code: Option<Code>,
    /// The watch to register for the asking connection, if it asked for one and the outcome is one
    /// that leaves a watch.
    pub watch: Option<(Registration, &'a str)>,
}

/// Who reads, and who tells of the sessions that the session directory shows.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    /// For which session.
    pub session: SessionId,
    /// What is proven.
    pub identities: &'a [Identity],
    /// What is said of sessions.
    pub texts: &'a dyn SessionTexts,
}

/// Answers a read: appends one whole reply frame to `out`.
///
/// Covers exists, getData, getChildren, getChildren2, getACL, getEphemerals, getAllChildrenNumber
/// and multiRead; any other request is answered with `Unimplemented`. The zxid of the reply is the
/// newest one. To keep a watch free of gaps, register it before the next transaction is applied.
///
/// An answer longer than [`Engine::limit_replies`] says is replaced by `MarshallingError`.
pub fn read<'a>(
    engine: &Engine,
    request: &'a Request,
    asker: Asker<'_>,
    xid: i32,
    out: &mut BytesMut,
) -> Read<'a> {
    let start = out.len();
    let ceiling = start.saturating_add(engine.max_reply);
    let Asker { session, identities, texts } = asker;
    let judged = access::Judged::default();
    let reader = Reader { engine, identities, session, texts, ceiling, judged };
    let mut result = Ok(());
    reply::put_with(out, xid, engine.last_zxid(), |out| result = reader.answer(request, out));
    if let Err(code) = result {
        out.truncate(start);
        reply::put_error(out, xid, engine.last_zxid(), code);
    }
    Read { code: result.err(), watch: watch(request, result) }
}

/// The watch that this outcome of this request leaves.
fn watch(request: &Request, result: Result<(), Code>) -> Option<(Registration, &str)> {
    match request {
        Request::Exists { path, watch: true } if matches!(result, Ok(()) | Err(Code::NoNode)) => {
            Some((Registration::Data, path))
        }
        Request::GetData { path, watch: true } if result.is_ok() => {
            Some((Registration::Data, path))
        }
        Request::GetChildren { path, watch: true }
        | Request::GetChildren2 { path, watch: true }
            if result.is_ok() =>
        {
            Some((Registration::Child, path))
        }
        _ => None,
    }
}

pub(super) struct Reader<'e> {
    pub(super) engine: &'e Engine,
    pub(super) identities: &'e [Identity],
    pub(super) session: SessionId,
    pub(super) texts: &'e dyn SessionTexts,
    /// The length `out` must not pass.
    ceiling: usize,
    pub(super) judged: access::Judged,
}

impl<'e> Reader<'e> {
    /// Appends the body of the answer. What was appended before an error is void.
    fn answer(&self, request: &Request, out: &mut BytesMut) -> Result<(), Code> {
        if let Some(place) = request.znode().and_then(|path| self.engine.place(path)) {
            self.answer_about(place, request, out)?;
            return self.within_ceiling(out);
        }
        match request {
            Request::Exists { path, .. } => {
                if path.contains('\0') {
                    return Err(Code::BadArguments);
                }
                jute::put_stat(out, &self.engine.stat(path, self.readable(path)?.0));
            }
            Request::GetData { path, .. } => self.put_data(path, out)?,
            Request::GetChildren { path, .. } => self.put_children(path, out).map(drop)?,
            Request::GetChildren2 { path, .. } => {
                let id = self.put_children(path, out)?;
                jute::put_stat(out, &self.engine.stat(path, id));
            }
            Request::GetAcl { path } => self.put_acl(path, out)?,
            Request::GetAllChildrenNumber { path } => {
                let below = self.engine.tree.descendants(self.readable(path)?.0);
                // Below the empty path, the root's other name, stands the root itself.
                let count = below + usize::from(path.is_empty());
                jute::put_length(out, count);
            }
            Request::GetEphemerals { prefix } => self.put_ephemerals(prefix.as_deref(), out)?,
            Request::MultiRead(ops) => self.put_parts(ops, out)?,
            _ => return Err(Code::Unimplemented),
        }
        self.within_ceiling(out)
    }

    fn find(&self, path: &str) -> Result<(NodeId, Node<'e>), Code> {
        let id = self.engine.tree.find(path).ok_or(Code::NoNode)?;
        Ok((id, self.engine.tree.node(id)))
    }

    fn readable(&self, path: &str) -> Result<(NodeId, Node<'e>), Code> {
        let (id, node) = self.find(path)?;
        let acl = node.acl();
        let allowed = self.judged.allows(self.engine, acl, Perms::READ, self.identities);
        if allowed { Ok((id, node)) } else { Err(Code::NoAuth) }
    }

    fn put_data(&self, path: &str, out: &mut BytesMut) -> Result<(), Code> {
        let (id, node) = self.readable(path)?;
        match self.engine.usage_text(path) {
            Some(text) => jute::put_buffer(out, Some(text.as_bytes())),
            None => jute::put_buffer(out, node.data()),
        }
        jute::put_stat(out, &self.engine.stat(path, id));
        Ok(())
    }

    fn put_children(&self, path: &str, out: &mut BytesMut) -> Result<NodeId, Code> {
        let (id, node) = self.readable(path)?;
        let tree = &self.engine.tree;
        let has_directory = self.engine.has_directory_below(path);
        jute::put_length(out, node.num_children() + usize::from(has_directory));
        for child in tree.children(id) {
            jute::put_string(out, tree.node(child).name());
            self.within_ceiling(out)?;
        }
        if has_directory {
            Self::put_directory_name(out);
        }
        Ok(id)
    }

    /// READ or ADMIN shows the list; only ADMIN shows what is behind the names.
    fn put_acl(&self, path: &str, out: &mut BytesMut) -> Result<(), Code> {
        let (id, node) = self.find(path)?;
        let allowed = |perms| self.engine.allows(node.acl(), perms, self.identities);
        if allowed(Perms::ADMIN) {
            jute::put_acl(out, node.acl());
        } else if allowed(Perms::READ) {
            jute::put_acl(out, &access::masked(node.acl()));
        } else {
            return Err(Code::NoAuth);
        }
        jute::put_stat(out, &self.engine.stat(path, id));
        Ok(())
    }

    /// The session's own ephemerals whose paths start with `prefix` as a string.
    fn put_ephemerals(&self, prefix: Option<&str>, out: &mut BytesMut) -> Result<(), Code> {
        let prefix = match prefix.unwrap_or_default() {
            all if all.trim().is_empty() || all.trim() == path::ROOT => "",
            prefix => prefix,
        };
        let own = self.engine.ephemerals.of(self.session);
        let wanted = own.filter(|path| path.starts_with(prefix));
        let start = out.len();
        jute::put_length(out, 0);
        let mut count = 0_i32;
        for path in wanted {
            jute::put_string(out, path);
            self.within_ceiling(out)?;
            count += 1;
        }
        out[start..start + 4].copy_from_slice(&count.to_be_bytes());
        Ok(())
    }

    /// Each part of a multiRead succeeds or fails alone.
    fn put_parts(&self, ops: &[ReadOp], out: &mut BytesMut) -> Result<(), Code> {
        for op in ops {
            let start = out.len();
            let result = match op {
                ReadOp::Data { path } => {
                    multi::put_success(out, Op::GetData);
                    match self.engine.place(path) {
                        Some(place) => self.put_data_of(place, out),
                        None => self.put_data(path, out),
                    }
                }
                ReadOp::Children { path } => {
                    multi::put_success(out, Op::GetChildren);
                    match self.engine.place(path) {
                        Some(place) => self.put_children_of(place, out),
                        None => self.put_children(path, out).map(drop),
                    }
                }
            };
            self.within_ceiling(out)?;
            if let Err(code) = result {
                out.truncate(start);
                multi::put_failure(out, code.number());
            }
        }
        multi::put_end(out);
        Ok(())
    }

    pub(super) fn within_ceiling(&self, out: &BytesMut) -> Result<(), Code> {
        if out.len() <= self.ceiling { Ok(()) } else { Err(Code::MarshallingError) }
    }
}
