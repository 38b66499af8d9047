//! Runs one script on both servers and compares them step by step.

use std::collections::BTreeMap;
use std::time::Duration;

use tenure::server::{Clock, Server};
use tenure_tests::apache::Apache;

use crate::action::Action;
use crate::falsify::WAYS;
use crate::rules::{Rule, reconcile, spends_surplus_zxid};
use crate::script::Script;
use crate::side::{Record, Side, TIMEOUT};

/// What a script without a mismatch tells.
pub struct Report {
    /// How many steps ran.
    pub steps: usize,
    /// How many of them were answered without an error.
    pub granted: usize,
    /// How many events came.
    pub events: usize,
    /// How often each rule was needed.
    pub applied: BTreeMap<Rule, usize>,
    /// How often each code was answered.
    pub codes: BTreeMap<i32, usize>,
    /// How many containers and TTL znodes were removed.
    pub reaped: usize,
    /// How often an answer was made wrong in each way, and that was noticed.
    pub falsified: BTreeMap<&'static str, usize>,
}

/// How to be super there, and the hash of it.
const SUPER: &str = "super:differential";
const SUPER_DIGEST: &str = "super:HdDzQ+9LJmjeZta3MbXZ2oSZCBU=";

/// How often tenure looks for containers and TTL znodes that are due.
const REAP: Duration = Duration::from_secs(10);

/// How many of the latest steps a mismatch shows in any case.
const CONTEXT: usize = 12;

/// The most steps that a mismatch shows.
const MOST_CONTEXT: usize = 40;

/// Runs a seed's script. `Err` describes the first difference that no rule allows.
pub fn run(seed: u64, steps: usize, control: Control) -> Result<Report, String> {
    // Nothing goes by itself while the two are compared: time stands still but for Action::Reap.
    let tenure = Server::builder()
        .tick(Duration::from_secs(2))
        .max_session_timeout(Duration::from_millis(TIMEOUT as u64))
        .max_connections_per_address(0)
        .clock(Clock::manual())
        .reap_interval(REAP)
        .reap_most(1)
        .enforce_quota(true)
        .start()
        .map_err(|error| format!("tenure does not start: {error}"))?;
    let lines = [
        "tickTime=2000".to_owned(),
        format!("maxSessionTimeout={TIMEOUT}"),
        "maxClientCnxns=0".to_owned(),
        "enforceQuota=true".to_owned(),
        format!("DigestAuthenticationProvider.superDigest={SUPER_DIGEST}"),
    ];
    let apache = Apache::start(&lines, true)?;
    let mut run = Run {
        seed,
        ours: Side::new(tenure.addr()),
        theirs: Side::new(apache.addr()),
        tenure,
        script: Script::new(seed),
        past: Vec::new(),
        granted: 0,
        events: 0,
        applied: BTreeMap::new(),
        codes: BTreeMap::new(),
        reaped: 0,
        falsified: BTreeMap::new(),
        control,
    };
    run.theirs.prove_super(SUPER);
    for step in 0..steps {
        run.step(step)?;
    }
    let Run { granted, events, applied, codes, reaped, falsified, .. } = run;
    Ok(Report { steps, granted, events, applied, codes, reaped, falsified })
}

/// What is made wrong on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// Nothing.
    None,
    /// The first answer where this way works.
    One(String),
    /// Every answer in every way, on copies: each has to differ after all rules.
    Every,
}

struct Run {
    seed: u64,
    ours: Side,
    theirs: Side,
    tenure: Server,
    script: Script,
    past: Vec<(usize, Action, String)>,
    granted: usize,
    events: usize,
    applied: BTreeMap<Rule, usize>,
    codes: BTreeMap<i32, usize>,
    reaped: usize,
    falsified: BTreeMap<&'static str, usize>,
    control: Control,
}

