//! Times. Floors below `io` are handed them as arguments and never read a clock.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A length of time in whole milliseconds, the unit of the wire and of the configuration.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Millis(pub u32);

impl Millis {
    /// The whole milliseconds of `duration`, rounded up so that a promise is never shortened, and
    /// cut at the largest value the wire can carry.
    pub fn from_duration(duration: Duration) -> Millis {
        let up = duration.as_nanos().div_ceil(1_000_000);
        Millis(up.min(i32::MAX as u128) as u32)
    }

    /// The same length as a [`Duration`].
    pub fn duration(self) -> Duration {
        Duration::from_millis(u64::from(self.0))
    }
}

/// A point on a clock that never goes back, in microseconds since an arbitrary start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;
    fn add(self, length: Duration) -> Moment {
        Moment(self.0.saturating_add(u64::try_from(length.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Add<Millis> for Moment {
    type Output = Moment;
    fn add(self, length: Millis) -> Moment {
        self + length.duration()
    }
}

impl Sub<Duration> for Moment {
    type Output = Moment;
    fn sub(self, length: Duration) -> Moment {
        Moment(self.0.saturating_sub(u64::try_from(length.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Wall-clock time in milliseconds since 1970, as Stat carries it. It may go backwards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct WallMillis(pub i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_round_up() {
        assert_eq!(Millis::from_duration(Duration::from_micros(1_001)), Millis(2));
        assert_eq!(Millis::from_duration(Duration::MAX), Millis(i32::MAX as u32));
    }

    #[test]
    fn moments_never_wrap() {
        assert_eq!(Moment(5) - Duration::from_secs(1), Moment(0));
        assert_eq!(Moment(5).since(Moment(9)), Duration::ZERO);
    }
}
