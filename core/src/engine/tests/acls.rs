//! ACLs: who may, what is accepted, what is shown.

use std::time::{Duration, Instant};

use super::*;
use crate::engine::access::{allows, resolve};
use crate::wire::ReadOp;

const BOB: (&str, &str) = ("digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=");

fn only(perms: Perms) -> Vec<Acl> {
    vec![Acl::new(perms, "world", "anyone")]
}

#[test]
fn a01_a02_delete_asks_the_parent() {
    let mut world = World::new();
    world.create_with_acl("/p", only(Perms::CREATE)).unwrap();
    world.create("/p/mine").unwrap();
    assert_eq!(world.delete("/p/mine", -1), Err(Code::NoAuth));
    assert_eq!(world.delete("/p/none", -1), Err(Code::NoAuth));
    assert_eq!(world.delete("/none/x", -1), Err(Code::NoNode));
    world.create_with_acl("/q", only(Perms::CREATE | Perms::DELETE)).unwrap();
    world.create_with_acl("/q/shut", only(Perms(0))).unwrap();
    assert_eq!(world.delete("/q/shut", 7), Err(Code::BadVersion));
    assert_eq!(world.delete("/q/shut", 0), Ok(Reply::Done));
}

#[test]
fn a03_permission_comes_before_the_version() {
    let mut world = World::new();
    world.create_with_acl("/r", Acl::read_unsafe()).unwrap();
    assert_eq!(world.set("/r", b"", 7), Err(Code::NoAuth));
    assert_eq!(world.set_acl("/r", Acl::open_unsafe(), 7), Err(Code::NoAuth));
    assert_eq!(world.set_acl("/none", vec![], 7), Err(Code::InvalidAcl));
    assert_eq!(world.set_acl("/none", Acl::open_unsafe(), 7), Err(Code::NoNode));
}

#[test]
fn a05_a06_perms_are_stored_as_given_and_duplicates_once() {
    let mut world = World::new();
    let odd = Acl::new(Perms(255), "world", "anyone");
    let none = Acl::new(Perms(0), "digest", "a:b");
    let acl = vec![odd.clone(), none.clone(), odd.clone(), none.clone()];
    world.create_with_acl("/a", acl).unwrap();
    let answer = world.read(&Request::GetAcl { path: "/a".into() });
    assert_eq!(answer, Ok(Reply::Acl { acl: vec![odd, none], stat: world.stat("/a") }));
}

#[test]
fn a07_a10_what_no_scheme_accepts_is_refused() {
    let mut world = World::new();
    assert_eq!(world.create_with_acl("/a", vec![]), Err(Code::InvalidAcl));
    for (scheme, id) in [
        ("world", "someone"),
        ("digest", "a"),
        ("digest", "a:"),
        ("digest", "a:b:c"),
        ("ip", "127.0.0"),
        ("ip", "127.0.0.1.1"),
        ("ip", "256.1.1.1"),
        ("ip", "1.1.1.1/33"),
        ("ip", "1.1.1.1/"),
        ("ip", "1.1.1.1/-1"),
        ("ip", "::1/129"),
        ("ip", "localhost"),
        ("ip", ""),
        ("ip", "fe80::1%eth0"),
        ("ip", "::ffff:1.2.3.4/129"),
        ("super", ""),
        ("sasl", "bob"),
        ("x509", "CN=bob"),
        ("nothing", "x"),
        ("", ""),
    ] {
        let acl = vec![Acl::open_unsafe().remove(0), Acl::new(Perms::ALL, scheme, id)];
        assert_eq!(world.create_with_acl("/a", acl), Err(Code::InvalidAcl), "{scheme}:{id}");
    }
    let fine = [("digest", ":b"), ("ip", "1.1.1.1/0"), ("ip", "010.1.1.1/32"), ("ip", "::1/128")];
    for (place, (scheme, id)) in fine.into_iter().enumerate() {
        let acl = vec![Acl::new(Perms::ALL, scheme, id)];
        assert!(world.create_with_acl(&format!("/{place}"), acl).is_ok(), "{scheme}:{id}");
    }
}

