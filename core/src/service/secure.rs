//! Connections under TLS, as this floor sees them: who a certificate says the client is, and figures.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::{Peer, Service};
use crate::auth::x509_subject;
use crate::base::{Moment, WallMillis, limits};

/// Figures of TLS. All are zero where no port takes it, but for what plain ports refuse.
#[derive(Debug)]
pub struct TlsStats {
    /// Handshakes under way.
    handshakes: AtomicU64,
    /// Handshakes that came to nothing, and connections that spoke the wrong one of the two languages.
    failed: AtomicU64,
    /// Connections that were closed because too many handshakes were under way.
    pub exceeded: AtomicU64,
    /// How often changed certificate files were taken over.
    pub reloads: AtomicU64,
    /// How often they could not be used.
    pub reload_failures: AtomicU64,
    expires: AtomicI64,
    /// The moment of the last line about a failure, in microseconds, and how many failed before it.
    complained: AtomicU64,
    complained_of: AtomicU64,
}

impl Default for TlsStats {
    fn default() -> TlsStats {
        TlsStats {
            handshakes: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            exceeded: AtomicU64::new(0),
            reloads: AtomicU64::new(0),
            reload_failures: AtomicU64::new(0),
            expires: AtomicI64::new(i64::MAX),
            complained: AtomicU64::new(0),
            complained_of: AtomicU64::new(0),
        }
    }
}

impl TlsStats {
    /// A handshake begins. Returns false, and counts it, if `most` are under way.
    pub fn begin(&self, most: u32) -> bool {
        let begun = self.handshakes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            (count < u64::from(most)).then_some(count + 1)
        });
        if begun.is_err() {
            self.exceeded.fetch_add(1, Ordering::Relaxed);
        }
        begun.is_ok()
    }

    /// A handshake is over.
    pub fn end(&self) {
        self.handshakes.fetch_sub(1, Ordering::Relaxed);
    }

    /// A connection came to nothing. Returns how many did since the last line in the log, this one
    /// included, if it is time for another line.
    pub fn fail(&self, now: Moment) -> Option<u64> {
        let count = self.failed.fetch_add(1, Ordering::Relaxed) + 1;
        let last = self.complained.load(Ordering::Relaxed);
        if last != 0 && now.since(Moment(last)) < limits::TLS_COMPLAINT {
            return None;
        }
        let swapped = (Ordering::Relaxed, Ordering::Relaxed);
        self.complained.compare_exchange(last, now.0.max(1), swapped.0, swapped.1).ok()?;
        Some(count.saturating_sub(self.complained_of.swap(count, Ordering::Relaxed)))
    }

    /// Handshakes under way.
    pub fn handshakes(&self) -> u64 {
        self.handshakes.load(Ordering::Relaxed)
    }

    /// Connections that came to nothing.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// The first of the server's certificates expires then.
    pub fn set_expires(&self, at: WallMillis) {
        self.expires.store(at.0, Ordering::Relaxed);
    }

    /// Seconds until it does, negative afterwards; `None` of a server without.
    pub fn seconds_left(&self, now: WallMillis) -> Option<i64> {
        let expires = self.expires.load(Ordering::Relaxed);
        (expires != i64::MAX).then(|| expires.saturating_sub(now.0).div_euclid(1_000))
    }
}

impl Service {
    /// A client has proven itself with this certificate, which was verified. To be told before anything
    /// the client sends is processed. Returns false if the connection is to end: the name in the
    /// certificate cannot be understood, or is too long. A certificate without a name proves nothing.
    #[must_use = "who cannot be named is not served"]
    pub fn certified(&self, peer: &Peer, certificate: &[u8]) -> bool {
        match x509_subject::of_certificate(certificate) {
            None => false,
            Some(name) if name.is_empty() => true,
            Some(name) => self.certify(peer, &name),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_more_handshakes_begin_than_may() {
        let stats = TlsStats::default();
        assert!(stats.begin(2) && stats.begin(2));
        assert!(!stats.begin(2));
        assert_eq!((stats.handshakes(), stats.exceeded.load(Ordering::Relaxed)), (2, 1));
        stats.end();
        assert!(stats.begin(2), "one is over");
    }

    #[test]
    fn many_failures_are_one_line() {
        let stats = TlsStats::default();
        let start = Moment(5);
        assert_eq!(stats.fail(start), Some(1));
        for _ in 0..9 {
            assert_eq!(stats.fail(start + Duration::from_secs(1)), None);
        }
        assert_eq!(stats.fail(start + limits::TLS_COMPLAINT), Some(10));
        assert_eq!(stats.failed(), 11);
    }

    #[test]
    fn the_time_left_of_a_certificate_goes_below_zero() {
        let stats = TlsStats::default();
        assert_eq!(stats.seconds_left(WallMillis(0)), None);
        stats.set_expires(WallMillis(10_000));
        assert_eq!(stats.seconds_left(WallMillis(4_000)), Some(6));
        assert_eq!(stats.seconds_left(WallMillis(10_001)), Some(-1));
    }
}
