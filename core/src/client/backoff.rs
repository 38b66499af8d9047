//! How long to wait before the next attempt to connect.

use std::time::Duration;

use super::chance::Chance;

/// Waits that grow with the rounds through the list of hosts, with jitter so that the clients of a
/// server that restarts do not come back all at once.
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits from `base` to `cap`.
    pub fn new(base: Duration, cap: Duration) -> Backoff {
        Backoff { base, cap: cap.max(base), failures: 0 }
    }

    /// A connection served: the next wait is the shortest again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait before the next attempt, after a connection was lost or an attempt failed.
    ///
    /// In the first round through `hosts` servers it is below `base`; from then on it doubles with
    /// each round, and never passes `most`.
    pub fn next(&mut self, hosts: usize, most: Duration, chance: &mut Chance) -> Duration {
        let round = self.failures / u32::try_from(hosts.max(1)).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        if round == 0 {
            return chance.between(Duration::ZERO, self.base.min(most));
        }
        let full = self.base.saturating_mul(1 << (round - 1).min(20)).min(self.cap).min(most);
        chance.between(full / 2, full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_start_over() {
        let ms = Duration::from_millis;
        let mut chance = Chance::new(1);
        let mut backoff = Backoff::new(ms(100), ms(5_000));
        let mut waits: Vec<_> = (0..20).map(|_| backoff.next(2, ms(60_000), &mut chance)).collect();
        assert!(waits[0] < ms(100) && waits[1] < ms(100));
        assert!(waits[2] >= ms(50) && waits[2] < ms(100));
        let last = waits.pop().expect("twenty of them");
        assert!(last >= ms(2_500) && last < ms(5_000));
        assert!(backoff.next(2, ms(700), &mut chance) < ms(700));
        backoff.reset();
        assert!(backoff.next(2, ms(60_000), &mut chance) < ms(100));
    }
}
