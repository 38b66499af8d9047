//! The bytes of an entry of the log.

use super::*;
use crate::wire::{Once, Secret};

fn secret() -> Secret {
    Secret(Bytes::from_static(&[7; 16]))
}

fn end(cause: Cause) -> Txn {
    let change = Change::EndSession { id: ME, cause };
    Txn { at: WallMillis(5), session: ME, identities: Arc::from([]), change }
}

fn batch() -> Batch {
    let identities: Arc<[Identity]> = Arc::from([Identity::new("digest", "bob:hash")]);
    let txn =
        |change| Txn { at: WallMillis(5), session: ME, identities: identities.clone(), change };
    Batch {
        epoch: 3,
        rules: Rules {
            extended_types: false,
            never_used_containers: Some(Millis(9)),
            ..Rules::default()
        },
        txns: vec![
            txn(Change::CreateSession { id: ME, timeout: Millis(1), password: Password([9; 16]) }),
            txn(Change::Request(Request::Multi(vec![create_op("/a"), check_op("/b", 3)]))),
            txn(Change::Reap { path: "/c".into() }),
            txn(Change::Request(Request::Once(Box::new(Once {
                number: 7,
                answered: 3,
                request: Request::Adopt { path: "/e".into(), from: OTHER, password: secret() },
            })))),
            txn(Change::Request(Request::HandOver { from: OTHER, password: secret() })),
            txn(Change::Request(Request::Fence { session: OTHER, password: secret() })),
            end(Cause::Closed),
            end(Cause::Expired { silence: Millis(4_003), late: Millis(3) }),
            end(Cause::Administrator),
            end(Cause::Crashed { after: Millis(200) }),
            end(Cause::HandedOver { to: OTHER }),
            end(Cause::Fenced { by: OTHER }),
        ],
    }
}

#[test]
fn a_batch_comes_out_as_it_went_in() {
    assert_eq!(Batch::decode(batch().encode()), Ok(batch()));
}

#[test]
fn no_cut_and_no_longer_batch_is_read() {
    let bytes = batch().encode();
    for end in 0..bytes.len() {
        assert!(Batch::decode(bytes.slice(..end)).is_err(), "cut at {end}");
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert_eq!(Batch::decode(longer.into()), Err(Undecodable::Malformed));
}

#[test]
fn another_version_is_refused_by_its_number() {
    let mut bytes = batch().encode().to_vec();
    bytes[0] = 9;
    assert_eq!(Batch::decode(bytes.into()), Err(Undecodable::Version(9)));
}

/// An entry of version 2, by the layout of then: no values of sessions, and one byte for a cause.
#[test]
fn an_entry_of_version_2_is_read_and_knows_no_more_of_an_end() {
    let mut bytes = vec![2, 0, 0, 0, 3, 1];
    bytes.extend_from_slice(&(-1_i64).to_be_bytes());
    bytes.extend_from_slice(&[1, 0, 0, 0, 1]);
    bytes.extend_from_slice(&5_u32.to_be_bytes());
    bytes.extend_from_slice(&600_u64.to_be_bytes());
    bytes.extend_from_slice(&3_u32.to_be_bytes());
    for cause in 0..3 {
        bytes.extend_from_slice(&5_i64.to_be_bytes());
        bytes.extend_from_slice(&ME.0.to_be_bytes());
        // The first one says who asks, the others are the same.
        bytes.push(u8::from(cause > 0));
        if cause == 0 {
            bytes.extend_from_slice(&[0; 4]);
        }
        bytes.push(2);
        bytes.extend_from_slice(&ME.0.to_be_bytes());
        bytes.push(cause);
    }
    let read = Batch::decode(bytes.into()).expect("version 2 is read");
    assert_eq!((read.rules.enforces_quota, read.rules.ephemerals_per_session), (true, 5));
    assert_eq!((read.rules.session_values, read.rules.session_value_bytes), (0, 0));
    assert_eq!(read.txns, [Cause::Closed, Cause::EXPIRED, Cause::Administrator].map(end));
}

/// What the release before that wrote.
#[test]
fn an_entry_of_version_1_is_read_and_limits_nothing() {
    let mut bytes = vec![1, 0, 0, 0, 3, 0];
    bytes.extend_from_slice(&9_i64.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    let read = Batch::decode(bytes.into()).expect("version 1 is read");
    assert_eq!((read.epoch, read.rules.extended_types), (3, false));
    assert_eq!(read.rules.never_used_containers, Some(Millis(9)));
    assert_eq!(read.rules.ephemerals_per_session, u32::MAX);
    assert_eq!((read.rules.session_values, read.rules.session_directory), (0, false));
    assert!(read.rules.schemes.digest && !read.rules.skips_acl && read.txns.is_empty());
}

#[test]
fn a_higher_epoch_starts_a_new_count_and_a_lower_one_changes_nothing() {
    let mut world = World::new();
    world.engine.begin(2, Rules::default());
    assert_eq!(world.engine.last_zxid(), Zxid(2 << 32));
    assert_eq!(world.create("/a"), Ok("/a".into()));
    assert_eq!(world.stat("/a").czxid, Zxid(2 << 32 | 1));
    world.engine.begin(1, Rules::default());
    assert_eq!(world.engine.last_zxid(), Zxid(2 << 32 | 1));
}

#[test]
fn the_rules_of_the_batch_decide() {
    let mut world = World::new();
    world.engine.begin(0, Rules { extended_types: false, ..Rules::default() });
    assert_eq!(world.create_as("/t", ttl(5)), Err(Code::Unimplemented));
    world.engine.begin(0, Rules::default());
    assert_eq!(world.create_as("/t", ttl(5)), Ok("/t".into()));
}
