//! What the session machine does for its views: sends their requests, ahead of the program's, and
//! hands out what the answers mean.

use std::sync::Arc;

use bytes::Bytes;

use super::{Content, Listing, NewView, News, Shown, Table, View};
use crate::base::limits::VIEW_RETRY;
use crate::base::{Code, EventKind, Moment, WatchMode, path};
use crate::client::call::WatchId;
use crate::client::error::Error;
use crate::client::link::{SEND_AT_ONCE, Sent, What};
use crate::client::machine::{Machine, Output, Phase};
use crate::client::requests::COPIED_DATA;
use crate::wire::jute::Reader;
use crate::wire::{Op, Reply, ReplyHeader, Request};

/// What a request of a view is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Question {
    /// To add its watch.
    Watch,
    /// To read data.
    Data,
    /// To read the names of children.
    Children,
}

impl Question {
    pub(super) fn read(self, path: String) -> Request {
        match self {
            Question::Children => Request::GetChildren2 { path, watch: false },
            _ => Request::GetData { path, watch: false },
        }
    }

    fn op(self) -> Op {
        match self {
            Question::Watch => Op::AddWatch,
            Question::Data => Op::GetData,
            Question::Children => Op::GetChildren2,
        }
    }
}

/// What an answer does to the view it is for.
pub(super) enum Effect {
    /// It says this.
    Says(News),
    /// It may have more to ask.
    Goes,
    /// It is over.
    Ends(Error),
    /// The server could not do it now.
    Waits,
}

/// Whether the same request may be answered another time.
pub(super) fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::ThrottledOp
            | Code::OperationTimeout
            | Code::RequestTimeout
            | Code::ConnectionLoss
            | Code::SessionMoved
            | Code::SessionExpired
    )
}

impl Machine {
    /// Takes a view in; one that is not taken ends at once.
    pub(in crate::client) fn open_view(&mut self, view: &NewView) {
        let refusal = match &self.phase {
            Phase::Finished(error) => Some(error.clone()),
            Phase::Closing { .. } | Phase::Detaching { .. } => Some(Error::Closed),
            Phase::Open => None,
        };
        match refusal {
            Some(error) => self.view_says(view.watch, News::Ended(error), false),
            None => self.views.open(view, &mut self.watches),
        }
    }

    /// Forgets a view that the program no longer wants; its watch is left to the caller.
    pub(in crate::client) fn close_view(&mut self, watch: WatchId) {
        self.views.by_watch.remove(&watch);
    }

    /// The watch was taken out because the program removed all watches of its kind on its path.
    /// Whether it is a view's, which wants it back.
    pub(in crate::client) fn keep_view(&mut self, watch: WatchId) -> bool {
        let Some(view) = self.views.by_watch.get(&watch) else { return false };
        let (path, chroot) = (Arc::clone(&view.path), Arc::clone(&view.chroot));
        let table = Table::of(view.kind().mode());
        self.watches.insert_at(watch, table, &path, &chroot);
        self.views.watch_again(watch);
        self.doubt(watch);
        true
    }

