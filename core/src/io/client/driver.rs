//! The task of one client on the client's thread: carries bytes and time to the session machine, and
//! carries out what it says. Decides nothing.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use super::connection::{Connection, Happened};
use super::presence::Attendance;
use super::registration::Standing;
use super::session::Scope;
use super::shared::{Command, Done, Hearer, Shared, Submit};
use super::tls::{Failure, Trust};
use crate::client::{
    CallId, Credentials, Error, Input, LossReason, Machine, News, Output, RegistrationId,
    RegistrationState, Result, SessionEvent, State, WatchId, WatchItem,
};
use crate::wire::Reply;

/// Commands taken before the socket gets another look.
const COMMANDS_AT_ONCE: usize = 256;

/// Looks at socket and commands before the other clients of the process get their turn. A client with
/// a hundred thousand requests must not cost another one its session.
const TURNS_AT_ONCE: usize = 4;

/// The task.
pub(super) struct Driver {
    machine: Machine,
    shared: Arc<Shared>,
    commands: UnboundedReceiver<Command>,
    connection: Connection,
    /// The host of an attempt to connect that has not come to anything yet.
    attempt: Option<String>,
    /// What is wrong with it if it is given up now.
    if_given_up: fn() -> Failure,
    calls: HashMap<CallId, Done<Reply>>,
    hearers: HashMap<WatchId, Hearer>,
    registrations: HashMap<RegistrationId, watch::Sender<Standing>>,
    closers: Vec<Done<()>>,
    detachers: Vec<Done<Credentials>>,
    ended: Option<Error>,
    /// Last, so that it goes last.
    attendance: Attendance,
}

impl Driver {
    pub fn new(
        machine: Machine,
        shared: Arc<Shared>,
        commands: UnboundedReceiver<Command>,
        trust: Option<Trust>,
    ) -> Driver {
        let presence = shared.presence().cloned();
        Driver {
            machine,
            shared,
            commands,
            connection: Connection::new(trust, presence.clone()),
            attempt: None,
            if_given_up: Failure::no_answer,
            calls: HashMap::new(),
            hearers: HashMap::new(),
            registrations: HashMap::new(),
            closers: Vec::new(),
            detachers: Vec::new(),
            ended: None,
            attendance: Attendance { presence },
        }
    }

    /// Runs until the client is finished.
    pub async fn run(mut self) {
        self.handle(Input::Tick);
        let mut batch = Vec::with_capacity(COMMANDS_AT_ONCE);
        let mut turns = 0;
        while self.ended.is_none() {
            turns += 1;
            if turns % TURNS_AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
            let shared = Arc::clone(&self.shared);
            let now = || shared.time.now();
            self.connection.write(|| self.machine.transmit(now()));
            // What cannot be sent to this server is answered instead.
            self.carry_out_all();
            let wake_at = self.machine.next_deadline();
            let pause = wake_at.map(|at| at.since(now()));
            let presence = self.attendance.presence.as_ref();
            if let Some(presence) = presence {
                presence.set_owed(self.machine.is_owed());
            }
            tokio::select! {
                // Bytes that wait are heard before a timer says that the server is silent.
                biased;
                happened = self.connection.happens() => self.happened(happened),
                _ = self.commands.recv_many(&mut batch, COMMANDS_AT_ONCE) => {}
                // Comes last, for it says that nothing else is to be done.
                _ = async {
                    match presence {
                        Some(presence) => presence.until(wake_at).await,
                        None => pause_for(pause).await,
                    }
                } => self.handle(Input::Tick),
            }
            // A busy socket must not keep the program's requests waiting.
            while batch.len() < COMMANDS_AT_ONCE
                && let Ok(command) = self.commands.try_recv()
            {
                batch.push(command);
            }
            let count = batch.len();
            for command in batch.drain(..) {
                self.obey(command);
            }
            if let Some(presence) = &self.attendance.presence {
                presence.stir();
                presence.note_taken(count);
            }
        }
        self.close_down().await;
    }

    fn happened(&mut self, happened: Happened) {
        match happened {
            Happened::Dialed(server) => self.handle(Input::Dialed { server }),
            Happened::DialFailed(failure) => {
                self.note_failure(failure);
                self.handle(Input::DialFailed);
            }
            Happened::Received(bytes) => {
                self.if_given_up = Failure::unfit_answer;
                self.handle(Input::Received(bytes));
                self.if_given_up = Failure::no_answer;
            }
            Happened::Closed(fault) => {
                self.note_failure(fault.unwrap_or_else(Failure::hung_up));
                self.handle(Input::Closed);
            }
            Happened::Writable => {}
        }
    }

