//! Calls: taken in, answered, given up, and settled when the connection they were sent on is lost.

use std::sync::Arc;

use bytes::Bytes;

use super::call::{Call, CallId, Intent, Submission, WatchId, bulk};
use super::chroot;
use super::config::WhenDisconnected;
use super::error::{Epoch, Error, LossReason, Result};
use super::event::WatchItem;
use super::link::{Up, What};
use super::machine::{Machine, Output, Phase, Proof};
use super::registrations::Heard;
use super::watches::Table;
use crate::base::limits::{CLIENT_REQUESTS, MAX_REQUEST};
use crate::base::{Code, Moment, WatchMode, WatcherKind, Zxid, path};
use crate::wire::jute::Reader;
use crate::wire::once::FORGOTTEN;
use crate::wire::{MultiOp, MultiResult, Op, Reply, ReplyHeader, Request};

/// Data up to this size is copied out of the buffer it came in, which would stay as a whole else.
pub(super) const COPIED_DATA: usize = 16 << 10;

/// Marks the ids of the client's own calls.
pub(super) const SILENT: u64 = 1 << 63;

impl Machine {
    /// Takes a call in, or answers it at once.
    pub(super) fn submit(&mut self, now: Moment, submission: Submission) {
        let Submission { call: id, request, chroot, timeout, epoch, intent } = submission;
        if let Err(error) = self.admit(&request, epoch) {
            self.unintend(intent);
            self.outputs.push_back(Output::Answer { call: id, result: Err(error) });
            return;
        }
        let deadline = timeout.map(|timeout| now + timeout);
        self.deadlines.extend(deadline.map(|at| (at, id)));
        self.adding.extend(intent.watch().map(|watch| (watch, id)));
        let proof = match &request {
            Request::Auth { scheme, auth } => {
                Some(Proof { scheme: scheme.clone(), auth: auth.clone(), call: Some(id) })
            }
            _ => None,
        };
        let call = Call {
            request,
            chroot,
            epoch,
            intent,
            deadline,
            sent: false,
            broke: 0,
            is_silent: false,
            number: None,
            is_in_flight: false,
        };
        self.calls.insert(id, call);
        match proof {
            Some(proof) => {
                self.proofs.push(proof);
                self.send_proof(self.proofs.len() - 1);
            }
            None => self.waiting.push_back(id),
        }
    }

    /// Whether a new call may come in.
    fn admit(&self, request: &Request, epoch: Option<Epoch>) -> Result<()> {
        match &self.phase {
            Phase::Finished(error) => return Err(error.clone()),
            Phase::Closing { .. } | Phase::Detaching { .. } => return Err(Error::Closed),
            Phase::Open => {}
        }
        if let Some(epoch) = epoch.filter(|&epoch| epoch != self.epoch()) {
            let index = usize::try_from(epoch.0).unwrap_or(0).wrapping_sub(1);
            let reason = *self.losses.get(index).unwrap_or(&LossReason::ExpiredByServer);
            return Err(Error::SessionLost { epoch, reason, sent: false });
        }
        let bytes = bulk(request);
        if bytes > MAX_REQUEST {
            let text = format!("a request of {bytes} bytes; send at most {MAX_REQUEST} at once");
            return Err(Error::Invalid(text.into()));
        }
        if self.calls.len() >= CLIENT_REQUESTS {
            return Err(Error::Overloaded);
        }
        let fails = self.settings.when_disconnected == WhenDisconnected::Fail;
        if fails && self.link.up().is_none() {
            return Err(Error::ConnectionLoss { sent: false, epoch: self.epoch() });
        }
        Ok(())
    }

    /// Queues a request of the client's own, which nobody hears the answer of.
    pub(super) fn submit_silent(&mut self, request: Request) {
        self.silent_calls += 1;
        let id = CallId(SILENT | self.silent_calls);
        self.waiting.push_back(id);
        let call = Call::silent(request);
        self.calls.insert(id, call);
    }

    /// A watch that nobody wants any more.
    pub(super) fn unwatch(&mut self, watch: WatchId) {
        self.close_view(watch);
        if let Some(id) = self.adding.remove(&watch) {
            if let Some(call) = self.calls.get_mut(&id) {
                call.intent = match call.intent {
                    Intent::Stream(_) => Intent::Unwanted,
                    // Its one event will find nobody.
                    _ => Intent::Nothing,
                };
            }
        } else if let Some((path, mode)) = self.watches.remove(watch) {
            self.remove_from_server(path, mode);
        }
        self.outputs.push_back(Output::Unwatched(watch));
    }

