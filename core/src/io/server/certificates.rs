//! The thread that looks after the certificate files: takes over those that have changed, and speaks of
//! those that expire.

use std::sync::atomic::Ordering;

use super::expiry::Alarm;
use super::running::Running;
use crate::base::limits;
use crate::io::tls::{Acceptor, Looked};

/// Says when the certificates expire, to the figures and, if it is soon, to the log.
pub(super) fn begin(running: &Running, acceptor: &Acceptor) {
    running.service.stats.tls.set_expires(acceptor.expires());
    acceptor.remind(running.clock.now().wall);
}

/// Runs until the alarm stops it.
pub(super) fn run(running: &Running, acceptor: &Acceptor, alarm: &Alarm) {
    let stats = &running.service.stats.tls;
    while !alarm.sleep(limits::TLS_LOOK) {
        match acceptor.look() {
            Looked::Same => {}
            Looked::Taken => {
                stats.reloads.fetch_add(1, Ordering::Relaxed);
                stats.set_expires(acceptor.expires());
            }
            Looked::Refused => {
                stats.reload_failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        acceptor.remind(running.clock.now().wall);
    }
}
