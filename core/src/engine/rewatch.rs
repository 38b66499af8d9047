//! Re-registering watches after a reconnect: what was missed, what is watched from now on.

use super::Engine;
use crate::base::EventKind;
use crate::watch::Registration;
use crate::wire::SetWatches;

/// What re-registering comes to.
#[must_use = "the events have to be sent and the watches registered"]
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rewatch<'a> {
    /// What was missed, in the order to send it.
    pub events: Vec<(EventKind, &'a str)>,
    /// What to register.
    pub registrations: Vec<(Registration, &'a str)>,
}

/// Rewatch.
pub fn rewatch<'a>(_engine: &Engine, _watches: &'a SetWatches) -> Rewatch<'a> {
    Rewatch::default()
}