    /// Has the server forget a persistent watch, unless another stream has it or is about to.
    ///
    /// Servers before ZooKeeper 3.9 refuse to remove these kinds alone. Then the watch stays there,
    /// and its events find nobody here.
    pub(super) fn remove_from_server(&mut self, path: String, mode: WatchMode) {
        let is_wanted = self.adding.values().filter_map(|id| self.calls.get(id)).any(|call| {
            matches!(&call.request, Request::AddWatch { path: other, mode: as_well }
                if *other == path && *as_well == mode)
        });
        if is_wanted || self.watches.contains(&path, mode) || self.link.up().is_none() {
            return;
        }
        let kind = match mode {
            WatchMode::Persistent => WatcherKind::Persistent,
            WatchMode::PersistentRecursive => WatcherKind::PersistentRecursive,
        };
        self.submit_silent(Request::RemoveWatches { path, kind });
    }

    /// An answer shows the state after this transaction; zero and less stand for none.
    pub(super) fn note_seen(&mut self, zxid: Zxid) {
        if zxid > Zxid::ZERO {
            self.last_zxid = self.last_zxid.max(zxid);
            self.lease.note_zxid(self.last_zxid);
        }
    }

    /// The server answered a call; `None` if the answer cannot be read.
    pub(super) fn answered(
        &mut self,
        id: CallId,
        header: ReplyHeader,
        reader: &mut Reader,
    ) -> Option<()> {
        self.note_seen(header.zxid);
        // It has timed out meanwhile.
        let Some(call) = self.calls.get_mut(&id) else { return Some(()) };
        call.is_in_flight = false;
        if call.number.is_some() && header.error == FORGOTTEN {
            let epoch = self.epoch();
            self.fail(id, Error::ConnectionLoss { sent: true, epoch });
            return Some(());
        }
        let decoded = match Code::from_number(header.error) {
            Some(code) => Err(code),
            None => match Reply::decode(call.request.op(), reader) {
                Ok(Reply::Confirmed(number)) => match Code::from_number(number) {
                    Some(code) => Err(code),
                    None => Ok(Reply::Done),
                },
                Ok(reply) => Ok(reply),
                Err(_) => {
                    let epoch = self.epoch();
                    self.fail(id, Error::ConnectionLoss { sent: true, epoch });
                    return None;
                }
            },
        };
        self.conclude(id, decoded);
        Some(())
    }

    /// Draws the consequences of an answer and hands it out.
    fn conclude(&mut self, id: CallId, decoded: Result<Reply, Code>) {
        let Some(call) = self.calls.get(&id) else { return };
        let (intent, chroot, call_is_silent) = (call.intent, call.chroot.clone(), call.is_silent);
        let request = call.request.clone();
        self.file_watch(&request, intent, &decoded, &chroot);
        if !call_is_silent {
            self.note_ephemerals(&request, &decoded);
        }
        if let (Request::RemoveWatches { path, kind }, Ok(_)) = (&request, &decoded) {
            for watch in self.watches.take_kind(path, *kind) {
                if self.keep_view(watch) {
                    continue;
                }
                self.tell(watch, Err(Error::WatchRemoved), true);
            }
        }
        let result = match decoded {
            Ok(reply) => self::finish(reply, &request, &chroot),
            Err(code) => {
                let path = path::strip_chroot(&chroot, chroot::subject(&request)).into();
                Err(Error::Server { code, path })
            }
        };
        if request.op() == Op::CloseSession {
            self.calls.remove(&id);
            return self.close_answered(result.map(|_| ()));
        }
        self.answer(id, result);
    }

