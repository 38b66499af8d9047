//! What an event says, in the form C reads it: texts end with a null character.

use std::ffi::{CStr, CString};

use bytes::Bytes;
use tenure_core::{Acl, Stat};

use crate::event::{TENURE_CONNECTING, TENURE_KIND_END, tenure_kind, tenure_state};
use crate::guard::{Fault, c_text};
use crate::status::{TENURE_APPLIED, TENURE_OK, tenure_outcome, tenure_status};

/// Names one after the other, each with the null character C wants.
#[derive(Default, Debug)]
pub(crate) struct Names {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Names {
    pub(crate) fn new(names: &[String]) -> Names {
        let mut all = Names::default();
        for name in names {
            all.starts.push(all.bytes.len());
            all.bytes.extend_from_slice(c_text(name).as_bytes_with_nul());
        }
        all
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&CStr> {
        let start = *self.starts.get(index)?;
        CStr::from_bytes_until_nul(&self.bytes[start..]).ok()
    }
}

/// One entry of an access control list, as C reads it.
#[derive(Debug)]
pub(crate) struct AclEntry {
    pub(crate) perms: i32,
    pub(crate) scheme: CString,
    pub(crate) id: CString,
}

impl From<&Acl> for AclEntry {
    fn from(acl: &Acl) -> AclEntry {
        AclEntry { perms: acl.perms.0, scheme: c_text(&acl.id.scheme), id: c_text(&acl.id.id) }
    }
}

/// What one operation answered. A multi has several.
#[derive(Default, Debug)]
pub(crate) struct Part {
    pub(crate) status: tenure_status,
    pub(crate) path: CString,
    pub(crate) data: Option<Bytes>,
    pub(crate) stat: Option<Stat>,
    pub(crate) children: Names,
    pub(crate) acl: Vec<AclEntry>,
}

/// All that an event says, without the pointer that goes with it.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) kind: tenure_kind,
    pub(crate) status: tenure_status,
    pub(crate) outcome: tenure_outcome,
    pub(crate) text: CString,
    pub(crate) epoch: u32,
    pub(crate) session_id: i64,
    pub(crate) state: tenure_state,
    pub(crate) change: i32,
    pub(crate) parts: Vec<Part>,
}

impl Content {
    pub(crate) fn new(kind: tenure_kind) -> Content {
        Content {
            kind,
            status: TENURE_OK,
            outcome: TENURE_APPLIED,
            text: CString::default(),
            epoch: 0,
            session_id: 0,
            state: TENURE_CONNECTING,
            change: 0,
            parts: Vec::new(),
        }
    }
}

/// The end of a watch, for this reason.
impl From<&Fault> for Content {
    fn from(fault: &Fault) -> Content {
        Content { status: fault.status, text: c_text(&fault.text), ..Content::new(TENURE_KIND_END) }
    }
}
