//! Words about how the server is set up: `conf`.

use std::fmt::Write;

use super::Now;
use crate::service::{Peer, Service};

/// `conf`: the settings, under the names of ZooKeeper's configuration file.
pub(super) fn conf(service: &Service, _: &Peer, _: Now, out: &mut String) {
    let options = &service.options;
    let _ = write!(
        out,
        "clientPort={}\nsecureClientPort=-1\ndataDir=\ndataDirSize=0\ndataLogDir=\ndataLogSize=0\n\
         tickTime={}\nmaxClientCnxns={}\nminSessionTimeout={}\nmaxSessionTimeout={}\n\
         clientPortListenBacklog=-1\nserverId={}\n",
        service.listening_on().map_or(0, |address| address.port()),
        options.tick.0,
        options.connections_per_address,
        options.bounds.min().0,
        options.bounds.max().0,
        // ZooKeeper's standalone server calls itself 0 here, whatever its sessions say.
        0,
    );
}