    /// Files the watch a call leaves, or says that there is none.
    fn file_watch(
        &mut self,
        request: &Request,
        intent: Intent,
        decoded: &Result<Reply, Code>,
        chroot: &Arc<str>,
    ) {
        let path = chroot::subject(request);
        if let Some(watch) = intent.watch() {
            self.adding.remove(&watch);
        }
        match (intent, request, decoded) {
            (Intent::Nothing, ..) => {}
            (Intent::Once(watch), Request::Exists { .. }, Err(Code::NoNode)) => {
                self.watches.insert(watch, Table::Exist, path, chroot);
            }
            (Intent::Once(watch), request, Ok(_)) => {
                let is_data = matches!(request.op(), Op::Exists | Op::GetData);
                let table = if is_data { Table::Data } else { Table::Child };
                self.watches.insert(watch, table, path, chroot);
            }
            (Intent::Stream(watch), Request::AddWatch { mode, .. }, Ok(_)) => {
                self.watches.insert(watch, Table::of(*mode), path, chroot);
            }
            (Intent::Unwanted, Request::AddWatch { mode, .. }, Ok(_)) => {
                self.remove_from_server(path.to_owned(), *mode);
            }
            (Intent::Once(_) | Intent::Stream(_) | Intent::Unwanted, ..) => self.unintend(intent),
        }
    }

    /// Keeps the list of what goes with the session.
    fn note_ephemerals(&mut self, request: &Request, decoded: &Result<Reply, Code>) {
        let reply = match decoded {
            Ok(reply) => reply,
            Err(Code::NoNode) if request.op() == Op::Delete => {
                self.ephemerals.remove(chroot::subject(request));
                return;
            }
            Err(_) => return,
        };
        match (request, reply) {
            (Request::Create(create), Reply::Created { path } | Reply::Created2 { path, .. })
                if create.mode().is_ok_and(|mode| mode.is_ephemeral()) =>
            {
                self.ephemerals.insert(path.clone());
            }
            (Request::Adopt { path, .. }, _) => {
                self.ephemerals.insert(path.clone());
            }
            (Request::Delete { path, .. }, _) => {
                self.ephemerals.remove(path);
            }
            (Request::Multi(ops), Reply::Multi(results)) => {
                for (op, result) in ops.iter().zip(results) {
                    self.note_in_multi(op, result);
                }
            }
            _ => {}
        }
    }

    fn note_in_multi(&mut self, op: &MultiOp, result: &MultiResult) {
        match (op, result) {
            (
                MultiOp::Create(create),
                MultiResult::Created { path } | MultiResult::Created2 { path, .. },
            ) if create.mode().is_ok_and(|mode| mode.is_ephemeral()) => {
                self.ephemerals.insert(path.clone());
            }
            (MultiOp::Delete { path, .. }, MultiResult::Deleted) => {
                self.ephemerals.remove(path);
            }
            _ => {}
        }
    }

    /// Hands an answer out. Does nothing if the call was answered before.
    pub(super) fn answer(&mut self, id: CallId, result: Result<Reply>) {
        let Some(call) = self.calls.remove(&id) else { return };
        if let Some(deadline) = call.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        // One that is on its way has its number until the server answers, or the connection is lost.
        if let Some(number) = call.number.filter(|_| !call.is_in_flight) {
            self.numbers.close(number);
        }
        if !call.is_silent {
            self.outputs.push_back(Output::Answer { call: id, result });
        } else if let Some(owner) = self.registrations.calls.remove(&id) {
            self.registrations.heard.push_back((owner, Heard::Answer(id, result)));
        }
    }

    /// Fails a call, and with it the watch it would have left.
    pub(super) fn fail(&mut self, id: CallId, error: Error) {
        if let Some(call) = self.calls.get(&id) {
            self.unintend(call.intent);
        }
        self.answer(id, Err(error));
    }

    fn unintend(&mut self, intent: Intent) {
        if let Intent::Once(watch) | Intent::Stream(watch) = intent {
            self.adding.remove(&watch);
            if watch.0 & SILENT == 0 {
                self.outputs.push_back(Output::Unwatched(watch));
            } else {
                self.registrations.watches.remove(&watch);
            }
        }
    }

    /// Tells whoever has a watch what it says.
    pub(super) fn tell(&mut self, watch: WatchId, item: Result<WatchItem>, is_last: bool) {
        if watch.0 & SILENT == 0 {
            self.outputs.push_back(Output::Item { watch, item, is_last });
        } else if let Some(owner) = self.registrations.watches.remove(&watch) {
            self.registrations.heard.push_back((owner, Heard::Changed));
        }
    }

