//! The timeout both sides agree on.

use crate::base::Millis;

/// The timeouts a server grants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    min: Millis,
    max: Millis,
}

/// The configured bounds contradict each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the minimum session timeout ({} ms) must be at least 1 ms and not above the maximum ({} ms)",
    .min.0, .max.0
)]
pub struct Contradiction {
    min: Millis,
    max: Millis,
}

impl Bounds {
    /// Bounds from `min` to `max`, both included.
    pub fn new(min: Millis, max: Millis) -> Result<Bounds, Contradiction> {
        if min > max || min == Millis(0) || i32::try_from(max.0).is_err() {
            return Err(Contradiction { min, max });
        }
        Ok(Bounds { min, max })
    }

    /// What is granted to a client that asks for `requested` milliseconds, which may be any number.
    pub fn grant(&self, requested: i32) -> Millis {
        Millis(u32::try_from(requested).unwrap_or(0)).clamp(self.min, self.max)
    }

    /// The shortest timeout granted.
    pub fn min(&self) -> Millis {
        self.min
    }

    /// The longest timeout granted.
    pub fn max(&self) -> Millis {
        self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s01_requests_are_clamped() {
        let bounds = Bounds::new(Millis(4_000), Millis(40_000)).expect("in order");
        for (requested, granted) in [
            (0, 4_000),
            (-5, 4_000),
            (3_999, 4_000),
            (10_000, 10_000),
            (40_001, 40_000),
            (i32::MAX, 40_000),
        ] {
            assert_eq!(bounds.grant(requested), Millis(granted), "{requested}");
        }
    }

    #[test]
    fn s03_a_minimum_above_the_maximum_is_refused() {
        assert!(Bounds::new(Millis(2), Millis(1)).is_err());
        assert!(Bounds::new(Millis(0), Millis(1)).is_err());
    }
}
