//! The session directory: whether there is one, who may read it, and what sessions may bind there.

use std::sync::Arc;

use super::{ServerBuilder, StartError};
use crate::base::{Acl, Perms, limits};
use crate::engine::{Schemes, access};
use crate::wire::Features;

/// What was said about it.
#[derive(Clone, Debug)]
pub(in crate::io::server) struct Directory {
    pub(super) is_on: bool,
    pub(super) values: u32,
    pub(super) value_bytes: u32,
    /// Each as scheme and id.
    readers: Vec<String>,
}

impl Default for Directory {
    fn default() -> Directory {
        Directory {
            is_on: true,
            values: limits::SESSION_VALUES,
            value_bytes: limits::SESSION_VALUE_BYTES,
            readers: vec!["world:anyone".to_owned()],
        }
    }
}

impl Directory {
    /// What clients are told that there is: both the list and the values, or neither.
    pub(super) fn features(&self, all: Features) -> Features {
        let has_both = self.is_on && self.values > 0;
        if has_both { all } else { all.without(Features::DIRECTORY) }
    }

    /// The list of those who may read it.
    pub(super) fn readers(&self, schemes: Schemes) -> Result<Arc<[Acl]>, StartError> {
        let one = |text: &String| {
            let fault = || StartError::SessionReader(text.clone());
            let (scheme, id) = text.split_once(':').ok_or_else(fault)?;
            let entry = Acl::new(Perms::READ, scheme, id);
            access::resolve(std::slice::from_ref(&entry), &[], schemes).map_err(|_| fault())?;
            Ok(entry)
        };
        self.readers.iter().map(one).collect()
    }
}

impl ServerBuilder {
    /// Whether sessions are listed below `/zookeeper/sessions`, where any client reads and watches them,
    /// and bind values to themselves. Without it there is nothing at that path. Default: yes.
    pub fn session_directory(mut self, yes: bool) -> Self {
        self.directory.is_on = yes;
        self
    }

    /// Who may read and watch the session directory, each as `SCHEME:ID` in the way of an access control
    /// list; nobody if there is none. It says who is connected from where. A value that a session binds
    /// has a list of its own. Default: `world:anyone`.
    pub fn session_readers(mut self, readers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.directory.readers = readers.into_iter().map(Into::into).collect();
        self
    }

    /// Values one session may bind to itself; one more is refused with `QuotaExceeded`. Exact, and the
    /// same after a restart under other settings: it stands in the log. With 0 none can. Default: 64.
    pub fn max_session_values(mut self, most: u32) -> Self {
        self.directory.values = most;
        self
    }

    /// Bytes these may have, names, data and access control lists, 16 MiB at most; what would exceed it
    /// is refused in the same way. Default: 64 KiB.
    pub fn max_session_value_bytes(mut self, bytes: u32) -> Self {
        self.directory.value_bytes = bytes.min(limits::MOST_SESSION_VALUE_BYTES);
        self
    }
}
