//! Random transactions around quotas, compared with a recount by path that knows no table.

use std::collections::BTreeMap;

use super::quotas::{enforcing, limits_of, stats_of};
use super::*;
use crate::engine::model::{Choices, Random};

/// What the znodes say, path by path, without any table: limits, znodes, bytes, whether there are
/// stats.
type Recount = BTreeMap<String, (String, i64, i64, bool)>;

fn recount(engine: &Engine) -> Recount {
    let znodes: BTreeMap<String, Vec<u8>> = engine
        .tree
        .ids()
        .map(|id| (engine.tree.path(id), engine.tree.node(id).data().unwrap_or_default().to_vec()))
        .collect();
    let mut quotas = Recount::new();
    for (path, data) in &znodes {
        let limited =
            path.strip_prefix("/zookeeper/quota").and_then(|p| p.strip_suffix("/zookeeper_limits"));
        let Some(limited) = limited else { continue };
        let mut names = limited.split('/');
        if limited.is_empty() || names.nth(1) == Some("zookeeper") {
            continue;
        }
        let text = String::from_utf8_lossy(data).into_owned();
        let stats = znodes.contains_key(&stats_of(limited));
        quotas.insert(limited.to_owned(), (text, 0, 0, stats));
    }
    for (path, data) in &znodes {
        if let Some(quota) = above(&quotas, path) {
            let quota = quotas.get_mut(&quota).unwrap();
            quota.1 += 1;
            quota.2 += data.len() as i64;
        }
    }
    quotas
}

/// The path of the quota that a path counts for, looked up component by component.
fn above(quotas: &Recount, path: &str) -> Option<String> {
    let mut top = path;
    while !top.is_empty() {
        if quotas.contains_key(top) {
            return Some(top.to_owned());
        }
        top = &top[..top.rfind('/').unwrap()];
    }
    None
}

/// Whether the quotas before a transaction refuse so much more.
fn refused(quotas: &Recount, path: &str, count: i64, bytes: i64) -> bool {
    let hard = |text: &str, key: &str| {
        text.split(';').find_map(|pair| pair.strip_prefix(key)?.parse::<i64>().ok())
    };
    let Some(quota) = above(quotas, path) else { return false };
    let (text, used, size, stats) = &quotas[&quota];
    let over = |key, used: i64, more: i64| {
        more != 0 && hard(text, key).is_some_and(|limit| used + more > limit)
    };
    *stats && (over("countHardLimit=", *used, count) || over("byteHardLimit=", *size, bytes))
}

const LIMITED: [&str; 7] = ["/a", "/a/b", "/a/b/c", "/ab", "", "/zookeeper", "/zookeeper/quota"];

fn random_path(random: &mut Random) -> String {
    let limited = random.pick(&LIMITED);
    match random.below(8) {
        0 => limits_of(limited),
        1 => stats_of(limited),
        2 => format!("/zookeeper/quota{limited}"),
        3 => format!("{limited}/{}", random.pick(&["x", "y", "zookeeper_limits"])),
        _ if limited.is_empty() => "/z".into(),
        _ => limited.into(),
    }
}

fn random_op(random: &mut Random) -> MultiOp {
    let path = random_path(random);
    let texts = [
        "count=1,bytes=2",
        "x",
        "count=-1,bytes=-1=;byteHardLimit=9;countHardLimit=3",
        "count=-1,bytes=-1=;byteHardLimit=1",
        "count=-1,bytes=-1=;countHardLimit=1",
    ];
    let data = match path.ends_with("limits") || random.one_in(8) {
        true => Bytes::from_static(random.pick(&texts).as_bytes()),
        false => Bytes::from(vec![7; random.below(5)]),
    };
    match random.below(9) {
        0..3 => {
            let mode = match random.below(6) {
                0 => CreateMode::Ephemeral,
                1 => CreateMode::Container,
                _ => CreateMode::Persistent,
            };
            MultiOp::Create(Create::new(path, Some(data), Acl::open_unsafe(), mode))
        }
        3..6 => MultiOp::Delete { path, version: -1 },
        _ => MultiOp::SetData { path, data: Some(data), version: -1 },
    }
}

/// Follows the operations and returns whether each was refused for a quota where it had to be.
fn judge(before: &Recount, engine: &Engine, ops: &[MultiOp]) -> Vec<bool> {
    let mut sizes: BTreeMap<String, i64> = engine
        .tree
        .ids()
        .map(|id| (engine.tree.path(id), engine.tree.node(id).data().map_or(0, <[u8]>::len) as i64))
        .collect();
    let mut size = |path: &str, data: &Option<Bytes>| {
        let new = data.as_ref().map_or(0, |data| data.len() as i64);
        new - sizes.insert(path.to_owned(), new).unwrap_or(0)
    };
    let refuse = |op: &MultiOp| match op {
        MultiOp::Create(create) => {
            let bytes = create.data.as_ref().map_or(0, |data| data.len() as i64);
            let _ = size(&create.path, &create.data);
            refused(before, &create.path, 1, bytes)
        }
        MultiOp::SetData { path, data, .. } => refused(before, path, 0, size(path, data)),
        _ => false,
    };
    ops.iter().map(refuse).collect()
}

fn agree(seed: u64) {
    let mut world = enforcing();
    let mut random = Random(seed);
    let mut outcomes: BTreeMap<Option<i32>, usize> = BTreeMap::new();
    for step in 0..4_000 {
        let before = recount(&world.engine);
        let ops: Vec<MultiOp> = (0..1 + random.below(3)).map(|_| random_op(&mut random)).collect();
        let expected = judge(&before, &world.engine, &ops);
        if random.one_in(40) {
            let _ = world.apply(Change::EndSession { id: ME, cause: Cause::Closed });
            let (timeout, password) = (Millis(1_000), Password::default());
            let _ = world.apply(Change::CreateSession { id: ME, timeout, password });
        }
        if random.one_in(10) {
            let _ = world.apply(Change::Reap { path: random_path(&mut random) });
        }
        let before_ended = recount(&world.engine) == before;
        let results = world.multi(ops.clone());
        let codes: Vec<i32> = results
            .iter()
            .map(|result| if let MultiResult::Failed(code) = result { *code } else { 0 })
            .collect();
        let failed = codes.iter().position(|&code| code != 0);
        let context = || format!("seed {seed}, step {step}: {ops:?} {codes:?} {before:?}");
        if before_ended {
            let allowed = failed.unwrap_or(ops.len());
            assert!(expected[..allowed].iter().all(|&refused| !refused), "{}", context());
            if let Some(place) = failed.filter(|&place| codes[place] == -125) {
                assert!(expected[place], "{}", context());
            }
        }
        *outcomes.entry(failed.map(|place| codes[place])).or_default() += 1;
        for (path, (_, count, bytes, stats)) in recount(&world.engine) {
            if stats {
                assert_eq!(world.used(&path), format!("count={count},bytes={bytes}"));
                assert_eq!(world.stat(&stats_of(&path)).version, 0);
            }
        }
    }
    println!("seed {seed}: {outcomes:?}");
    for code in [None, Some(-125), Some(-102), Some(-101), Some(-110), Some(-111), Some(-8)] {
        assert!(outcomes.get(&code).is_some_and(|&count| count > 10), "{code:?}: {outcomes:?}");
    }
}

#[test]
fn h03_h05_q11_quotas_agree_with_a_recount_whatever_is_done_to_their_znodes() {
    for seed in 1..=4 {
        agree(seed);
    }
}