impl Run {
    fn step(&mut self, step: usize) -> Result<(), String> {
        let (session, action) = self.script.next_step(step);
        let before = self.theirs.last_zxid();
        let gone = if matches!(action, Action::Reap) { self.reap()? } else { None };
        let (our_reply, mut ours) = self.ours.execute(session, &action);
        let (their_reply, mut theirs) = self.theirs.execute(session, &action);
        self.ours.normalise(&action, our_reply.as_ref(), &mut ours);
        if spends_surplus_zxid(&action, &ours) {
            // A multi that fails before its operations are checked shows its zxid only as a gap
            // before the next one, so this does not ask whether the zxid is visible yet.
            self.theirs.discount(before + 1);
            self.count(Rule::UndecodableWrite);
        }
        self.theirs.normalise(&action, their_reply.as_ref(), &mut theirs);
        for record in [&mut ours, &mut theirs] {
            record.reply.extend(gone.iter().map(|path| format!("reaped {path}")));
        }
        let watched = self.script.is_watched(&action);
        self.falsify(&action, watched, (&mut ours, &theirs))?;
        for rule in reconcile(&action, watched, &mut ours, &mut theirs) {
            self.count(rule);
        }
        for (side, record) in [(&self.ours, &mut ours), (&self.theirs, &mut theirs)] {
            record.zxid = side.canonical(record.zxid);
            record.header = record.header.map(|zxid| side.canonical(zxid));
        }
        if ours != theirs {
            return Err(self.mismatch(step, session, &action, (&ours, &theirs)));
        }
        self.granted += usize::from(ours.code == 0);
        *self.codes.entry(ours.code).or_insert(0) += 1;
        for line in ours.reply.iter().filter_map(|line| line.strip_prefix("result ")) {
            *self.codes.entry(line.parse().expect("a code")).or_insert(0) += 1;
        }
        self.events += ours.events.len();
        self.script.learn(session, &action, &ours);
        self.past.push((session, action, ours.reply.join("; ")));
        Ok(())
    }

    /// Lets time pass here until one container or TTL znode is removed at most, and has the same one
    /// deleted there by a superuser: what follows from a removal is what follows from a delete.
    fn reap(&mut self) -> Result<Option<String>, String> {
        let before = self.ours.there(self.script.reapable());
        self.tenure.advance(REAP);
        let after = self.ours.there(&before);
        let gone = before.difference(&after).next().cloned();
        self.script.set_reapable(after);
        if let Some(path) = &gone {
            self.reaped += 1;
            let code = self.theirs.delete(path);
            if code != 0 {
                return Err(format!("seed {}: {path} cannot be deleted there: {code}", self.seed));
            }
        }
        Ok(gone)
    }

    /// The negative control.
    fn falsify(
        &mut self,
        action: &Action,
        watched: bool,
        (ours, theirs): (&mut Record, &Record),
    ) -> Result<(), String> {
        for (name, falsify) in WAYS {
            match &self.control {
                Control::One(way) if way == name && falsify(action, ours) => {
                    self.control = Control::None;
                }
                Control::Every => {
                    let (mut ours, mut theirs) = (ours.clone(), theirs.clone());
                    if !falsify(action, &mut ours) {
                        continue;
                    }
                    reconcile(action, watched, &mut ours, &mut theirs);
                    if self.is_equal((ours, theirs)) {
                        return Err(format!("{name} was made wrong in {action:?}, unnoticed"));
                    }
                    *self.falsified.entry(name).or_insert(0) += 1;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn is_equal(&self, (mut ours, mut theirs): (Record, Record)) -> bool {
        for (side, record) in [(&self.ours, &mut ours), (&self.theirs, &mut theirs)] {
            record.zxid = side.canonical(record.zxid);
            record.header = record.header.map(|zxid| side.canonical(zxid));
        }
        ours == theirs
    }

    fn count(&mut self, rule: Rule) {
        *self.applied.entry(rule).or_insert(0) += 1;
    }

    fn mismatch(
        &self,
        step: usize,
        asker: usize,
        action: &Action,
        (ours, theirs): (&Record, &Record),
    ) -> String {
        let mut text = format!(
            "seed {}, step {step}: the servers differ\n\
             to repeat: TENURE_DIFF_SEED={} TENURE_DIFF_STEPS={} cargo test -p tenure-tests \
             --test differential\n\nsession {asker} asked {action:?}\n\ntenure {ours:#?}\n\
             apache {theirs:#?}\n\nsteps before that touch the same paths or are recent:\n",
            self.seed,
            self.seed,
            step + 1,
        );
        let names = paths_in(action, (ours, theirs));
        let lines: Vec<_> = self
            .past
            .iter()
            .enumerate()
            .filter_map(|(number, (session, action, reply))| {
                let shown = format!("{action:?}");
                let related = names.iter().any(|name| shown.contains(&format!("\"{name}\"")));
                let line = format!("  {number}: session {session} {shown} -> {reply}\n");
                let watches = *session == asker && (shown.contains("Watch"));
                (related || watches || number + CONTEXT >= step).then_some(line)
            })
            .collect();
        text.extend(lines.iter().skip(lines.len().saturating_sub(MOST_CONTEXT)).cloned());
        text
    }
}

/// The paths that a step and the events after it name.
fn paths_in(action: &Action, (ours, theirs): (&Record, &Record)) -> Vec<String> {
    let shown = format!("{action:?}");
    let quoted = shown.split('"').skip(1).step_by(2).filter(|text| text.starts_with('/'));
    let events = ours.events.iter().chain(&theirs.events);
    let told = events.filter_map(|(_, event)| event.rsplit(' ').next());
    quoted.chain(told).map(str::to_owned).collect()
}