#[test]
fn a12_a13_a25_auth_becomes_what_was_proven() {
    let mut world = World::new();
    assert_eq!(world.create_with_acl("/a", Acl::creator_all()), Err(Code::InvalidAcl));
    let bob2 = ("digest", "bob:other");
    world.prove(&[BOB, ("super", ""), bob2]);
    world.create_with_acl("/a", Acl::creator_all()).unwrap();
    let stored = world.engine.tree.node(world.engine.tree.find("/a").unwrap()).acl().clone();
    let expected = [Acl::new(Perms::ALL, BOB.0, BOB.1), Acl::new(Perms::ALL, bob2.0, bob2.1)];
    assert_eq!(stored[..], expected);
}

#[test]
fn a12_auth_does_not_multiply_without_end() {
    let mut world = World::new();
    let proven: Vec<_> = (0..100).map(|n| format!("{}{n}:x", "n".repeat(100))).collect();
    let proven: Vec<_> = proven.iter().map(|id| ("digest", id.as_str())).collect();
    let list = |count| (0..count).map(|bits| Acl::new(Perms(bits), "auth", "")).collect();
    let world = world.prove(&proven);
    assert!(world.create_with_acl("/some", list(10)).is_ok());
    assert_eq!(world.create_with_acl("/many", list(11)), Err(Code::InvalidAcl), "1,100 entries");
    assert_eq!(world.create_with_acl("/many", list(2_000)), Err(Code::InvalidAcl));
    assert!(!world.exists("/many"));
}

#[test]
fn a_list_has_a_ceiling() {
    let mut world = World::new();
    let list = |count: usize| -> Vec<_> {
        (0..count).map(|n| Acl::new(Perms::ALL, "digest", format!("user{n}:x"))).collect()
    };
    assert!(world.create_with_acl("/most", list(limits::ACL_ENTRIES)).is_ok());
    let more = list(limits::ACL_ENTRIES + 1);
    assert_eq!(world.create_with_acl("/more", more.clone()), Err(Code::InvalidAcl));
    assert_eq!(world.set_acl("/most", more, -1), Err(Code::InvalidAcl));
    let same = vec![Acl::open_unsafe().remove(0); limits::ACL_ENTRIES + 1];
    assert!(world.create_with_acl("/same", same).is_ok(), "once is enough");
}

#[test]
fn a17_super_passes_every_check() {
    let mut world = World::new();
    world.create_with_acl("/shut", only(Perms(0))).unwrap();
    assert_eq!(world.set("/shut", b"", -1), Err(Code::NoAuth));
    world.prove(&[("super", "")]);
    assert!(world.set("/shut", b"", -1).is_ok());
    assert!(world.set("/zookeeper/config", b"", -1).is_ok());
}

#[test]
fn a22_a23_without_admin_digests_are_hidden() {
    let mut world = World::new();
    let bobs = Acl::new(Perms::ADMIN, BOB.0, BOB.1);
    world.create_with_acl("/a", vec![bobs.clone(), Acl::read_unsafe().remove(0)]).unwrap();
    world.create_with_acl("/b", vec![bobs.clone()]).unwrap();
    let get = |world: &World, path: &str| match world.read(&Request::GetAcl { path: path.into() }) {
        Ok(Reply::Acl { acl, .. }) => Ok(acl[0].clone()),
        Ok(other) => panic!("{other:?}"),
        Err(code) => Err(code),
    };
    assert_eq!(get(&world, "/a"), Ok(Acl::new(Perms::ADMIN, "digest", "bob:x")));
    assert_eq!(get(&world, "/b"), Err(Code::NoAuth));
    world.prove(&[BOB]);
    assert_eq!(get(&world, "/a"), Ok(bobs.clone()));
    assert_eq!(get(&world, "/b"), Ok(bobs));
}

#[test]
fn a24_one_can_lock_oneself_out() {
    let mut world = World::new();
    world.create("/a").unwrap();
    assert!(world.set_acl("/a", only(Perms(0)), -1).is_ok());
    assert_eq!(world.set_acl("/a", Acl::open_unsafe(), -1), Err(Code::NoAuth));
}