    /// If it is an attempt that failed. Only distrust is worth a line: a server that cannot be reached
    /// is everyday life.
    fn note_failure(&mut self, failure: Failure) {
        let Some(host) = self.attempt.take() else { return };
        if failure.is_distrust {
            tracing::warn!(host, reason = failure.text, "TLS failed");
        }
        self.shared.attempts.note_failure(&host, &failure);
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Submit(submit) => {
                let Submit { submission, hearer, done } = *submit;
                self.calls.insert(submission.call, done);
                if let (Some(hearer), Some(watch)) = (hearer, submission.intent.watch()) {
                    self.hearers.insert(watch, hearer);
                }
                self.handle(Input::Submit(submission));
            }
            Command::View(view, shows) => {
                self.hearers.insert(view.watch, Hearer::View(shows));
                self.handle(Input::View(view));
            }
            Command::Unwatch(watch) => self.handle(Input::Unwatch(watch)),
            Command::Close(done) => {
                self.closers.extend(done);
                self.handle(Input::Close);
            }
            Command::Detach(done) => {
                self.detachers.push(done);
                self.handle(Input::Detach);
            }
            Command::Register(registration) => {
                let (wish, states) = *registration;
                self.registrations.insert(wish.id, states);
                self.handle(Input::Register(Box::new(wish)));
            }
            Command::Amend(id, data, revision) => {
                self.handle(Input::Amend { id, data, revision });
            }
            Command::Unregister(id) => self.handle(Input::Unregister(id)),
            Command::Claim(path, epoch) => self.handle(Input::Claim { path, epoch }),
            Command::Unclaim(path) => self.handle(Input::Unclaim(path)),
        }
    }

    fn handle(&mut self, input: Input) {
        self.machine.handle(self.shared.time.now(), input);
        self.carry_out_all();
    }

    fn carry_out_all(&mut self) {
        while let Some(output) = self.machine.poll() {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Dial(host) => {
                self.attempt = Some(host.to_string());
                self.connection.dial(host);
            }
            Output::Disconnect => {
                self.note_failure((self.if_given_up)());
                self.connection.drop_it();
            }
            Output::Answer { call, result } => {
                if let Some(done) = self.calls.remove(&call) {
                    done.run(result, &self.shared.callbacks);
                }
            }
            Output::Begun(lease) => self.shared.set_scope(Scope::new(lease)),
            Output::Event(event) => self.publish(event),
            Output::Item { watch, item, is_last } => self.deliver(watch, item, is_last),
            Output::View { watch, news, is_fresh } => self.show(watch, news, is_fresh),
            Output::Unwatched(watch) => self.forget(watch),
            Output::Registered { id, state, revision } => {
                let is_over = matches!(state, RegistrationState::Over(_));
                if let Some(registration) = self.registrations.get(&id) {
                    registration.send_replace((state, revision));
                }
                if is_over {
                    self.registrations.remove(&id);
                }
            }
            Output::Closed(result) => {
                for done in std::mem::take(&mut self.closers) {
                    self.run_last(done, result.clone());
                }
            }
            Output::Detached(result) => {
                for done in std::mem::take(&mut self.detachers) {
                    self.run_last(done, result.clone());
                }
            }
            Output::LoginFailed { server, reason } => {
                tracing::warn!(%server, reason, "SASL failed, and with it the client");
            }
            Output::Finished(error) => self.ended = Some(error),
        }
    }

    fn publish(&mut self, event: SessionEvent) {
        if matches!(event.state, State::Connected | State::ReadOnly) {
            self.attempt = None;
            self.shared.attempts.note_success();
        }
        if matches!(event.state, State::Lost(_))
            && let Some(data) = self.shared.scope().take_data()
        {
            // What the program kept may run its code when it is dropped.
            self.shared.callbacks.run(Box::new(move || drop(data)));
        }
        self.shared.hub.publish(event, &self.shared.callbacks);
    }

    fn deliver(&mut self, watch: WatchId, item: Result<WatchItem>, is_last: bool) {
        let epoch = self.machine.lease().epoch();
        let callbacks = &self.shared.callbacks;
        if !is_last {
            match self.hearers.get(&watch) {
                Some(Hearer::Stream(feed)) => drop(feed.push((epoch, item))),
                Some(Hearer::Sink(sink)) => sink.push((epoch, item), callbacks),
                _ => {}
            }
            return;
        }
        match self.hearers.remove(&watch) {
            Some(Hearer::Future(sender)) => {
                // Who dropped the future does not want to know.
                let _ = sender.send(item);
            }
            Some(Hearer::Callback(callback)) => callbacks.run(Box::new(move || callback(item))),
            Some(Hearer::Stream(feed)) => {
                feed.push((epoch, item));
                feed.end();
            }
            Some(Hearer::Sink(sink)) => {
                sink.push((epoch, item), callbacks);
                sink.end(callbacks);
            }
            Some(Hearer::View(_)) | None => {}
        }
    }

    fn show(&mut self, watch: WatchId, news: News, is_fresh: bool) {
        let is_last = matches!(news, News::Ended(_));
        if let Some(Hearer::View(shows)) = self.hearers.get(&watch) {
            shows.show(news, is_fresh);
        }
        if is_last {
            self.hearers.remove(&watch);
        }
    }

    fn forget(&mut self, watch: WatchId) {
        let callbacks = &self.shared.callbacks;
        match self.hearers.remove(&watch) {
            Some(Hearer::Sink(sink)) => sink.end(callbacks),
            Some(Hearer::Stream(feed)) => feed.end(),
            Some(Hearer::Callback(callback)) => callbacks.run(Box::new(move || drop(callback))),
            Some(Hearer::View(shows)) => {
                // Nobody looks at it any more, unless it is the client that ends.
                let error = self.shared.ended().unwrap_or(Error::Closed);
                shows.show(News::Ended(error), false);
            }
            Some(Hearer::Future(_)) | None => {}
        }
    }

    /// Answers the end of the client, behind everything else the program hears.
    fn run_last<T: Send + 'static>(&mut self, done: Done<T>, result: Result<T>) {
        self.shared.hub.end(&self.shared.callbacks);
        done.run(result, &self.shared.callbacks);
    }

    /// Nothing more is taken: what came in until now is answered, what comes later is refused.
    async fn close_down(mut self) {
        if let Some(error) = self.ended.clone() {
            self.shared.set_ended(error);
        }
        self.commands.close();
        // Waits for those that are being sent at this moment; only asking what is there would not.
        while let Some(command) = self.commands.recv().await {
            self.obey(command);
        }
        for done in std::mem::take(&mut self.closers) {
            // The close came too late: the client had finished of itself.
            let error = self.ended.clone().unwrap_or(Error::Closed);
            done.run(Err(error), &self.shared.callbacks);
        }
        self.shared.hub.end(&self.shared.callbacks);
    }
}

