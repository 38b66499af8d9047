//! How the attempts to connect fare, for those who wait for one to succeed.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::tls::Failure;

/// The attempts of one client, seen from its handles.
pub(super) struct Attempts {
    /// How many attempts in a row make a round: one for each host.
    hosts: usize,
    current: Mutex<Current>,
    /// The rounds in which every attempt ended in distrust: how many, and why the last one did.
    distrust: watch::Sender<Distrust>,
}

#[derive(Default)]
struct Current {
    /// Attempts in a row that ended in distrust.
    distrusted: usize,
    /// Why the last attempt failed.
    failure: Option<Arc<str>>,
    /// The last round that somebody was told of.
    told: u64,
}

#[derive(Clone, Default)]
struct Distrust {
    rounds: u64,
    reason: Arc<str>,
}

impl Attempts {
    pub fn new(hosts: usize) -> Attempts {
        let (distrust, _) = watch::channel(Distrust::default());
        Attempts { hosts, current: Mutex::default(), distrust }
    }

    /// An attempt failed, or a connection before it came to anything.
    pub fn note_failure(&self, host: &str, failure: &Failure) {
        let text: Arc<str> = format!("{host}: {}", failure.text).into();
        let mut current = self.current.lock();
        current.failure = Some(Arc::clone(&text));
        current.distrusted = if failure.is_distrust { current.distrusted + 1 } else { 0 };
        if current.distrusted >= self.hosts {
            current.distrusted = 0;
            self.distrust.send_modify(|distrust| {
                distrust.rounds += 1;
                distrust.reason = text;
            });
        }
    }

    /// The client is connected.
    pub fn note_success(&self) {
        let mut current = self.current.lock();
        current.failure = None;
        current.distrusted = 0;
    }

    /// Why the last attempt failed; `None` if it did not.
    pub fn failure(&self) -> Option<Arc<str>> {
        self.current.lock().failure.clone()
    }

    /// Waits for a round in which no host could be trusted, and says why. Each round is told to those
    /// who wait when it ends, or else to the first who waits after it.
    pub async fn distrusted(&self) -> Arc<str> {
        let mut rounds = self.distrust.subscribe();
        let told = self.current.lock().told;
        // Only fails without the sender, which lives as long as this.
        let _ = rounds.wait_for(|distrust| distrust.rounds > told).await.is_ok();
        let Distrust { rounds, reason } = self.distrust.borrow().clone();
        let mut current = self.current.lock();
        current.told = current.told.max(rounds);
        reason
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn now<T>(future: impl Future<Output = T> + Send) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    fn distrust(text: &str) -> Failure {
        Failure { text: text.into(), is_distrust: true }
    }

    #[test]
    fn only_a_whole_round_of_distrust_is_told_and_only_once() {
        let attempts = Attempts::new(2);
        attempts.note_failure("a", &distrust("bad"));
        attempts.note_failure("b", &Failure::no_answer());
        attempts.note_failure("a", &distrust("bad"));
        assert_eq!(now(attempts.distrusted()), None);
        assert_eq!(attempts.failure().as_deref(), Some("a: bad"));
        attempts.note_failure("b", &distrust("worse"));
        assert_eq!(now(attempts.distrusted()).as_deref(), Some("b: worse"));
        assert_eq!(now(attempts.distrusted()), None);
        attempts.note_failure("a", &distrust("bad"));
        attempts.note_success();
        attempts.note_failure("b", &distrust("bad"));
        assert_eq!(now(attempts.distrusted()), None);
        attempts.note_success();
        assert_eq!(attempts.failure(), None);
    }
}