#[test]
fn a08_where_nothing_is_forbidden_lists_are_still_judged_and_kept() {
    let mut world = World::with(EngineOptions {
        rules: Rules { skips_acl: true, ..Rules::default() },
        ..EngineOptions::default()
    });
    let shut = vec![Acl::new(Perms(0), BOB.0, BOB.1)];
    world.create_with_acl("/shut", shut.clone()).unwrap();
    assert!(world.set("/shut", b"", -1).is_ok());
    assert!(world.create("/shut/x").is_ok());
    assert!(world.delete("/shut/x", -1).is_ok());
    let answer = world.read(&Request::GetAcl { path: "/shut".into() });
    assert_eq!(answer, Ok(Reply::Acl { acl: shut, stat: world.stat("/shut") }));
    assert!(world.set_acl("/shut", Acl::read_unsafe(), -1).is_ok());
    for bad in [vec![], vec![Acl::new(Perms::ALL, "nothing", "x")]] {
        assert_eq!(world.create_with_acl("/bad", bad), Err(Code::InvalidAcl));
    }
}

#[test]
fn a11_schemes_are_known_or_not_by_the_rules() {
    let entries = [("digest", "bob:x"), ("sasl", "bob"), ("x509", "CN=bob"), ("ip", "1.2.3.4")];
    for known in 0..8 {
        let has = |bit: u8| known & (1 << bit) != 0;
        let schemes = Schemes { digest: has(0), sasl: has(1), x509: has(2) };
        let rules = Rules { schemes, ..Rules::default() };
        let mut world = World::with(EngineOptions { rules, ..EngineOptions::default() });
        for (place, (scheme, id)) in entries.into_iter().enumerate() {
            let expected = place == 3 || has(place as u8);
            let list = vec![Acl::new(Perms::ALL, scheme, id)];
            let created = world.create_with_acl(&format!("/{place}"), list);
            assert_eq!(created.is_ok(), expected, "{scheme} with {schemes:?}");
            assert!(expected || created == Err(Code::InvalidAcl), "{created:?}");
        }
    }
}

/// Names that are no names, or are almost somebody's. None of them is taken, or none of them is anybody.
#[test]
fn malformed_identities_are_refused_or_match_nobody() {
    let schemes = Schemes { digest: true, sasl: true, x509: true };
    let holders = [
        Identity::new("digest", "bob:hash"),
        Identity::new("sasl", "bob/host@REALM"),
        Identity::new("sasl", "bob"),
        Identity::new("x509", "CN=bob,O=example"),
        Identity::new("ip", "192.0.2.1"),
    ];
    let overlong = "b".repeat(limits::ACL_BYTES + 1);
    let entries: &[(&str, &[&str])] = &[
        (
            "digest",
            &["", ":", "bob", "bob:", "bob::hash", "BOB:hash", "bob:HASH", "bob.:hash", "*:*"],
        ),
        ("digest", &["bob:hash\0", "bob\0:hash", " bob:hash", "bob:hash ", "*", "bob:*", "b:hash"]),
        ("sasl", &["", "/", "@", "bob/", "bob@", "bob/@REALM", "/host@REALM", "bob/host/x@REALM"]),
        (
            "sasl",
            &["bob//host@REALM", "bob@REALM", "BOB", "Bob/host@REALM", "bob.", "bob/host.@REALM"],
        ),
        (
            "sasl",
            &["bob/host@REALM.", "*", "bob/*@REALM", "*/host@REALM", "bob\0", "bob/host@REALM\0"],
        ),
        ("sasl", &["bob/host@realm", "super", "bo", "bob bob", "@REALM", "bob@A@B"]),
        ("x509", &["", "bob", "CN=", "CN=bob", "cn=bob,O=example", "CN=BOB,O=example", "CN=*"]),
        (
            "x509",
            &["CN=bob,O=example,", "CN=bob,O=example.", "CN=bob\0,O=example", "O=example,CN=bob"],
        ),
        ("x509", &["CN=bob, O=example", "CN=bob,O=example,C=DE", "*"]),
        ("ip", &["", "192.0.2", "192.0.2.1.", "192.0.2.1/", "192.0.2.1/33", "192.0.2.*", "*", "0"]),
        (
            "ip",
            &["192.0.2.1\0", "3221225985", "0xc0000201", "192.0.2.1/-1", "192.0.2.1/+8", "host"],
        ),
        ("ip", &["192.0.2.1/8/8", "::ffff:192.0.2.1/129", "::192.0.2.1", "::/0", "192.0.2.1%lo"]),
        ("world", &["", "Anyone", "anyone\0", "anyone ", "*", "nobody"]),
        ("auth", &[""]),
        ("super", &["", "super:x", "anyone"]),
        ("Digest", &["bob:hash"]),
        ("digest ", &["bob:hash"]),
        ("SASL", &["bob"]),
        ("", &["", "bob", "anyone"]),
        ("*", &["*"]),
        ("ensemble", &["x"]),
    ];
    let overlong = [("digest", format!("{overlong}:x")), ("sasl", overlong)];
    let listed = entries
        .iter()
        .flat_map(|(scheme, ids)| ids.iter().map(move |id| (*scheme, (*id).to_owned())))
        .chain(overlong);
    for (scheme, id) in listed {
        let list = [Acl::new(Perms::ALL, scheme, id.as_str())];
        let taken = resolve(&list, &[], schemes);
        if let Ok(list) = &taken {
            assert!(!allows(list, Perms::ALL, &holders), "{scheme}:{id} means somebody");
        }
        // A list from before the rules were what they are may hold anything.
        assert!(!allows(&list, Perms::ALL, &holders), "{scheme}:{id} means somebody");
    }
}