/// A defect of ours must not leave anybody waiting: what may have been sent is in doubt, what was not
/// taken yet is refused, and nobody hears anything more.
impl Drop for Driver {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let epoch = self.machine.lease().epoch();
        let error = Error::SessionLost { epoch, reason: LossReason::Abandoned, sent: false };
        self.shared.set_ended(error.clone());
        self.commands.close();
        let callbacks = &self.shared.callbacks;
        for (_, done) in self.calls.drain() {
            done.run(Err(Error::ConnectionLoss { sent: true, epoch }), callbacks);
        }
        for done in self.closers.drain(..) {
            done.run(Err(error.clone()), callbacks);
        }
        for done in self.detachers.drain(..) {
            done.run(Err(error.clone()), callbacks);
        }
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Submit(submit) => submit.done.run(Err(error.clone()), callbacks),
                Command::Close(Some(done)) => done.run(Err(error.clone()), callbacks),
                Command::Detach(done) => done.run(Err(error.clone()), callbacks),
                Command::View(_, shows) => shows.show(News::Ended(error.clone()), false),
                // The others are told by whoever held their other end.
                _ => {}
            }
        }
        for watch in self.hearers.keys().copied().collect::<Vec<_>>() {
            self.forget(watch);
        }
        self.shared.hub.end(&self.shared.callbacks);
    }
}

async fn pause_for(pause: Option<std::time::Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::request::RequestOptions;
    use super::super::shared::Parcel;
    use super::super::time::Time;
    use super::*;
    use crate::client::{Hosts, Outcome, Settings};
    use crate::wire::Request;

    #[test]
    fn a_defect_of_the_driver_leaves_nobody_waiting() {
        let (hosts, _) = Hosts::parse("127.0.0.1:1").expect("a host");
        let machine = Machine::new(Settings::new(hosts), Time::default().now());
        let (sender, commands) = tokio::sync::mpsc::unbounded_channel();
        let scope = Scope::new(Arc::clone(machine.lease()));
        let shared = Arc::new(Shared::new(sender, scope, 1, (None, Time::default())));
        let mut driver = Driver::new(machine, Arc::clone(&shared), commands, None);
        let (answers, heard) = mpsc::channel();
        let submit = |name: &'static str| {
            let answers = answers.clone();
            let parcel =
                Parcel { chroot: "".into(), options: RequestOptions::default(), hearer: None };
            let done = Done::Callback(Box::new(move |result: Result<Reply>| {
                let _ = answers.send((name, result.expect_err("nobody answered").outcome()));
            }));
            shared.submit(Request::WhoAmI, parcel, done);
        };
        submit("taken");
        let taken = driver.commands.try_recv().expect("it was submitted");
        let defect = std::thread::spawn(move || {
            let lazily = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let _inside = lazily.as_ref().expect("a runtime").enter();
            driver.obey(taken);
            panic!("planted");
        });
        assert!(defect.join().is_err());
        submit("late");
        let limit = std::time::Duration::from_secs(30);
        let mut heard = [(); 2].map(|()| heard.recv_timeout(limit).expect("everybody is answered"));
        heard.sort_unstable_by_key(|(name, _)| *name);
        assert_eq!(heard, [("late", Outcome::NotApplied), ("taken", Outcome::Unknown)]);
    }
}
