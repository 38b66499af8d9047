//! A request as the program names things, and as the server does: paths checked, chroots put on and
//! taken off.

use super::error::{Error, Result};
use crate::base::path;
use crate::wire::{Create, MultiOp, MultiResult, ReadOp, Reply, Request};

/// Checks a request of a program and turns its paths into the server's.
///
/// # Errors
/// `Invalid` for a path that no server accepts, and for requests that belong to the client itself.
pub fn enter(mut request: Request, chroot: &str) -> Result<Request> {
    match &mut request {
        Request::Create(create) => enter_create(create, chroot)?,
        Request::Delete { path, .. }
        | Request::Exists { path, .. }
        | Request::GetData { path, .. }
        | Request::SetData { path, .. }
        | Request::GetAcl { path }
        | Request::SetAcl { path, .. }
        | Request::GetChildren { path, .. }
        | Request::GetChildren2 { path, .. }
        | Request::Sync { path }
        | Request::Check { path, .. }
        | Request::CheckWatches { path, .. }
        | Request::RemoveWatches { path, .. }
        | Request::GetAllChildrenNumber { path }
        | Request::Adopt { path, .. } => enter_path(path, chroot)?,
        Request::Multi(ops) => {
            for op in ops {
                match op {
                    MultiOp::Create(create) => enter_create(create, chroot)?,
                    MultiOp::Delete { path, .. }
                    | MultiOp::SetData { path, .. }
                    | MultiOp::Check { path, .. } => enter_path(path, chroot)?,
                    MultiOp::CheckSession { .. } => {}
                }
            }
        }
        Request::MultiRead(ops) => {
            for ReadOp::Data { path } | ReadOp::Children { path } in ops {
                enter_path(path, chroot)?;
            }
        }
        Request::GetEphemerals { prefix } => match prefix {
            Some(prefix) => enter_path(prefix, chroot)?,
            None if chroot.is_empty() => {}
            None => *prefix = Some(chroot.to_owned()),
        },
        Request::Reconfig
        | Request::Auth { .. }
        | Request::WhoAmI
        | Request::HandOver { .. }
        | Request::Fence { .. } => {}
        Request::AddWatch { .. } => {
            return Err(Error::Invalid("a persistent watch is added by watch or watch_to".into()));
        }
        Request::Ping
        | Request::SetWatches(_)
        | Request::Sasl { .. }
        | Request::CloseSession
        | Request::Once(_) => {
            return Err(Error::Invalid("the client sends this request by itself".into()));
        }
    }
    Ok(request)
}

/// Checks a path of a program and turns it into the server's.
///
/// # Errors
/// `Invalid` for a path that no server accepts.
pub fn enter_path(path: &mut String, chroot: &str) -> Result<()> {
    check(path, path)?;
    if !chroot.is_empty() {
        *path = path::add_chroot(chroot, path);
    }
    Ok(())
}

/// A sequential create may name no more than the parent: the number is the name then.
fn enter_create(create: &mut Create, chroot: &str) -> Result<()> {
    if create.mode().is_ok_and(|mode| mode.is_sequential()) {
        check(&format!("{}0", create.path), &create.path)?;
        if !chroot.is_empty() {
            create.path.insert_str(0, chroot);
        }
        return Ok(());
    }
    enter_path(&mut create.path, chroot)
}

fn check(path: &str, shown: &str) -> Result<()> {
    path::validate(path)
        .map_err(|fault| Error::Invalid(format!("'{}': {fault}", shown.escape_debug()).into()))
}

/// Turns the paths of a reply into the program's.
pub fn leave(reply: &mut Reply, chroot: &str) {
    if chroot.is_empty() {
        return;
    }
    match reply {
        Reply::Created { path } | Reply::Created2 { path, .. } | Reply::Synced { path } => {
            leave_path(path, chroot);
        }
        Reply::Multi(results) => {
            for result in results {
                if let MultiResult::Created { path } | MultiResult::Created2 { path, .. } = result {
                    leave_path(path, chroot);
                }
            }
        }
        Reply::Ephemerals(paths) => paths.iter_mut().for_each(|path| leave_path(path, chroot)),
        _ => {}
    }
}

fn leave_path(path: &mut String, chroot: &str) {
    *path = path::strip_chroot(chroot, path).to_owned();
}

/// The path a request is about, on the server; empty if it is about none or several.
pub fn subject(request: &Request) -> &str {
    match request {
        Request::Create(create) => &create.path,
        Request::Delete { path, .. }
        | Request::Exists { path, .. }
        | Request::GetData { path, .. }
        | Request::SetData { path, .. }
        | Request::GetAcl { path }
        | Request::SetAcl { path, .. }
        | Request::GetChildren { path, .. }
        | Request::GetChildren2 { path, .. }
        | Request::Sync { path }
        | Request::Check { path, .. }
        | Request::CheckWatches { path, .. }
        | Request::RemoveWatches { path, .. }
        | Request::AddWatch { path, .. }
        | Request::GetAllChildrenNumber { path }
        | Request::Adopt { path, .. } => path,
        Request::GetEphemerals { prefix } => prefix.as_deref().unwrap_or_default(),
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Acl, CreateMode, Stat};

    fn create(path: &str, mode: CreateMode) -> Request {
        Request::Create(Create::new(path.into(), None, Acl::open_unsafe(), mode))
    }

    #[test]
    fn s67_paths_go_in_and_come_out() {
        let get = |path: &str| Request::GetData { path: path.into(), watch: false };
        assert_eq!(enter(get("/x"), "/app"), Ok(get("/app/x")));
        assert_eq!(enter(get("/"), "/app"), Ok(get("/app")));
        let multi = Request::Multi(vec![MultiOp::Delete { path: "/x".into(), version: -1 }]);
        assert_eq!(
            enter(multi, "/app"),
            Ok(Request::Multi(vec![MultiOp::Delete { path: "/app/x".into(), version: -1 }]))
        );
        assert_eq!(
            enter(Request::GetEphemerals { prefix: None }, "/app"),
            Ok(Request::GetEphemerals { prefix: Some("/app".into()) })
        );
        let mut reply = Reply::Created2 { path: "/app/x".into(), stat: Stat::default() };
        leave(&mut reply, "/app");
        assert_eq!(reply, Reply::Created2 { path: "/x".into(), stat: Stat::default() });
    }

    #[test]
    fn bad_paths_never_leave_the_process() {
        assert!(enter(create("/a/", CreateMode::Persistent), "").is_err());
        assert_eq!(
            enter(create("/a/", CreateMode::PersistentSequential), "/c").as_ref().map(subject),
            Ok("/c/a/")
        );
        assert!(enter(Request::Sync { path: "x".into() }, "").is_err());
        assert!(enter(Request::CloseSession, "").is_err());
    }
}
