//! One life of a session, told in each of the three recovery modes.
//!
//! A worker announces itself with a registration and binds a value to its session; an observer watches
//! both. Then the server hears nothing of the worker until its session has expired, and hears it again.
//! What comes back, and what does not, depends on the mode.
//!
//! Everything runs on a clock that is moved by hand, so minutes of silence take no time.
//!
//! Run it with `cargo run --example recovery`.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use tenure::server::{Clock, Server};
use tenure::wire::Op;
use tenure::{
    Change, Client, LossReason, Recovery, Registration, Restore, Result, SessionId, State, States,
    WatchItem, WatchMode, WatchStream,
};

const TEAM: &str = "/team";
const WORKER: &str = "/team/worker";
const TIMEOUT: Duration = Duration::from_secs(10);

/// How far the clock is moved at a time while something is waited for.
const STEP: Duration = Duration::from_millis(50);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let renew = Recovery::Renew(Restore::default());
    for (mode, about, recovery) in [
        ("Renew", "a session that has expired is followed by a new one", renew),
        ("ResumeOnly", "a session that has expired ends the client", Recovery::ResumeOnly),
        ("Fresh", "a lost connection ends the session as well", Recovery::fresh()),
    ] {
        println!("\nRecovery mode {mode}: {about}");
        Story::begin(recovery).await?.tell().await?;
    }
    Ok(())
}

/// The server, and its time.
struct World {
    server: Server,
    clock: Clock,
    now: Cell<Duration>,
}

impl World {
    fn new() -> World {
        let clock = Clock::manual();
        let server = Server::builder().clock(clock.clone()).start().expect("a free port");
        World { server, clock, now: Cell::new(Duration::ZERO) }
    }

    fn say(&self, who: &str, what: impl std::fmt::Display) {
        println!("{:7.3} s  {who:<8} {what}", self.now.get().as_secs_f64());
    }

    /// Moves the clock; all that comes due on the way happens.
    fn advance(&self, length: Duration) {
        self.server.advance(length);
        self.now.set(self.now.get() + length);
    }

    /// Moves the clock until something has happened.
    async fn meanwhile<T>(&self, awaited: impl Future<Output = Option<T>>) -> T {
        let mut awaited = pin!(awaited);
        for _ in 0..1_000 {
            // What is on its way arrives without the clock.
            for length in [Duration::ZERO, STEP] {
                tokio::select! {
                    biased;
                    came = &mut awaited => return came.expect("the stream goes on"),
                    () = tokio::task::yield_now() => self.advance(length),
                }
            }
        }
        panic!("it does not happen");
    }

    async fn connect(&self, recovery: Recovery) -> Result<Client> {
        let builder = Client::builder(self.server.hosts()).session_timeout(TIMEOUT);
        builder.recovery(recovery).clock(&self.clock).connect().await
    }
}

/// Who is in the story.
struct Story {
    world: World,
    recovery: Recovery,
    worker: Client,
    states: States,
    observer: Client,
    team: WatchStream,
}

/// What the worker has, each time it starts.
struct Tools {
    registration: Registration,
    notes: WatchStream,
}

impl Story {
    async fn begin(recovery: Recovery) -> Result<Story> {
        let world = World::new();
        let observer = world.connect(Recovery::default()).await?;
        observer.ops().create(TEAM, "the plan").await?;
        let team = observer.watch(TEAM, WatchMode::PersistentRecursive).await?;
        let worker = world.connect(recovery.clone()).await?;
        let states = worker.states();
        Ok(Story { world, recovery, worker, states, observer, team })
    }

    async fn tell(mut self) -> Result<()> {
        self.until(State::Connected).await;
        let mut tools = self.settle_in().await?;
        self.beat();
        if matches!(self.recovery, Recovery::Fresh { .. }) {
            self.lose_connection(&mut tools).await?;
        }
        let mut shard = self.watch_shard().await?;
        let silenced = self.worker.session().id();
        self.fall_silent(&mut shard).await?;
        self.wake_up(silenced, &mut tools).await?;
        self.worker.close().await?;
        self.observer.close().await
    }

    /// Watches, registers and binds.
    async fn settle_in(&mut self) -> Result<Tools> {
        let session = self.worker.session();
        let notes = self.worker.watch(TEAM, WatchMode::Persistent).await?;
        let registration = self.worker.register(WORKER, "10.0.0.7:80").await?;
        session.bind("shard", "7").await?;
        let what = "watches /team, registers /team/worker, binds shard = 7 to its session";
        self.world.say("worker", what);
        self.hears(Change::Created).await;
        Ok(Tools { registration, notes })
    }

    async fn watch_shard(&self) -> Result<WatchStream> {
        let session = self.worker.session().id();
        let path = format!("/zookeeper/sessions/{session}/data/shard");
        let shard = self.observer.ops().get(&path).await?;
        let value = String::from_utf8_lossy(&shard.data);
        self.world.say("observer", format_args!("reads shard = {value} below the session itself"));
        self.observer.watch(&path, WatchMode::Persistent).await
    }

