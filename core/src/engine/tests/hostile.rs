//! Whatever is asked, an answer comes and nothing breaks.

use super::*;

const PATHS: [&str; 14] = [
    "",
    "/",
    "//",
    "/.",
    "a",
    "/\0",
    "/zookeeper",
    "/zookeeper/",
    "/zookeeper/quota",
    "/zookeeper/config",
    "/zookeeper/quota/x",
    "/zookeeper/quota/x/zookeeper_limits",
    "/zookeeper/quota/x/zookeeper_stats",
    "/x",
];

const NUMBERS: [i32; 6] = [i32::MIN, -2, -1, 0, 1, i32::MAX];

/// Every write with this path and this number.
fn writes(path: &str, number: i32) -> Vec<Request> {
    let path = path.to_owned();
    let acl = Acl::open_unsafe();
    let garbage = Some(Bytes::from_static(b"count=x,,=;bytes"));
    let mut writes = vec![
        Request::SetData { path: path.clone(), data: garbage.clone(), version: number },
        Request::SetAcl { path: path.clone(), acl: acl.clone(), version: number },
        Request::SetAcl { path: path.clone(), acl: vec![], version: number },
        Request::Delete { path: path.clone(), version: number },
        Request::Check { path: path.clone(), version: number },
        Request::Reconfig,
        Request::CloseSession,
        Request::Ping,
        Request::MultiRead(vec![]),
    ];
    for op in [Op::Create, Op::Create2, Op::CreateContainer, Op::CreateTtl] {
        for flags in (-1..=8).chain([255, i32::MIN, i32::MAX]) {
            let (path, acl, data) = (path.clone(), acl.clone(), garbage.clone());
            let ttl = i64::from(number);
            writes.push(Request::Create(Create { op, path, data, acl, flags, ttl }));
        }
    }
    writes
}

#[test]
fn h03_h05_q11_every_write_with_every_boundary_is_answered() {
    let mut world = World::new();
    for round in 0..2 {
        for path in PATHS {
            for number in NUMBERS {
                for request in writes(path, number) {
                    let multi = match &request {
                        Request::Create(create) => Some(MultiOp::Create(create.clone())),
                        Request::Delete { path, version } => {
                            Some(MultiOp::Delete { path: path.clone(), version: *version })
                        }
                        _ => None,
                    };
                    let _ = world.write(request);
                    if let Some(op) = multi.filter(|_| round == 1) {
                        world.multi(vec![op.clone(), op]);
                    }
                }
            }
        }
    }
    for id in [ME, OTHER] {
        let _ = world.apply(Change::EndSession { id, cause: Cause::Administrator });
    }
    assert!(world.exists("/zookeeper/quota"), "E4");
}

#[test]
fn h01_p51_what_is_not_a_write_on_its_own_is_refused() {
    let mut world = World::new();
    let check = Request::Check { path: "/".into(), version: -1 };
    for request in [check, Request::CloseSession, Request::WhoAmI] {
        assert_eq!(world.write(request.clone()), Err(Code::Unimplemented), "{request:?}");
    }
    assert_eq!(world.write(Request::Reconfig), Err(Code::ReconfigDisabled));
}

#[test]
fn a_branch_three_thousand_deep_is_answered() {
    let mut engine = Engine::new(EngineOptions::default());
    let txn = |change| Txn { at: WallMillis(1), session: ME, identities: Arc::from([]), change };
    let (timeout, password) = (Millis(1), Password::default());
    let _ = engine.apply(&txn(Change::CreateSession { id: ME, timeout, password }));
    let mut path = String::new();
    for _ in 0..3_000 {
        path.push_str("/d");
        let mode = CreateMode::Persistent;
        let create = Create::new(path.clone(), None, Acl::open_unsafe(), mode);
        let created = engine.apply(&txn(Change::Request(Request::Create(create))));
        assert!(created.result.is_ok());
    }
    let mut out = BytesMut::new();
    let count = Request::GetAllChildrenNumber { path: "/d".into() };
    let asker = Asker { session: ME, identities: &[], texts: &Plain::default() };
    assert_eq!(read(&engine, &count, asker, 1, &mut out).code, None);
    assert_eq!(out[out.len() - 4..], 2_999_i32.to_be_bytes());
}
