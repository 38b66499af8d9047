//! An embedded server on a manual clock with its faults, clients on the same clock, and the story
//! that each of them was told.

#![allow(dead_code, reason = "each test program uses its part")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tenure::blocking::Client;
use tenure::server::{Clock, Faults, Server, ServerBuilder};
use tenure::{Builder, Epoch, Recovery, RestoreReport, SessionEvent, State};

pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Longer than any wait before a reconnect, `Fresh` included, and no session's end.
pub const SOON: Duration = Duration::from_secs(3);

pub const MODES: [Mode; 3] = [Mode::ResumeOnly, Mode::Renew, Mode::Fresh];

/// The recovery modes at their defaults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    ResumeOnly,
    Renew,
    Fresh,
}

impl Mode {
    pub fn recovery(self) -> Recovery {
        match self {
            Mode::ResumeOnly => Recovery::ResumeOnly,
            Mode::Renew => Recovery::default(),
            Mode::Fresh => Recovery::fresh(),
        }
    }
}

pub struct World {
    pub server: Server,
    pub clock: Clock,
    pub faults: Faults,
}

impl World {
    pub fn new() -> World {
        World::with(Server::builder())
    }

    pub fn with(builder: ServerBuilder) -> World {
        let clock = Clock::manual();
        let server = builder.clock(clock.clone()).start().expect("a free port");
        let faults = server.faults();
        World { server, clock, faults }
    }

    pub fn builder(&self, mode: Mode) -> Builder {
        let builder = Client::builder(self.server.hosts()).clock(&self.clock);
        builder.session_timeout(TIMEOUT).recovery(mode.recovery())
    }

    pub fn client(&self, mode: Mode) -> Client {
        self.builder(mode).connect_blocking(None).expect("connects")
    }

    /// Until everybody has noticed.
    pub fn settle(&self) {
        self.clock.advance(Duration::ZERO);
    }

    pub fn pass(&self, length: Duration) {
        self.clock.advance(length);
    }

    /// Cuts the client off: its connection is gone, and none is accepted.
    pub fn cut(&self, client: &Client) {
        self.faults.refuse(true);
        assert!(self.faults.drop_connection(client.session().id()));
        self.settle();
    }

    pub fn mend(&self) {
        self.faults.refuse(false);
        self.pass(SOON);
    }
}

/// What a client was told, in its order, by its events and by whatever else notes something here.
/// Callbacks of one client run one after the other, so this order is that in which they were due.
#[derive(Clone, Default)]
pub struct Story(Arc<Mutex<Vec<String>>>);

impl Story {
    pub fn of(client: &Client) -> Story {
        Story::told(client, |_, _| {})
    }

    /// The same; `probe` looks around within each event, before the next callback runs.
    pub fn told(client: &Client, probe: impl Fn(&Story, &SessionEvent) + Send + 'static) -> Story {
        let story = Story::default();
        let own = story.clone();
        // The first event is the state at the moment of the subscription.
        let is_first = Mutex::new(true);
        client.subscribe(move |event| {
            if std::mem::take(&mut *is_first.lock().expect("nobody panics")) {
                return;
            }
            own.note(format!("{}({})", name(event.state), event.epoch));
            probe(&own, &event);
        });
        story
    }

    pub fn note(&self, what: impl Into<String>) {
        self.0.lock().expect("nobody panics").push(what.into());
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nobody panics"))
    }
}

fn name(state: State) -> String {
    match state {
        State::Lost(reason) => format!("{reason:?}"),
        state => format!("{state:?}"),
    }
}

/// The reports of a client's new sessions.
#[derive(Clone, Default)]
pub struct Reports(Arc<Mutex<Vec<(Epoch, RestoreReport)>>>);

impl Reports {
    pub fn of(client: &Client) -> Reports {
        let reports = Reports::default();
        let own = reports.clone();
        client.subscribe(move |event| {
            if let Some(report) = &event.restored {
                let report = RestoreReport::clone(report);
                own.0.lock().expect("nobody panics").push((event.epoch, report));
            }
        });
        reports
    }

    /// The only one.
    pub fn one(&self) -> (Epoch, RestoreReport) {
        let reports = std::mem::take(&mut *self.0.lock().expect("nobody panics"));
        let [report] = <[_; 1]>::try_from(reports).expect("exactly one report");
        report
    }
}
