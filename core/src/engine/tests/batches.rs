//! The bytes of an entry of the log.

use super::*;

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
            Txn {
                identities: Arc::from([]),
                ..txn(Change::EndSession { id: ME, cause: Cause::EXPIRED })
            },
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

/// What the release before wrote.
#[test]
fn an_entry_of_version_1_is_read_and_limits_nothing() {
    let mut bytes = vec![1, 0, 0, 0, 3, 0];
    bytes.extend_from_slice(&9_i64.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    let read = Batch::decode(bytes.into()).expect("version 1 is read");
    assert_eq!((read.epoch, read.rules.extended_types), (3, false));
    assert_eq!(read.rules.never_used_containers, Some(Millis(9)));
    assert_eq!(read.rules.ephemerals_per_session, u32::MAX);
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
