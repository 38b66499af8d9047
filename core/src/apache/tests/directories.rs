//! Whole directories: which files are chosen, and what is refused.

use super::super::{ImportError, ImportOptions, Imported};
use super::bytes::{Body, Folder, hex, log};
use super::golden::FRESH;
use crate::base::Zxid;

/// Without a look at all processes of the machine.
pub fn import(folder: &Folder) -> Result<Imported, ImportError> {
    super::super::import::import_idle(&folder.0, &ImportOptions::default(), &mut |_| {})
}

fn accepting_loss(folder: &Folder) -> Imported {
    let options = ImportOptions { accept_loss: true, ..ImportOptions::default() };
    super::super::import(&folder.0, &options, &mut |_| {}).unwrap_or_else(|why| panic!("{why}"))
}

fn creates(zxids: std::ops::RangeInclusive<i64>) -> Vec<Body> {
    let create = |zxid| Body::txn(7, zxid, 1).create(&format!("/n-{zxid}")).bool(false);
    zxids.map(|zxid| create(zxid).int(zxid as i32)).collect()
}

fn fresh() -> Vec<u8> {
    hex(FRESH)
}

fn znodes(imported: &Imported) -> usize {
    imported.engine.node_count() - 4
}

fn refusal(folder: &Folder) -> String {
    import(folder).err().expect("a refusal").to_string()
}

#[test]
fn a_snapshot_and_its_logs_make_a_state_in_the_next_epoch() {
    let folder = Folder::with(&[
        ("snapshot.0", &fresh()),
        ("log.1", &log(&creates(1..=5))),
        ("log.6", &log(&creates(6..=9))),
    ]);
    let imported = import(&folder).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(znodes(&imported), 9);
    assert_eq!(imported.report.last_zxid, Zxid(9));
    assert_eq!(imported.engine.last_zxid(), Zxid(1 << 32));
    assert!(imported.report.warnings.is_empty(), "{}", imported.report);
    let shown = imported.report.to_string();
    for told in ["log.6", "snapshot.0", "13 with", "replayed    9", "0x9"] {
        assert!(shown.contains(told), "{told} is missing in\n{shown}");
    }
}

#[test]
fn the_epochs_of_an_ensemble_count_as_well() {
    let folder = Folder::with(&[
        ("snapshot.0", &fresh()),
        ("currentEpoch", b"4\n"),
        ("acceptedEpoch", b"5"),
    ]);
    std::fs::write(folder.0.join("myid"), "3\n").expect("a file");
    let imported = import(&folder).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(imported.engine.last_zxid(), Zxid(6 << 32));
    assert_eq!(imported.report.server.as_deref(), Some("3"));
}

#[test]
fn the_folder_itself_and_a_folder_for_logs_can_be_named() {
    let data = Folder::with(&[("snapshot.0", &fresh())]);
    let logs = Folder::with(&[("log.1", &log(&creates(1..=3)))]);
    let options = ImportOptions { log_dir: Some(logs.0.clone()), ..ImportOptions::default() };
    for named in [data.0.clone(), data.0.join("version-2")] {
        let imported = super::super::import(&named, &options, &mut |_| {});
        assert_eq!(znodes(&imported.unwrap_or_else(|why| panic!("{why}"))), 3);
    }
    // Both kinds are looked for in both.
    let options = ImportOptions { log_dir: Some(data.0.clone()), ..ImportOptions::default() };
    let imported = super::super::import(&logs.0, &options, &mut |_| {});
    assert_eq!(znodes(&imported.unwrap_or_else(|why| panic!("{why}"))), 3);
}

#[test]
fn a_damaged_snapshot_gives_way_to_the_one_before() {
    let mut damaged = fresh();
    damaged[100] ^= 1;
    let folder = Folder::with(&[
        ("snapshot.0", &fresh()),
        ("snapshot.3", &damaged),
        ("snapshot.4.gz", b"not gzip"),
        ("snapshot.5.snappy", b""),
        ("log.1", &log(&creates(1..=5))),
    ]);
    let imported = import(&folder).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!((znodes(&imported), imported.report.snapshot_zxid), (5, Zxid::ZERO));
    let warnings = imported.report.warnings.join("\n");
    for file in ["snapshot.3", "snapshot.4.gz", "snapshot.5.snappy"] {
        assert!(warnings.contains(file), "{file} is missing in\n{warnings}");
    }
}

#[test]
fn a_log_from_the_first_transaction_on_needs_no_snapshot() {
    let folder = Folder::with(&[("log.1", &log(&creates(1..=5)))]);
    let imported = import(&folder).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!((znodes(&imported), imported.report.warnings.len()), (5, 1));
    let folder = Folder::with(&[("log.2", &log(&creates(2..=5)))]);
    assert!(refusal(&folder).contains("no snapshot"));
}

#[test]
fn a_snapshot_without_any_log_is_told() {
    let folder = Folder::with(&[("snapshot.0", &fresh())]);
    let imported = import(&folder).unwrap_or_else(|why| panic!("{why}"));
    let warnings = imported.report.warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("--log-dir"), "{warnings:?}");
}

#[test]
fn gaps_are_refused_unless_the_loss_is_accepted() {
    for (name, later) in [("log.7", creates(7..=9)), ("log.6", creates(7..=9))] {
        let folder = Folder::with(&[
            ("snapshot.0", &fresh()),
            ("log.1", &log(&creates(1..=5))),
            (name, &log(&later)),
        ]);
        let text = refusal(&folder);
        assert!(text.contains(name) && text.contains("0x5") && text.contains("0x7"), "{text}");
        let imported = accepting_loss(&folder);
        assert_eq!((znodes(&imported), imported.report.warnings.len()), (8, 1));
    }
}

