//! A snapshot that came from another data directory: never served, never counted as one of this.

use super::*;
use crate::log::TxnLog;
use crate::log::snapshot::list;

/// A server that lived longer than another one, and the newest snapshot of it.
fn other() -> (String, Vec<u8>) {
    let disk = SimDisk::new();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    drop(SegmentLog::open(shared, Options { identity: [6; 16], ..small() }).unwrap());
    let mut standing = Standing::start(&disk).unwrap();
    standing.live(40);
    let name = list(&disk).unwrap().swap_remove(0).name;
    let content = disk.content(&name).unwrap();
    (name, content)
}

#[test]
fn a_snapshot_of_another_directory_does_not_take_the_place_of_the_state() {
    let disk = SimDisk::new();
    let mut standing = Standing::start(&disk).unwrap();
    standing.live(12);
    let (seen, log) = (Seen::of(&standing.service.engine()), standing.log.last());
    let (name, content) = other();
    disk.put(&name, &content);
    for _ in 0..2 {
        let found = recovered(&disk.copy()).unwrap();
        assert_eq!(Seen::of(&found.engine), seen);
        assert_eq!((found.applied, found.log.last()), (log, log));
    }
}

#[test]
fn a_snapshot_of_another_directory_is_none_of_those_that_are_kept() {
    let disk = SimDisk::new();
    let mut standing = Standing::start(&disk).unwrap();
    standing.live(4);
    let (name, content) = other();
    disk.put(&name, &content);
    standing.snapshot();
    assert!(standing.round(vec![write(create("/late", "", CreateMode::Persistent))]));
    standing.snapshot();
    assert!(standing.round(vec![write(create("/later", "", CreateMode::Persistent))]));
    standing.snapshot();
    let seen = Seen::of(&standing.service.engine());
    let own: Vec<_> = list(&disk).unwrap().into_iter().filter(|own| own.name != name).collect();
    assert_eq!(own.len(), 2, "as many as the policy says, without the foreign one");
    disk.take_away(&own[0].name);
    let found = recovered(&disk.copy()).unwrap();
    assert_eq!(Seen::of(&found.engine), seen, "the log still reaches back to the older one");
}
