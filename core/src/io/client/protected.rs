//! Creates that find out what became of them. The name carries a mark that nobody else has; when the
//! answer is lost, the mark is looked for among the children, in the same session.

use std::sync::Arc;

use super::request::RequestOptions;
use super::shared::{Done, Parcel, Shared};
use crate::base::{Stat, path};
use crate::client::{Epoch, Error, Result};
use crate::wire::{Create, Op, Reply, Request};

/// A protected create, and where its caller stands.
#[derive(Clone)]
struct Marked {
    create: Create,
    mark: Arc<str>,
    chroot: Arc<str>,
    options: Terms,
}

/// What of the options goes with each of its requests.
#[derive(Clone, Copy)]
struct Terms {
    timeout: Option<std::time::Duration>,
    epoch: Option<Epoch>,
}

/// The beginning of a name with a mark, as others write it as well.
fn begin(guid: [u8; 16]) -> String {
    use std::fmt::Write;
    let mut mark = String::from("_c_");
    for byte in guid {
        let _ = write!(mark, "{byte:02x}");
    }
    mark.push('-');
    mark
}

/// Puts the mark in front of the name.
fn mark_name(create: &mut Create, mark: &str) {
    let at = create.path.rfind('/').map_or(0, |slash| slash + 1);
    create.path.insert_str(at, mark);
}

impl Shared {
    /// Submits a create under a name of its own.
    pub(super) fn submit_protected(
        self: &Arc<Self>,
        mut create: Create,
        parcel: Parcel,
        done: Done<Reply>,
    ) {
        let mut guid = [0; 16];
        if let Err(error) = getrandom::fill(&mut guid) {
            let text = format!("no random numbers: {error}");
            return self.reject(done, Error::Invalid(text.into()));
        }
        let mark = begin(guid);
        mark_name(&mut create, &mark);
        let options =
            RequestOptions { is_protected: false, mark: Some(mark.into()), ..parcel.options };
        self.submit(Request::Create(create), Parcel { options, ..parcel }, done);
    }

    /// Submits a create that has its mark, and looks for it if the answer is lost.
    pub(super) fn submit_marked(
        self: &Arc<Self>,
        create: Create,
        parcel: Parcel,
        mark: Arc<str>,
        done: Done<Reply>,
    ) {
        let Parcel { chroot, options, .. } = parcel;
        let options = Terms { timeout: options.timeout, epoch: options.epoch };
        Marked { create, mark, chroot, options }.submit(Arc::clone(self), done);
    }
}

impl Marked {
    fn parcel(&self, epoch: Option<Epoch>) -> Parcel {
        let options =
            RequestOptions { timeout: self.options.timeout, epoch, ..RequestOptions::default() };
        Parcel { chroot: Arc::clone(&self.chroot), options, hearer: None }
    }

    fn submit(self, shared: Arc<Shared>, done: Done<Reply>) {
        let parcel = self.parcel(self.options.epoch);
        let request = Request::Create(self.create.clone());
        let other = Arc::clone(&shared);
        let answered = Done::Here(Box::new(move |result| match result {
            Err(lost @ Error::ConnectionLoss { sent: true, .. }) => self.look(other, lost, done),
            result => other.answer(done, result),
        }));
        shared.submit(request, parcel, answered);
    }

    /// Looks for the mark among the children. Behind a sync, so that the server has applied whatever
    /// came through; and in the same session, for what belonged to it is gone with it.
    fn look(self, shared: Arc<Shared>, lost: Error, done: Done<Reply>) {
        let epoch = lost.epoch();
        let parent = path::parent(&self.create.path).unwrap_or(path::ROOT).to_owned();
        let sync = Request::Sync { path: parent.clone() };
        shared.submit(sync, self.parcel(epoch), Done::Here(Box::new(drop)));
        let other = Arc::clone(&shared);
        let parcel = self.parcel(epoch);
        let listed = Done::Here(Box::new(move |result: Result<Reply>| match result {
            Ok(Reply::Children2 { names, .. }) => {
                match names.into_iter().find(|name| name.starts_with(&*self.mark)) {
                    Some(name) => self.found(other, &name, lost, done),
                    None => self.submit(other, done),
                }
            }
            // The next try says so.
            Err(error) if error.is_no_node() => self.submit(other, done),
            Err(error) => other.answer(done, Err(unresolved(error, lost))),
            Ok(_) => other.answer(done, Err(lost)),
        }));
        let request = Request::GetChildren2 { path: parent, watch: false };
        shared.submit(request, parcel, listed);
    }

    fn found(self, shared: Arc<Shared>, name: &str, lost: Error, done: Done<Reply>) {
        let parent = path::parent(&self.create.path).unwrap_or(path::ROOT);
        let path = path::join(parent, name);
        let parcel = self.parcel(lost.epoch());
        let request = Request::Exists { path: path.clone(), watch: false };
        let other = Arc::clone(&shared);
        let op = self.create.op;
        let seen = Done::Here(Box::new(move |result: Result<Reply>| {
            let answer = match result {
                Ok(Reply::Stat(stat)) => Ok(created(op, path, stat)),
                Err(error) => Err(unresolved(error, lost)),
                Ok(_) => Err(lost),
            };
            other.answer(done, answer);
        }));
        shared.submit(request, parcel, seen);
    }
}

fn created(op: Op, path: String, stat: Stat) -> Reply {
    if op == Op::Create { Reply::Created { path } } else { Reply::Created2 { path, stat } }
}

/// What is said if it cannot be found out: the end of the session if that is why, else what was said
/// at first. Either way the create left the process.
fn unresolved(error: Error, lost: Error) -> Error {
    match error {
        Error::SessionLost { epoch, reason, .. } => {
            Error::SessionLost { epoch, reason, sent: true }
        }
        _ => lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Acl, CreateMode};

    #[test]
    fn a_mark_stands_in_front_of_the_name() {
        for (path, marked) in
            [("/a/lock-", "/a/_c_x-lock-"), ("/l", "/_c_x-l"), ("/a/", "/a/_c_x-")]
        {
            let mut create =
                Create::new(path.into(), None, Acl::open_unsafe(), CreateMode::Persistent);
            mark_name(&mut create, "_c_x-");
            assert_eq!(create.path, marked);
        }
        assert_eq!(begin([0xAB; 16]), format!("_c_{}-", "ab".repeat(16)));
    }
}