#[test]
fn an_identity_nobody_can_have_is_nobody() {
    let every: Vec<_> = [
        ("digest", "bob:hash"),
        ("sasl", "bob"),
        ("x509", "CN=bob"),
        ("ip", "192.0.2.0/24"),
        ("ip", "::/0"),
    ]
    .map(|(scheme, id)| Acl::new(Perms::ALL, scheme, id))
    .to_vec();
    for (scheme, id) in [
        ("", ""),
        ("ip", ""),
        ("ip", "192.0.2.0/24"),
        ("ip", "host"),
        ("auth", ""),
        ("world", "anyone"),
        ("Super", ""),
        ("super ", ""),
        ("nothing", "bob"),
        ("sasl", ""),
        ("x509", ""),
        ("digest", "bob"),
    ] {
        let holder = [Identity::new(scheme, id)];
        assert!(!allows(&every, Perms::ALL, &holder), "{scheme}:{id}");
    }
}

/// Everybody waits while a list is judged, and anybody can make the longest list and prove the most.
#[test]
fn the_longest_list_is_judged_in_no_time_for_whoever_has_proven_most() {
    let name = "n".repeat(90);
    let id = |kind: char, number: usize| format!("{name}:{kind}{number:027}");
    let mut list: Vec<_> =
        (0..1_024).map(|n| Acl::new(Perms::READ, "digest", id('a', n))).collect();
    let mut proven: Vec<_> = (0..127).map(|n| Identity::new("digest", id('b', n))).collect();
    let took = (0..5).map(|_| {
        let started = Instant::now();
        assert!(!allows(&list, Perms::READ, &proven));
        started.elapsed()
    });
    let took = took.min().expect("it was tried");
    assert!(took < Duration::from_millis(100), "{took:?}");
    list.push(Acl::new(Perms::READ, "sasl", "bob"));
    for last in [
        Identity::new("digest", id('a', 1_023)),
        Identity::new("sasl", "bob"),
        Identity::new("sasl", "super"),
        Identity::new("super", ""),
    ] {
        proven.push(last.clone());
        assert!(allows(&list, Perms::READ, &proven), "{last:?}");
        assert!(!allows(&list, Perms::WRITE, &proven) || last.scheme == "super");
        proven.pop();
    }
}

