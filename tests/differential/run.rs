//! Runs one script on both servers and compares them step by step.

use std::collections::BTreeMap;
use std::time::Duration;

use tenure::server::Server;
use tenure_tests::apache::Apache;

use crate::action::Action;
use crate::rules::{Rule, reconcile, spends_surplus_zxid};
use crate::script::Script;
use crate::side::{Record, Side};

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
}

/// How many of the latest steps a mismatch shows in any case.
const CONTEXT: usize = 12;

/// The most steps that a mismatch shows.
const MOST_CONTEXT: usize = 40;

/// Runs a seed's script. `Err` describes the first difference that no rule allows.
pub fn run(seed: u64, steps: usize, mutate: bool) -> Result<Report, String> {
    // Nothing may go by itself while the two are compared.
    let hour = Duration::from_secs(3_600);
    let tenure = Server::builder()
        .tick(Duration::from_secs(2))
        .reap_interval(hour)
        .start()
        .map_err(|error| format!("tenure does not start: {error}"))?;
    let lines = ["tickTime=2000".to_owned(), "maxClientCnxns=0".to_owned()];
    let apache = Apache::start(&lines, true)?;
    let mut run = Run {
        seed,
        ours: Side::new(tenure.addr()),
        theirs: Side::new(apache.addr()),
        script: Script::new(seed),
        past: Vec::new(),
        granted: 0,
        events: 0,
        applied: BTreeMap::new(),
        mutate,
    };
    for step in 0..steps {
        run.step(step)?;
    }
    if mutate && run.mutate {
        return Err("no reply had a cversion to falsify".to_owned());
    }
    let Run { granted, events, applied, .. } = run;
    Ok(Report { steps, granted, events, applied })
}

struct Run {
    seed: u64,
    ours: Side,
    theirs: Side,
    script: Script,
    past: Vec<(usize, Action, String)>,
    granted: usize,
    events: usize,
    applied: BTreeMap<Rule, usize>,
    mutate: bool,
}

impl Run {
    fn step(&mut self, step: usize) -> Result<(), String> {
        let (session, action) = self.script.next_step(step);
        let before = self.theirs.last_zxid();
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
        if self.mutate && step > 100 {
            self.mutate = !falsify(&mut ours);
        }
        let watched = self.script.is_watched(&action);
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
        self.events += ours.events.len();
        self.script.learn(session, &action, &ours);
        self.past.push((session, action, ours.reply.join("; ")));
        Ok(())
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

/// Raises the first cversion in a reply by 1; false if there is none.
fn falsify(record: &mut Record) -> bool {
    for line in &mut record.reply {
        let Some((head, tail)) = line.split_once("cversion ") else { continue };
        let (number, rest) = tail.split_once(' ').expect("more fields follow the cversion");
        let raised = number.parse::<i32>().expect("a cversion is a number") + 1;
        *line = format!("{head}cversion {raised} {rest}");
        return true;
    }
    false
}
