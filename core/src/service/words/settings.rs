//! Words about how the server is set up and what it takes on the disk: `conf`, `dirs`.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::Asked;
use crate::service::Service;
use crate::service::escape::Escaped;

/// `conf`: the settings, under the names of ZooKeeper's configuration file. Snapshots and log are in
/// one directory.
pub(super) fn conf(asked: &Asked<'_>, out: &mut String) {
    let service = asked.service;
    let options = &service.options;
    let directory = options.data_dir.as_ref().map(|path| path.to_string_lossy());
    let directory = Escaped(directory.as_deref().unwrap_or_default());
    let (snapshots, log) = sizes(service);
    let _ = write!(
        out,
        "clientPort={}\nsecureClientPort={}\ndataDir={directory}\ndataDirSize={snapshots}\n\
         dataLogDir={directory}\ndataLogSize={log}\n\
         tickTime={}\nmaxClientCnxns={}\nminSessionTimeout={}\nmaxSessionTimeout={}\n\
         clientPortListenBacklog=-1\nserverId={}\n",
        service.listening_on().map_or(0, |address| address.port()),
        service.secure_on().map_or(-1, |address| address.port().into()),
        options.tick.0,
        options.connections_per_address,
        options.bounds.min().0,
        options.bounds.max().0,
        // ZooKeeper's standalone server calls itself 0 here, whatever its sessions say.
        0,
    );
}

/// `dirs`: bytes of the snapshots and of the log.
pub(super) fn dirs(asked: &Asked<'_>, out: &mut String) {
    let (snapshots, log) = sizes(asked.service);
    let _ = write!(out, "datadir_size: {snapshots}\nlogdir_size: {log}\n");
}

fn sizes(service: &Service) -> (u64, u64) {
    service.stats.disk.get().map_or((0, 0), |disk| {
        (disk.snapshot_size.load(Ordering::Relaxed), disk.log_size.load(Ordering::Relaxed))
    })
}