    /// Heartbeats keep the session alive for as long as the clock goes on.
    fn beat(&self) {
        let faults = self.world.server.faults();
        let before = faults.received(Op::Ping);
        self.world.advance(6 * TIMEOUT);
        let beats = faults.received(Op::Ping) - before;
        let what = format!("hears {beats} heartbeats of both in a minute; nobody expires");
        self.world.say("server", what);
    }

    /// In mode Fresh a lost connection is a lost session.
    async fn lose_connection(&mut self, tools: &mut Tools) -> Result<()> {
        let old = self.worker.session().id();
        self.world.say("server", "cuts the connection of the worker");
        self.world.server.drop_connection(old.0);
        self.until(State::Lost(LossReason::Abandoned)).await;
        self.until(State::Connected).await;
        self.read_cause(old).await?;
        self.come_back(tools).await?;
        self.worker.session().bind("shard", "7").await
    }

    /// Nothing of the worker arrives any more; its session ends exactly when its time is up.
    async fn fall_silent(&mut self, shard: &mut WatchStream) -> Result<()> {
        let session = self.worker.session();
        self.world.say("server", "hears nothing of the worker from here on");
        self.world.server.faults().silence(session.id(), true);
        self.hears(Change::Deleted).await;
        while let WatchItem::Changed { change, .. } = self.world.meanwhile(shard.next()).await? {
            if change == Change::Deleted {
                self.world.say("observer", "hears that shard went with the session");
                break;
            }
        }
        let what = format!("by its own clock: {:?}", session.state());
        self.world.say("worker", what);
        self.read_cause(session.id()).await
    }

    /// The server hears the worker again, and the worker learns what happened.
    async fn wake_up(&mut self, silenced: SessionId, tools: &mut Tools) -> Result<()> {
        self.world.say("server", "hears the worker again");
        self.world.server.faults().silence(silenced, false);
        self.until(State::Lost(match self.recovery {
            Recovery::Fresh { .. } => LossReason::Abandoned,
            _ => LossReason::ExpiredByServer,
        }))
        .await;
        if self.recovery == Recovery::ResumeOnly {
            let error = self.worker.ops().get(TEAM).await.expect_err("the client is finished");
            self.world.say("worker", format_args!("is told by every call: {error}"));
            self.worker = self.world.connect(self.recovery.clone()).await?;
            self.states = self.worker.states();
            self.world.say("worker", "is started anew, as its supervisor would do");
            self.until(State::Connected).await;
            *tools = self.settle_in().await?;
        } else {
            self.until(State::Connected).await;
            self.come_back(tools).await?;
        }
        let plan = self.worker.ops().get(TEAM).await?;
        let text = String::from_utf8_lossy(&plan.data).into_owned();
        self.world.say("worker", format_args!("reads what was there before: {text}"));
        Ok(())
    }

    /// What the client has brought back by itself.
    async fn come_back(&mut self, tools: &mut Tools) -> Result<()> {
        let path = tools.registration.ready().await?;
        self.world.say("worker", format_args!("{path} is registered again"));
        self.hears(Change::Created).await;
        loop {
            if let WatchItem::Resync { reason, .. } =
                self.world.meanwhile(tools.notes.next()).await?
            {
                self.world.say("worker", format_args!("its watch is back: read again, {reason:?}"));
                break;
            }
        }
        let values = self.worker.session_data(self.worker.session().id()).await?;
        assert!(values.is_empty(), "what belonged to one session is not carried into another");
        self.world.say("worker", "shard is not carried over: it was the old session's");
        Ok(())
    }

    /// Waits until the worker is told of a state, and says those on the way.
    async fn until(&mut self, wanted: State) {
        loop {
            let event = self.world.meanwhile(self.states.next()).await;
            let mut what = format!("{:?}, epoch {}", event.state, event.epoch);
            if event.is_new_session {
                what += &format!(": session {}", event.session_id);
            }
            if let Some(report) = &event.restored {
                what += &format!(", brought back {:?}", report.registrations);
            }
            self.world.say("worker", what);
            if event.state == wanted {
                return;
            }
        }
    }

    /// Waits until the observer hears that of the worker.
    async fn hears(&mut self, wanted: Change) {
        loop {
            let item = self.world.meanwhile(self.team.next()).await;
            if let Ok(WatchItem::Changed { change, path, .. }) = item
                && (change, path.as_str()) == (wanted, WORKER)
            {
                return self.world.say("observer", format_args!("hears {change:?} {path}"));
            }
        }
    }

    async fn read_cause(&self, session: SessionId) -> Result<()> {
        let ended =
            self.observer.ops().get(&format!("/zookeeper/sessions/ended/{session}")).await?;
        let record = String::from_utf8_lossy(&ended.data).into_owned();
        let text = record.split(r#""text":""#).nth(1).and_then(|rest| rest.split('"').next());
        self.world.say("observer", format_args!("reads how it ended: {}", text.unwrap_or(&record)));
        Ok(())
    }
}
