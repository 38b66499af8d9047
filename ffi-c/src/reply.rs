//! Answers of the core as contents of events.

use std::ffi::CString;

use tenure_core::wire::MultiResult;
use tenure_core::{Code, Error, Reply};

use crate::content::{AclEntry, Content, Names, Part};
use crate::event::TENURE_KIND_REPLY;
use crate::guard::{Fault, c_text};
use crate::status::{TENURE_NOT_APPLIED, TENURE_OK, outcome_of, status_of};

/// The paths a request named, one for each of its operations.
#[derive(Default)]
pub(crate) struct Asked {
    paths: Vec<CString>,
}

impl Asked {
    pub(crate) fn new(paths: Vec<&str>) -> Asked {
        Asked { paths: paths.into_iter().map(c_text).collect() }
    }

    fn path(&self, part: usize) -> CString {
        self.paths.get(part).cloned().unwrap_or_default()
    }
}

/// The reply to a request that got as far as the client. `epoch` and `session_id` are still those
/// of no session.
pub(crate) fn of_request(asked: &Asked, result: Result<Reply, Error>) -> Content {
    match result {
        Ok(reply) => Content { parts: parts(asked, reply), ..Content::new(TENURE_KIND_REPLY) },
        Err(error) => Content {
            outcome: outcome_of(error.outcome()),
            epoch: error.epoch().map_or(0, |epoch| epoch.0),
            parts: failed_parts(asked, &error),
            ..of_fault(&Fault::from(&error))
        },
    }
}

/// The reply to a close, or the word that a watch is in place.
pub(crate) fn of_result(result: &Result<(), Fault>) -> Content {
    match result {
        Ok(()) => Content::new(TENURE_KIND_REPLY),
        Err(fault) => of_fault(fault),
    }
}

fn of_fault(fault: &Fault) -> Content {
    Content {
        status: fault.status,
        outcome: TENURE_NOT_APPLIED,
        text: c_text(&fault.text),
        ..Content::new(TENURE_KIND_REPLY)
    }
}

fn parts(asked: &Asked, reply: Reply) -> Vec<Part> {
    let mut part = Part { path: asked.path(0), ..Part::default() };
    match reply {
        Reply::Multi(results) => {
            return results
                .into_iter()
                .enumerate()
                .map(|(index, result)| multi_part(asked.path(index), result))
                .collect();
        }
        Reply::Created { path } | Reply::Synced { path } => part.path = c_text(&path),
        Reply::Created2 { path, stat } => {
            part.path = c_text(&path);
            part.stat = Some(stat);
        }
        Reply::Stat(stat) => part.stat = Some(stat),
        Reply::Data { data, stat } => {
            part.data = data;
            part.stat = Some(stat);
        }
        Reply::Children { names } | Reply::Ephemerals(names) => part.children = Names::new(&names),
        Reply::Children2 { names, stat } => {
            part.children = Names::new(&names);
            part.stat = Some(stat);
        }
        Reply::Acl { acl, stat } => {
            part.acl = acl.iter().map(AclEntry::from).collect();
            part.stat = Some(stat);
        }
        Reply::Done
        | Reply::Count(_)
        | Reply::Identities(_)
        | Reply::Confirmed(_)
        | Reply::Token(_) => {}
    }
    vec![part]
}

fn multi_part(path: CString, result: MultiResult) -> Part {
    let part = Part { path, ..Part::default() };
    match result {
        MultiResult::Created { path } => Part { path: c_text(&path), ..part },
        MultiResult::Created2 { path, stat } => {
            Part { path: c_text(&path), stat: Some(stat), ..part }
        }
        MultiResult::Deleted | MultiResult::Checked => part,
        MultiResult::Set(stat) => Part { stat: Some(stat), ..part },
        MultiResult::Data { data, stat } => Part { data, stat: Some(stat), ..part },
        MultiResult::Children { names } => Part { children: Names::new(&names), ..part },
        MultiResult::Failed(status) => Part { status, ..part },
    }
}

/// One part for each operation, so that a caller sees which one it was.
fn failed_parts(asked: &Asked, error: &Error) -> Vec<Part> {
    let status = |part: usize| match error {
        Error::Multi { index, code } if part == *index => code.number(),
        Error::Multi { index, .. } if part < *index => TENURE_OK,
        Error::Multi { .. } => Code::RuntimeInconsistency.number(),
        other => status_of(other),
    };
    (0..asked.paths.len())
        .map(|part| Part { status: status(part), path: asked.path(part), ..Part::default() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{TENURE_BAD_VERSION, TENURE_NO_NODE, TENURE_RUNTIME_INCONSISTENCY};

    #[test]
    fn a_failed_multi_says_which_part_failed() {
        let error = Error::Multi { index: 1, code: Code::BadVersion };
        let content = of_request(&Asked::new(vec!["/a", "/b", "/c"]), Err(error));
        assert_eq!(content.status, TENURE_BAD_VERSION);
        assert_eq!(content.outcome, TENURE_NOT_APPLIED);
        let statuses: Vec<i32> = content.parts.iter().map(|part| part.status).collect();
        assert_eq!(statuses, [TENURE_OK, TENURE_BAD_VERSION, TENURE_RUNTIME_INCONSISTENCY]);
    }

    #[test]
    fn a_failed_request_keeps_its_path() {
        let error = Error::Server { code: Code::NoNode, path: "/a".into() };
        let content = of_request(&Asked::new(vec!["/a"]), Err(error));
        assert_eq!(content.parts[0].path.as_c_str(), c"/a");
        assert_eq!(content.parts[0].status, TENURE_NO_NODE);
        assert_eq!(content.text.as_c_str(), c"/a: no such znode (-101)");
    }
}
