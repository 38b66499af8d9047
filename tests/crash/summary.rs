//! What a run has seen, and whether that is enough to call it passed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::oracle::Judgement;
use crate::server::Phase;

/// The end of a run. Only the first is a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was wrong, and everything that was to be tried was tried.
    Pass,
    /// Something was wrong.
    Fail,
    /// Nothing was wrong, but too little happened to say so.
    Unknown(String),
}

/// Counts of one run.
#[derive(Debug, Default)]
pub struct Summary {
    /// Interruptions by what the server was doing.
    pub interrupted: BTreeMap<Phase, u64>,
    /// Rounds that were judged.
    pub rounds: u64,
    /// Directories that were begun.
    pub directories: u64,
    /// Acknowledged writes whose answers and effects were checked.
    pub acknowledged: u64,
    /// Those the server knew nothing of afterwards.
    pub lost: u64,
    /// Unanswered writes that had happened.
    pub applied: u64,
    /// Unanswered writes that had not.
    pub dropped: u64,
    /// Znodes compared, each with its whole Stat.
    pub znodes: u64,
    /// Sessions attached again.
    pub sessions: u64,
    /// Attachments that had to be refused, and were.
    pub refused: u64,
    /// Sessions seen to live for a whole timeout after a restart.
    pub full_timeouts: u64,
    /// Digests of snapshots that were what they had to be.
    pub digests: u64,
    /// Sessions that ended without a word: left alone, and expired.
    pub expired: u64,
    /// Servers that ended by themselves when their disk went, with the exit code for it.
    pub gave_up: u64,
    /// The longest time from start to serving.
    pub slowest_start: Duration,
    /// What was wrong.
    pub faults: Vec<String>,
}

impl Summary {
    /// Counts what the judge said of one round.
    pub fn add(&mut self, judgement: &Judgement) {
        self.rounds += 1;
        self.acknowledged += judgement.acknowledged;
        self.lost += judgement.lost;
        self.applied += judgement.applied;
        self.dropped += judgement.dropped;
        self.znodes += judgement.model.znodes.len() as u64;
        self.faults.extend(judgement.faults.iter().cloned());
    }

    /// Counts an interruption.
    pub fn interrupt(&mut self, phase: Phase) {
        *self.interrupted.entry(phase).or_default() += 1;
    }

    fn interruptions(&self, phase: Phase) -> u64 {
        self.interrupted.get(&phase).copied().unwrap_or_default()
    }

    /// Whether `rounds` rounds were worth it.
    pub fn verdict(&self, rounds: u64) -> Verdict {
        if !self.faults.is_empty() {
            return Verdict::Fail;
        }
        let phase = |phase| self.interruptions(phase);
        // A short run may miss the rarer ones by bad luck.
        let rare = if rounds >= 100 { rounds } else { 0 };
        let wanted = [
            ("rounds", self.rounds, rounds),
            ("acknowledged writes", self.acknowledged, 20 * rounds),
            ("interruptions of a flush", phase(Phase::Flush), rounds / 10),
            ("interruptions of a start", phase(Phase::Starting), rare / 20),
            ("interruptions of a snapshot", phase(Phase::Snapshot), rare / 50),
            ("unanswered writes that happened", self.applied, rare.min(1)),
            ("unanswered writes that did not", self.dropped, rare.min(1)),
            ("sessions attached again", self.sessions, rounds),
            ("whole timeouts after a restart", self.full_timeouts, rare / 50),
            ("digests", self.digests, rare / 50),
        ];
        let missing = wanted.iter().find(|(_, have, want)| have < want);
        missing.map_or(Verdict::Pass, |(what, have, want)| {
            Verdict::Unknown(format!("{have} {what}, {want} are needed"))
        })
    }

    /// Everything counted, as lines of comment.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut phases = String::new();
        for (phase, count) in &self.interrupted {
            let _ = write!(phases, " {phase:?} {count}");
        }
        let _ = writeln!(text, "#   rounds {}, directories {}", self.rounds, self.directories);
        let _ = writeln!(text, "#   interrupted while:{phases}");
        let _ = writeln!(
            text,
            "#   acknowledged writes {}, lost {}; unanswered: {} had happened, {} had not",
            self.acknowledged, self.lost, self.applied, self.dropped
        );
        let _ = writeln!(
            text,
            "#   znodes compared {}; sessions attached again {}, refused as they should be {}, \
             expired {}, with a whole timeout after a restart {}",
            self.znodes, self.sessions, self.refused, self.expired, self.full_timeouts
        );
        let _ = writeln!(
            text,
            "#   digests compared {}; gave up over their disk {}; slowest start {} ms",
            self.digests,
            self.gave_up,
            self.slowest_start.as_millis()
        );
        for fault in self.faults.iter().take(12) {
            let _ = writeln!(text, "#   WRONG: {fault:.1500}");
        }
        if self.faults.len() > 12 {
            let _ = writeln!(text, "#   and {} more", self.faults.len() - 12);
        }
        text
    }
}
