//! Described requests as the core takes them.

use tenure_core::base::mode::Ttl;
use tenure_core::base::path;
use tenure_core::wire::{Create, MultiOp, ReadOp};
use tenure_core::{Acl, CreateMode, Request};

use crate::arguments::invalid;
use crate::guard::Fault;
use crate::reply::Asked;
use crate::request::{
    TENURE_CONTAINER, TENURE_EPHEMERAL, TENURE_PARENTS, TENURE_SEQUENTIAL, Task, tenure_request,
};

/// A request ready to be submitted.
pub(crate) struct Composed {
    pub(crate) request: Request,
    pub(crate) asked: Asked,
    pub(crate) parents: bool,
}

/// Refuses a path that no server accepts.
pub(crate) fn check_path(path: &str) -> Result<(), Fault> {
    path::validate(path)
        .map_err(|fault| invalid(format!("path '{}': {fault}", path.escape_debug())))
}

/// Checks the path of one operation. A sequential create may name no more than the parent: the number
/// is the name then.
fn check_operation(task: &Task, path: &str) -> Result<(), Fault> {
    match task {
        Task::Multi(parts) => {
            parts.iter().try_for_each(|part| check_operation(&part.task, &part.path))
        }
        Task::Create { flags, .. } if flags & TENURE_SEQUENTIAL != 0 && path.ends_with('/') => {
            check_path(&format!("{path}0"))
        }
        _ => check_path(path),
    }
}

/// Turns a description into a request.
pub(crate) fn compose(described: tenure_request) -> Result<Composed, Fault> {
    let tenure_request { task, path, version, acl, .. } = described;
    check_operation(&task, &path)?;
    let asked = Asked::new(match &task {
        Task::Multi(parts) => parts.iter().map(|part| part.path.as_str()).collect(),
        _ => vec![path.as_str()],
    });
    let mut parents = false;
    // The core sets the watch byte where a sink goes with the request.
    let watch = false;
    let request = match task {
        Task::Create { data, flags, ttl } => {
            parents = flags & TENURE_PARENTS != 0;
            Request::Create(Create::new(path, data, or_open(acl), mode(flags, ttl)?))
        }
        Task::Get => Request::GetData { path, watch },
        Task::Set { data } => Request::SetData { path, data, version },
        Task::Delete => Request::Delete { path, version },
        Task::Exists => Request::Exists { path, watch },
        Task::Children => Request::GetChildren2 { path, watch },
        Task::Sync => Request::Sync { path },
        Task::GetAcl => Request::GetAcl { path },
        Task::SetAcl => {
            if acl.is_empty() {
                return Err(invalid("set_acl needs an entry; add one with tenure_req_acl"));
            }
            Request::SetAcl { path, acl, version }
        }
        Task::Check => return Err(invalid("a check is part of a multi only")),
        Task::Multi(parts) => multi(parts)?,
    };
    Ok(Composed { request, asked, parents })
}

fn multi(parts: Vec<tenure_request>) -> Result<Request, Fault> {
    let reads = matches!(parts.first().map(|part| &part.task), Some(Task::Get | Task::Children));
    if reads {
        let ops: Result<_, _> = parts.into_iter().map(read).collect();
        return Ok(Request::MultiRead(ops?));
    }
    let ops: Result<_, _> = parts.into_iter().map(write).collect();
    Ok(Request::Multi(ops?))
}

fn read(part: tenure_request) -> Result<ReadOp, Fault> {
    match part.task {
        Task::Get => Ok(ReadOp::Data { path: part.path }),
        Task::Children => Ok(ReadOp::Children { path: part.path }),
        _ => Err(misplaced()),
    }
}

fn write(part: tenure_request) -> Result<MultiOp, Fault> {
    let tenure_request { task, path, version, acl, .. } = part;
    Ok(match task {
        Task::Create { data, flags, ttl } => {
            MultiOp::Create(Create::new(path, data, or_open(acl), mode(flags, ttl)?))
        }
        Task::Set { data } => MultiOp::SetData { path, data, version },
        Task::Delete => MultiOp::Delete { path, version },
        Task::Check => MultiOp::Check { path, version },
        _ => return Err(misplaced()),
    })
}

fn misplaced() -> Fault {
    invalid("a multi is of create, set, delete, check, or of get, children")
}

fn or_open(acl: Vec<Acl>) -> Vec<Acl> {
    if acl.is_empty() { Acl::open_unsafe() } else { acl }
}

/// The mode for flags and a time to live that were checked when they were set.
fn mode(flags: u32, ttl: Option<Ttl>) -> Result<CreateMode, Fault> {
    let ephemeral = flags & TENURE_EPHEMERAL != 0;
    let sequential = flags & TENURE_SEQUENTIAL != 0;
    let container = flags & TENURE_CONTAINER != 0;
    Ok(match (container, ephemeral, sequential, ttl) {
        (true, false, false, None) => CreateMode::Container,
        (false, false, false, None) => CreateMode::Persistent,
        (false, false, true, None) => CreateMode::PersistentSequential,
        (false, true, false, None) => CreateMode::Ephemeral,
        (false, true, true, None) => CreateMode::EphemeralSequential,
        (false, false, false, Some(ttl)) => CreateMode::Ttl(ttl),
        (false, false, true, Some(ttl)) => CreateMode::TtlSequential(ttl),
        _ => return Err(invalid("these create flags do not go together")),
    })
}
