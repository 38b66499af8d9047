//! Defects that tests plant in the log, to see that they would be noticed. Without the feature
//! `faults` there are none, and nothing of this is left in the program.

/// Which promises the log breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// Reads records whose checksum is wrong.
    #[cfg(any(test, feature = "faults"))]
    pub ignore_checksums: bool,
    /// Cuts the log wherever a record is bad, durable or not.
    #[cfg(any(test, feature = "faults"))]
    pub ignore_durable: bool,
    /// Says of everything appended that it is durable.
    #[cfg(any(test, feature = "faults"))]
    pub flush_without_sync: bool,
    /// Takes names for durable as they are.
    #[cfg(any(test, feature = "faults"))]
    pub no_name_sync: bool,
}

#[cfg(any(test, feature = "faults"))]
impl Faults {
    pub(super) fn ignores_checksums(self) -> bool {
        self.ignore_checksums
    }

    pub(super) fn ignores_durable(self) -> bool {
        self.ignore_durable
    }

    pub(super) fn skips_sync(self) -> bool {
        self.flush_without_sync
    }

    pub(super) fn skips_name_sync(self) -> bool {
        self.no_name_sync
    }
}

#[cfg(not(any(test, feature = "faults")))]
impl Faults {
    pub(super) const fn ignores_checksums(self) -> bool {
        false
    }

    pub(super) const fn ignores_durable(self) -> bool {
        false
    }

    pub(super) const fn skips_sync(self) -> bool {
        false
    }

    pub(super) const fn skips_name_sync(self) -> bool {
        false
    }
}