#[test]
fn a_log_that_does_not_reach_the_snapshot_is_refused() {
    let whole = Folder::with(&[("log.1", &log(&creates(1..=5)))]);
    let engine = import(&whole).unwrap_or_else(|why| panic!("{why}")).engine;
    let mut bytes = Vec::new();
    super::super::export::write(&engine, &mut bytes, &mut |_, _| {}).expect("memory");
    // By its name it is of an earlier transaction than the ones it shows.
    let folder = Folder::with(&[("snapshot.2", &bytes), ("log.3", &log(&creates(3..=4)))]);
    assert!(refusal(&folder).contains("a log file is missing"));
}

#[test]
fn damage_in_an_earlier_file_is_refused_and_a_cut_last_one_is_told() {
    let mut torn = log(&creates(1..=5));
    let end = torn.len();
    torn[end - 5] ^= 1;
    let folder = Folder::with(&[("snapshot.0", &fresh()), ("log.1", &torn)]);
    let imported = import(&folder).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(znodes(&imported), 4);
    assert!(imported.report.warnings[0].contains("as a crash leaves it"));

    // The next file goes on where the damaged record stood, or behind it: both are refused.
    for later in [creates(5..=6), creates(6..=7)] {
        let folder =
            Folder::with(&[("snapshot.0", &fresh()), ("log.1", &torn), ("log.5", &log(&later))]);
        let text = refusal(&folder);
        assert!(text.contains("log."), "{text}");
    }
    // A file after it without any record changes nothing.
    let folder = Folder::with(&[("snapshot.0", &fresh()), ("log.1", &torn), ("log.6", b"")]);
    assert_eq!(znodes(&import(&folder).unwrap_or_else(|why| panic!("{why}"))), 4);
}

#[test]
fn a_record_cut_short_is_an_end_if_the_next_file_goes_on_there() {
    let mut cut = log(&creates(1..=5));
    cut.truncate(cut.len() - 3);
    let folder = Folder::with(&[
        ("snapshot.0", &fresh()),
        ("log.1", &cut),
        ("log.5", &log(&creates(5..=6))),
    ]);
    let imported = import(&folder).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!((znodes(&imported), imported.report.warnings.len()), (6, 1));
}

#[test]
fn damage_with_records_behind_it_is_refused_with_the_place() {
    let mut bytes = log(&creates(1..=5));
    bytes[150] ^= 1;
    let folder = Folder::with(&[("snapshot.0", &fresh()), ("log.1", &bytes)]);
    let text = refusal(&folder);
    assert!(text.contains("log.1 is damaged at byte") && text.contains("whole record"), "{text}");
    assert!(znodes(&accepting_loss(&folder)) < 5);
}

#[test]
fn a_folder_of_something_else_is_refused_by_name() {
    let folder = Folder::with(&[]);
    assert!(refusal(&folder).contains("no snapshot"));
    let nothing = folder.0.join("nothing");
    let error = super::super::import(&nothing, &ImportOptions::default(), &mut |_| {}).err();
    assert!(error.expect("a refusal").to_string().contains("zoo.cfg"));
}

#[test]
fn a_source_that_changes_while_it_is_read_is_in_use() {
    let folder = Folder::with(&[("snapshot.0", &fresh()), ("log.1", &log(&creates(1..=5)))]);
    let path = folder.0.join("version-2/log.1");
    let mut grow = |_: super::super::Progress<'_>| {
        std::fs::write(&path, log(&creates(1..=9))).expect("the file is ours");
    };
    let grown = super::super::import(&folder.0, &ImportOptions::default(), &mut grow);
    assert!(matches!(grown.err(), Some(ImportError::InUse(_))));
}

#[test]
fn membership_is_left_behind() {
    let config =
        Body::txn(7, 1, 16).string("/zookeeper/config").buffer(Some(b"server.1=a")).int(-1);
    let folder = Folder::with(&[("snapshot.0", &fresh()), ("log.1", &log(&[config]))]);
    let imported = import(&folder).unwrap_or_else(|why| panic!("{why}"));
    let mut znodes = imported.engine.znodes();
    let (_, znode) = znodes.find(|(path, _)| path == "/zookeeper/config").expect("E4");
    assert_eq!(znode.data.as_deref(), Some(&b""[..]));
    assert!(imported.report.warnings[0].contains("membership"));
}

#[test]
fn quotas_are_counted_anew() {
    let at = |path: &str, zxid: i64, data: &[u8]| {
        let body = Body::txn(7, zxid, 1).string(path).buffer(Some(data));
        body.acl(&crate::base::Acl::open_unsafe()).bool(false).int(zxid as i32)
    };
    let records = [
        at("/q", 1, b"four"),
        at("/q/x", 2, b"fives"),
        at("/zookeeper/quota/q", 3, b""),
        at("/zookeeper/quota/q/zookeeper_limits", 4, b"count=5,bytes=-1"),
        at("/zookeeper/quota/q/zookeeper_stats", 5, b"count=1,bytes=4"),
    ];
    let folder = Folder::with(&[("snapshot.0", &fresh()), ("log.1", &log(&records))]);
    let imported = import(&folder).unwrap_or_else(|why| panic!("{why}"));
    let mut znodes = imported.engine.znodes();
    let stats = znodes.find(|(path, _)| path.ends_with("stats")).expect("it was created").1;
    assert_eq!(stats.data.as_deref(), Some(&b"count=2,bytes=9"[..]));
    assert_eq!(imported.report.counts.quotas, 1);
}
