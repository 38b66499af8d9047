//! All sessions as they were at one moment, read while they come and go.
//!
//! A scan visits the ids in order. What ends before the scan has come by is set aside first, and an
//! id that is new since the scan began is noted as one that was not there.

use std::collections::BTreeMap;
use std::ops::Bound;

use parking_lot::Mutex;

use crate::base::SessionId;

use super::ended::EndedSessions;
use super::registry::{Registered, Registry};

/// A scan under way. The lock is taken by readers only: whoever changes the registry has it alone.
#[derive(Debug)]
pub(super) struct Scan {
    passed: Mutex<Passed>,
    /// The highest id there was when the scan began; none if there were none.
    last: Option<SessionId>,
    /// How the latest sessions before it had ended.
    ended: EndedSessions,
    #[cfg(test)]
    blind: bool,
}

/// How far the scan has come, and what waits for it.
#[derive(Debug)]
struct Passed {
    /// The last id visited.
    upto: Option<SessionId>,
    /// What changed before the scan came by, as it was; `None` was not there.
    saved: BTreeMap<SessionId, Option<Registered>>,
}

impl Registry {
    /// Begins a scan of the sessions as they are now, in the place of any other.
    pub fn begin_scan(&mut self) {
        let passed = Mutex::new(Passed { upto: None, saved: BTreeMap::new() });
        let last = self.sessions.last_key_value().map(|(&last, _)| last);
        self.scan = Some(Box::new(Scan {
            passed,
            last,
            ended: self.ended.clone(),
            #[cfg(test)]
            blind: false,
        }));
    }

    /// How the latest sessions had ended when the scan began.
    pub fn scanned_ended(&self) -> Option<&EndedSessions> {
        self.scan.as_ref().map(|scan| &scan.ended)
    }

    /// Visits the next sessions, `most` at most. Returns whether there may be more.
    pub fn scan(&self, most: usize, mut visit: impl FnMut(SessionId, &Registered)) -> bool {
        let Some(scan) = &self.scan else {
            return false;
        };
        let Some(last) = scan.last else { return false };
        let passed = &mut *scan.passed.lock();
        let from = passed.upto.map_or(Bound::Unbounded, Bound::Excluded);
        let mut living = self.sessions.range((from, Bound::Included(last))).peekable();
        for _ in 0..most {
            let alive = living.peek().map(|&(&id, _)| id);
            let saved = passed.saved.first_key_value().map(|(&id, _)| id);
            let Some(id) = alive.into_iter().chain(saved).min() else {
                return false;
            };
            passed.upto = Some(id);
            let now =
                living.next_if(|&(&living, _)| living == id).map(|(_, registered)| registered);
            let saved = (saved == Some(id)).then(|| passed.take());
            if let Some(registered) = saved.as_ref().map_or(now, Option::as_ref) {
                visit(id, registered);
            }
        }
        true
    }

    /// How many sessions were set aside for the scan.
    pub fn set_aside(&self) -> usize {
        self.scan.as_ref().map_or(0, |scan| scan.passed.lock().saved.len())
    }

    /// Ends the scan, finished or not. What is returned can take a while to drop; do so where
    /// nobody waits.
    #[must_use = "drop it where nobody waits for the registry"]
    pub fn end_scan(&mut self) -> impl Sized + Send + use<> {
        self.scan.take()
    }
}

#[cfg(test)]
impl Registry {
    /// Sets nothing aside any more: what a scan tells then has to be wrong.
    pub fn blind_scan(&mut self) {
        self.scan.as_mut().expect("a scan is under way").blind = true;
    }
}

impl Scan {
    /// Keeps what an id was, if the scan has not come by yet and this is its first change.
    pub(super) fn save(&mut self, id: SessionId, was: impl FnOnce() -> Option<Registered>) {
        #[cfg(test)]
        if self.blind {
            return;
        }
        let passed = self.passed.get_mut();
        if passed.upto < Some(id) && Some(id) <= self.last {
            passed.saved.entry(id).or_insert_with(was);
        }
    }
}

impl Passed {
    fn take(&mut self) -> Option<Registered> {
        self.saved.pop_first().and_then(|(_, was)| was)
    }
}