/// A request of a megabyte has room for as many questions.
#[test]
fn a_list_is_judged_once_in_a_request_however_often_it_is_asked() {
    let id = |kind: char, number: usize| format!("n:{kind}{number:027}");
    let mut world = World::new();
    let list = (0..1_024).map(|n| Acl::new(Perms::ALL, "digest", id('a', n)));
    world.create_with_acl("/a", list.collect()).unwrap();
    world.create_with_acl("/b", only(Perms::READ)).unwrap();
    let mut proven: Vec<_> = (0..120).map(|n| id('b', n)).collect();
    for (is_meant, code) in [(true, 0), (false, Code::NoAuth.number())] {
        if is_meant {
            proven.push(id('a', 1_023));
        } else {
            proven.pop();
        }
        let proven: Vec<_> = proven.iter().map(|id| ("digest", id.as_str())).collect();
        world.prove(&proven);
        let started = Instant::now();
        let results = world.multi((0..20_000).map(|n| check_op(["/a", "/b"][n % 2], -1)).collect());
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        match &results[0] {
            MultiResult::Checked => assert!(is_meant),
            failed => assert_eq!(*failed, MultiResult::Failed(code)),
        }
        let ops = (0..20_000).map(|_| ReadOp::Data { path: "/a".into() }).collect();
        let started = Instant::now();
        let read = world.read(&Request::MultiRead(ops));
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        drop(read);
    }
}

#[test]
fn a15_one_name_of_sasl_is_meant_by_every_entry_of_sasl() {
    let entry = [Acl::new(Perms::READ, "sasl", "bob")];
    assert!(allows(&entry, Perms::READ, &[Identity::new("sasl", "super")]));
    assert!(!allows(&entry, Perms::WRITE, &[Identity::new("sasl", "super")]), "no more than bob");
    let other = [Acl::new(Perms::READ, "x509", "CN=bob")];
    assert!(!allows(&other, Perms::READ, &[Identity::new("sasl", "super")]));
}

#[test]
fn a16_an_ipv4_address_is_the_same_in_its_ipv6_form() {
    let holds = |entry: &str, address: &str| {
        let acl = [Acl::new(Perms::READ, "ip", entry)];
        allows(&acl, Perms::READ, &[Identity::new("ip", address)])
    };
    for address in ["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"] {
        for entry in [
            "192.0.2.1",
            "192.0.2.0/24",
            "::ffff:192.0.2.1",
            "::ffff:192.0.2.0/120",
            "::ffff:c000:201/128",
            "::ffff:0:0/96",
            "0.0.0.0/0",
        ] {
            assert!(holds(entry, address), "{entry} means {address}");
        }
        for entry in ["192.0.2.2", "::ffff:192.0.2.2", "::/0", "::ffff:0:0/95", "::192.0.2.1"] {
            assert!(!holds(entry, address), "{entry} does not mean {address}");
        }
    }
    assert!(!holds("::ffff:0:0/96", "2001:db8::1"));
    assert!(holds("::/0", "2001:db8::1"));
}

#[test]
fn a14_a15_a16_matching() {
    let holds = |scheme: &str, id: &str, identity: (&str, &str)| {
        let acl = [Acl::new(Perms::READ, scheme, id)];
        allows(&acl, Perms::READ, &[Identity::new(identity.0, identity.1)])
    };
    assert!(holds("world", "anyone", ("ip", "::1")));
    assert!(holds("digest", "a:b", ("digest", "a:b")));
    assert!(!holds("digest", "a:b", ("digest", "a:c")));
    assert!(!holds("digest", "a:b", ("sasl", "a:b")));
    assert!(holds("ip", "10.1.0.0/16", ("ip", "10.1.255.3")));
    assert!(!holds("ip", "10.1.0.0/16", ("ip", "10.2.0.0")));
    assert!(holds("ip", "10.1.2.3", ("ip", "10.1.2.3")));
    assert!(!holds("ip", "10.1.2.3", ("ip", "10.1.2.4")));
    assert!(holds("ip", "1.2.3.4/0", ("ip", "9.9.9.9")));
    assert!(!holds("ip", "0.0.0.0/0", ("ip", "::1")), "families do not mix");
    assert!(holds("ip", "::/0", ("ip", "fe80::1%eth0")));
    assert!(holds("ip", "2001:db8::/33", ("ip", "2001:db8:7fff::1")));
    assert!(!holds("ip", "2001:db8::/33", ("ip", "2001:db8:8000::1")));
    let acl = [Acl::new(Perms::READ | Perms::WRITE, "world", "anyone")];
    assert!(allows(&acl, Perms::READ | Perms::ADMIN, &[]), "one bit in common is enough");
    assert!(!allows(&acl, Perms::ADMIN, &[]));
    assert!(!allows(&[], Perms::READ, &[]));
}