    /// Makes requests of views ready for the socket. They count as sent from here on, at `now`.
    pub(in crate::client) fn transmit_views(&mut self, now: Moment) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        while self.out.len() < SEND_AT_ONCE
            && let Some(up) = self.link.up_mut()
            && up.login.is_none()
            && let Some((watch, question, request)) = self.views.take_request()
        {
            let xid = up.take_xid();
            request.encode(xid, &mut self.out);
            up.clocks.note_sent(now);
            let what = What::View(watch, question);
            up.in_flight.push_back(Sent { xid, at: now, what, number: None });
        }
    }

    /// An event for a view's watch; false if the watch is nobody's view. `path` is the server's.
    pub(in crate::client) fn view_heard(
        &mut self,
        watch: WatchId,
        kind: EventKind,
        path: &str,
    ) -> bool {
        let Some(view) = self.views.by_watch.get_mut(&watch) else { return false };
        let is_tree = matches!(view.shown, Shown::Tree(_));
        if view.hear(kind, path) {
            match is_tree {
                true => self.views.touched.push(watch),
                false => self.views.enqueue(watch),
            }
            self.doubt(watch);
        }
        true
    }

    /// A request of a view was answered; `None` if the answer cannot be read.
    pub(in crate::client) fn view_answered(
        &mut self,
        now: Moment,
        (watch, question): (WatchId, Question),
        header: ReplyHeader,
        reader: &mut Reader,
    ) -> Option<()> {
        self.note_seen(header.zxid);
        // The program has dropped it meanwhile.
        let Some(view) = self.views.by_watch.get_mut(&watch) else { return Some(()) };
        let answer = match Code::from_number(header.error) {
            Some(code) => Err(code),
            None => match Reply::decode(question.op(), reader) {
                Ok(reply) => Ok(reply),
                Err(_) => {
                    let epoch = self.lease.epoch();
                    self.end_view(watch, Error::ConnectionLoss { sent: true, epoch });
                    return None;
                }
            },
        };
        let effect = view.answered(question, answer);
        self.follow(now, (watch, question), effect);
        Some(())
    }

    fn follow(&mut self, now: Moment, (watch, question): (WatchId, Question), effect: Effect) {
        let Some(view) = self.views.by_watch.get(&watch) else { return };
        match (effect, &view.shown) {
            (Effect::Ends(error), _) => {
                let watched = self.end_view(watch, error);
                if let Some((path, mode)) = watched.filter(|_| question != Question::Watch) {
                    self.remove_from_server(path, mode);
                }
                return;
            }
            (Effect::Waits, _) => return self.views.put_off(watch, now + VIEW_RETRY),
            (Effect::Says(news), Shown::Data(single) | Shown::Children(single)) => {
                let is_fresh = !single.is_dirty;
                self.view_says(watch, news, is_fresh);
            }
            (_, Shown::Tree(_)) => self.views.touched.push(watch),
            _ => {}
        }
        self.views.enqueue(watch);
    }

    /// What views have to do before the machine is done with an input: trees begin and end their
    /// rounds, and what was refused a while ago is asked again.
    pub(in crate::client) fn advance_views(&mut self, now: Moment) {
        if self.views.retry_at.is_some_and(|at| at <= now) {
            self.views.take_refused();
        }
        let mut touched = std::mem::take(&mut self.views.touched);
        touched.dedup();
        for watch in touched {
            let Some(view) = self.views.by_watch.get_mut(&watch) else { continue };
            let Shown::Tree(tree) = &mut view.shown else { continue };
            let delta = tree.settle();
            let is_quiet = tree.is_quiet();
            if let Some(delta) = delta {
                self.view_says(watch, News::Tree(delta), is_quiet);
            }
            self.views.enqueue(watch);
        }
    }

    /// The connection is gone.
    pub(in crate::client) fn cut_views(&mut self) {
        for watch in self.views.cut() {
            self.view_says(watch, News::Doubt, false);
        }
    }

    /// All watches are on their way to the server: everything is read right behind them.
    pub(in crate::client) fn restore_views(&mut self) {
        self.views.restore();
    }

    /// What comes cannot be read, and is the answer to a view's read: that is not asked again.
    /// Whether it is so.
    pub(in crate::client) fn fail_oldest_view(&mut self) -> bool {
        let Some(up) = self.link.up() else { return false };
        let Some(What::View(watch, _)) = up.in_flight.front().map(|sent| sent.what) else {
            return false;
        };
        let epoch = self.epoch();
        self.end_view(watch, Error::ConnectionLoss { sent: true, epoch });
        true
    }

    /// Ends all views.
    pub(in crate::client) fn end_views(&mut self, error: &Error) {
        let all: Vec<WatchId> = self.views.by_watch.keys().copied().collect();
        for watch in all {
            self.view_says(watch, News::Ended(error.clone()), false);
            self.watches.remove(watch);
        }
        self.views = super::Views::default();
    }

    /// Ends a view. What the server need not watch any more, if it does.
    fn end_view(&mut self, watch: WatchId, error: Error) -> Option<(String, WatchMode)> {
        self.view_says(watch, News::Ended(error), false);
        self.views.by_watch.remove(&watch);
        self.watches.remove(watch)
    }

    /// Tells the program that the value it has may have been overtaken, unless it knows.
    fn doubt(&mut self, watch: WatchId) {
        if self.views.by_watch.get(&watch).is_some_and(|view| view.is_fresh) {
            self.view_says(watch, News::Doubt, false);
        }
    }

    fn view_says(&mut self, watch: WatchId, news: News, is_fresh: bool) {
        if let Some(view) = self.views.by_watch.get_mut(&watch) {
            view.is_fresh = is_fresh;
        }
        self.outputs.push_back(Output::View { watch, news, is_fresh });
    }
}

impl View {
    fn answered(&mut self, question: Question, answer: Result<Reply, Code>) -> Effect {
        let answer = match answer {
            Ok(Reply::Confirmed(number)) => Code::from_number(number).map_or(Ok(Reply::Done), Err),
            answer => answer,
        };
        if question == Question::Watch {
            return match answer {
                Ok(_) => Effect::Goes,
                Err(code) if is_passing(code) => {
                    self.is_unwatched = true;
                    // What was read behind it is read again: nothing tells of changes.
                    self.start_over();
                    Effect::Waits
                }
                Err(code) => Effect::Ends(self.refused(code)),
            };
        }
        if let Shown::Tree(tree) = &mut self.shown {
            return match tree.answered(answer) {
                Ok(effect) => effect,
                Err(code) => Effect::Ends(self.refused(code)),
            };
        }
        if let Shown::Data(single) | Shown::Children(single) = &mut self.shown {
            single.is_flying = false;
            single.is_dirty |= answer.as_ref().is_err_and(|&code| is_passing(code));
        }
        match answer {
            Ok(Reply::Data { data, stat }) => Effect::Says(News::Data(Some(content(data, stat)))),
            Ok(Reply::Children2 { names, stat }) => {
                Effect::Says(News::Children(Some(Listing { names, stat })))
            }
            Err(Code::NoNode) if question == Question::Data => Effect::Says(News::Data(None)),
            Err(Code::NoNode) => Effect::Says(News::Children(None)),
            Err(code) if is_passing(code) => Effect::Waits,
            Err(code) => Effect::Ends(self.refused(code)),
            Ok(_) => Effect::Ends(self.refused(Code::MarshallingError)),
        }
    }

    /// The server refused something, with the path as the program names it.
    fn refused(&self, code: Code) -> Error {
        Error::Server { code, path: path::strip_chroot(&self.chroot, &self.path).into() }
    }
}

/// What was read, in memory of its own if it is small: the buffer it came in would stay as a whole
/// else.
pub(super) fn content(data: Option<Bytes>, stat: crate::base::Stat) -> Content {
    let data = data.map(|data| match data.len() <= COPIED_DATA {
        true => Bytes::copy_from_slice(&data),
        false => data,
    });
    Content { data, stat }
}