    /// Fails the calls whose time is up. Their answers find nobody when they come.
    pub(super) fn expire_calls(&mut self, now: Moment) {
        let epoch = self.epoch();
        let mut was_unsent = false;
        while let Some(&(at, id)) = self.deadlines.first().filter(|&&(at, _)| at <= now) {
            self.deadlines.remove(&(at, id));
            let Some(call) = self.calls.get(&id) else { continue };
            let sent = call.sent;
            was_unsent |= !sent;
            let added = match &call.request {
                Request::AddWatch { path, mode } if sent => Some((path.clone(), *mode)),
                _ => None,
            };
            self.fail(id, Error::Timeout { sent, epoch });
            if let Some((path, mode)) = added {
                self.remove_from_server(path, mode);
            }
        }
        if was_unsent {
            self.waiting.retain(|id| self.calls.contains_key(id));
        }
        for proof in &mut self.proofs {
            proof.call = proof.call.filter(|id| self.calls.contains_key(id));
        }
    }

    /// What comes cannot be read. It is the answer to the oldest call, and would come again if that
    /// were sent again.
    pub(super) fn fail_oldest(&mut self) {
        if self.fail_oldest_view() {
            return;
        }
        let epoch = self.epoch();
        let oldest = self.link.calls_in_flight().next();
        if let Some(id) = oldest.filter(|id| self.calls.get(id).is_some_and(|call| !call.is_silent))
        {
            self.fail(id, Error::ConnectionLoss { sent: true, epoch });
        }
    }

    /// What was sent on a lost connection: reads and numbered writes wait again, in their order and
    /// ahead of the others; of other writes nothing is known.
    pub(super) fn settle(&mut self, up: Up) {
        let epoch = self.epoch();
        let waits = self.settings.when_disconnected == WhenDisconnected::Wait || self.is_closing();
        let mut lost = Vec::new();
        if let Some(What::Call(oldest)) = up.in_flight.front().map(|sent| sent.what)
            && let Some(call) = self.calls.get_mut(&oldest)
        {
            call.broke = call.broke.saturating_add(1);
        }
        for sent in up.in_flight.into_iter().rev() {
            let What::Call(id) = sent.what else { continue };
            if let Some(call) = self.calls.get_mut(&id) {
                call.is_in_flight = false;
            }
            match self.calls.get(&id) {
                // The watch it was to remove is gone with the connection.
                Some(call) if call.is_silent && call.request.op() == Op::RemoveWatches => {
                    self.calls.remove(&id);
                }
                Some(call) if waits && self.is_resendable(call) => self.waiting.push_front(id),
                Some(_) => lost.push(id),
                // Its caller was told that the outcome is not known: it stays at that.
                None => sent.number.into_iter().for_each(|number| self.numbers.close(number)),
            }
        }
        for id in lost.into_iter().rev() {
            self.fail(id, Error::ConnectionLoss { sent: true, epoch });
        }
    }

    /// Numbers belong to a session, and this one may be left behind.
    fn is_resendable(&self, call: &Call) -> bool {
        call.is_repeatable() && !(call.number.is_some() && self.abandons())
    }

    /// Fails the numbered writes that wait to be sent again: nobody will answer them any more.
    pub(super) fn fail_numbered(&mut self, error: impl Fn(Epoch) -> Error) {
        self.fail_waiting(|call| call.number.is_some(), error);
    }

    /// Fails those of the waiting calls that `which` picks.
    pub(super) fn fail_waiting(
        &mut self,
        which: impl Fn(&Call) -> bool,
        error: impl Fn(Epoch) -> Error,
    ) {
        let epoch = self.epoch();
        for id in std::mem::take(&mut self.waiting) {
            match self.calls.get(&id) {
                Some(call) if which(call) => self.fail(id, error(epoch)),
                Some(_) => self.waiting.push_back(id),
                None => {}
            }
        }
    }
}

/// The reply as the program gets it.
fn finish(mut reply: Reply, request: &Request, chroot: &str) -> Result<Reply> {
    if let (Request::Multi(_), Reply::Multi(results)) = (request, &reply) {
        let failed = results.iter().enumerate().find_map(|(index, result)| match result {
            MultiResult::Failed(number) => Some((index, Code::from_number(*number)?)),
            _ => None,
        });
        if let Some((index, code)) = failed {
            return Err(Error::Multi { index, code });
        }
    }
    if let Reply::Data { data: Some(data), .. } = &mut reply
        && data.len() <= COPIED_DATA
    {
        *data = Bytes::copy_from_slice(data);
    }
    chroot::leave(&mut reply, chroot);
    Ok(reply)
}
