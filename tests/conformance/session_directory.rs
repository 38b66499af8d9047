//! The session directory: who is listed, and who hears of it.
//!
//! ZooKeeper has no such thing; `docs/sessions.md` says what there is.

use std::time::Duration;

use tenure::wire::Features;
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{Acl, event, open};
use tenure_tests::session::{Session, create_body};
use tenure_tests::subject::{Settings, Subject};

pub(crate) const TOP: &str = "/zookeeper/sessions";
pub(crate) const ENDED: &str = "/zookeeper/sessions/ended";
/// The mode of a recursive persistent watch.
pub(crate) const RECURSIVE: i32 = 1;
/// The mode of a persistent watch.
pub(crate) const PERSISTENT: i32 = 0;

pub(crate) fn name(id: i64) -> String {
    format!("{id:#x}")
}

pub(crate) fn znode(id: i64) -> String {
    format!("{TOP}/{}", name(id))
}

pub(crate) fn value(id: i64, of: &str) -> String {
    format!("{}/data/{of}", znode(id))
}

/// The text of a znode, whose Stat has to fit.
pub(crate) fn text(session: &mut Session, path: &str) -> String {
    let (data, stat) = session.get(path, false).unwrap_or_else(|code| panic!("{path}: {code}"));
    let data = data.expect("it has data");
    assert_eq!(stat.data_length as usize, data.len(), "the length in the Stat");
    String::from_utf8(data).expect("it is text")
}

/// What a field of one of these objects holds, as it is written.
pub(crate) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("\"{name}\":"))?;
    let end = if rest.starts_with('[') { rest.find(']')? + 1 } else { rest.find([',', '}'])? };
    Some(rest[..end].trim_matches('"'))
}

pub(crate) fn number(text: &str, name: &str) -> i64 {
    let found = field(text, name).unwrap_or_else(|| panic!("no {name} in {text}"));
    found.parse().unwrap_or_else(|_| panic!("{name} in {text}"))
}

/// A list that only this digest identity may use, for everything.
pub(crate) fn only_creator() -> Vec<Acl> {
    vec![Acl { perms: 31, scheme: "auth".into(), id: String::new() }]
}

#[test]
fn sessions_are_listed_with_what_is_known_of_them() {
    let server = Subject::start();
    let (mut session, mut other) = server.pair();
    let mut names = vec!["ended".to_owned(), name(session.id()), name(other.id())];
    names.sort();
    assert_eq!(session.children(TOP, false), Ok(names));
    assert_eq!(session.children("/zookeeper", false).expect("there").len(), 3);
    assert_eq!(session.stat("/zookeeper").num_children, 3);
    other.auth("digest", b"bob:secret");
    other.create("/e", b"", op::EPHEMERAL).expect("created");
    let told = text(&mut session, &znode(other.id()));
    assert_eq!(field(&told, "id"), Some(name(other.id()).as_str()));
    assert_eq!(number(&told, "timeout_ms"), i64::from(other.granted.timeout));
    assert_eq!(number(&told, "connection_timeout_ms"), i64::from(other.granted.timeout));
    assert_eq!((number(&told, "ephemerals"), number(&told, "values")), (1, 0));
    assert_eq!((field(&told, "attached"), number(&told, "server")), (Some("true"), 1));
    assert!(field(&told, "address").expect("shown").starts_with("127.0.0.1:"), "{told}");
    let identities = field(&told, "identities").expect("shown");
    assert!(identities.contains("{\"scheme\":\"digest\",\"id\":\"bob\"}"), "{told}");
    let stat = session.stat(&znode(other.id()));
    assert_eq!((stat.ephemeral_owner, stat.num_children, stat.version), (other.id(), 1, 0));
    assert_eq!(stat.ctime, number(&told, "since_ms"));
}

#[test]
fn no_password_and_no_hash_is_shown() {
    let server = Subject::start();
    let (mut session, mut other) = server.pair();
    other.auth("digest", b"bob:secret");
    other.create_with("/guarded", Some(b""), &only_creator(), op::EPHEMERAL).expect("created");
    let (acl, _) = other.get_acl("/guarded").expect("the creator may");
    let (_, hash) = acl[0].id.split_once(':').expect("user and hash");
    let told = text(&mut session, &znode(other.id()));
    assert!(!told.contains(hash) && !told.contains("secret"), "{told}");
    assert!(!told.to_lowercase().contains("passw"), "{told}");
}

#[test]
fn how_long_a_session_is_silent_is_told_without_waking_it() {
    let server = Subject::manual();
    let mut session = Session::with_timeout(server.addr(), 40_000);
    let mut other = Session::with_timeout(server.addr(), 40_000);
    other.ping();
    server.advance(Duration::from_millis(1_500));
    let told = text(&mut session, &znode(other.id()));
    assert_eq!(number(&told, "silent_ms"), 1_500);
    assert_eq!(number(&text(&mut session, &znode(other.id())), "silent_ms"), 1_500);
    other.ping();
    assert_eq!(number(&text(&mut session, &znode(other.id())), "silent_ms"), 0);
}

#[test]
fn a_session_without_a_connection_is_listed_without_an_address() {
    let server = Subject::start();
    let mut session = server.session();
    let other = server.session();
    let path = znode(other.id());
    drop(other);
    // The server hears of the end of the connection in its own time.
    while field(&text(&mut session, &path), "attached") == Some("true") {
        session.ping();
    }
    let told = text(&mut session, &path);
    assert_eq!((field(&told, "address"), field(&told, "connection_timeout_ms")), (None, None));
    assert!(number(&told, "silent_ms") >= 0, "{told}");
}

#[test]
fn others_hear_of_values_by_every_kind_of_watch() {
    let server = Subject::start();
    let (mut session, mut once) = server.pair();
    let mut kept = server.session();
    let path = value(session.id(), "a");
    let list = format!("{}/data", znode(session.id()));
    assert_eq!(once.exists(&path, true), Err(op::NO_NODE));
    once.children(&list, true).expect("there");
    kept.add_watch(&path, PERSISTENT).expect("set");
    session.create(&path, b"", op::EPHEMERAL).expect("bound");
    assert_eq!(once.seen(), [event(op::CREATED, &path), event(op::CHILDREN, &list)]);
    once.get(&path, true).expect("there");
    session.set(&path, b"1", -1).expect("set");
    session.delete(&path, -1).expect("unbound");
    assert_eq!(once.seen(), [event(op::CHANGED, &path)]);
    let kinds = [op::CREATED, op::CHANGED, op::DELETED];
    assert_eq!(kept.seen(), kinds.map(|kind| event(kind, &path)));
}

#[test]
fn the_end_of_a_session_is_heard_from_its_values_up() {
    let server = Subject::start();
    let mut watcher = server.session();
    watcher.add_watch(TOP, RECURSIVE).expect("set");
    let mut list = server.session();
    let mut session = server.session();
    let (path, znode) = (value(session.id(), "a"), znode(session.id()));
    let over = format!("{ENDED}/{}", name(session.id()));
    session.create(&path, b"", op::EPHEMERAL).expect("bound");
    session.create("/e", b"", op::EPHEMERAL).expect("created");
    list.children(TOP, true).expect("there");
    list.children(ENDED, true).expect("there");
    let zxid = {
        let _ = watcher.seen();
        session.close();
        let events = watcher.events();
        let seen: Vec<_> = events.iter().map(|it| (it.kind, it.path.clone())).collect();
        let expected = [
            event(op::DELETED, &path),
            event(op::DELETED, &format!("{znode}/data")),
            event(op::DELETED, &znode),
            event(op::CREATED, &over),
        ];
        assert_eq!(seen, expected);
        assert!(events.iter().all(|it| it.zxid == events[0].zxid), "one transaction");
        events[0].zxid
    };
    assert_eq!(list.seen(), [event(op::CHILDREN, TOP), event(op::CHILDREN, ENDED)]);
    let told = text(&mut watcher, &over);
    assert_eq!(
        (field(&told, "cause"), field(&told, "text")),
        (Some("closed"), Some("closed by its client"))
    );
    assert_eq!((number(&told, "ephemerals"), field(&told, "zxid")), (1, Some(name(zxid).as_str())));
    assert_eq!(watcher.exists(&znode, false), Err(op::NO_NODE));
    assert_eq!(watcher.stat(&over).czxid, zxid);
}

#[test]
fn the_beginning_of_a_session_is_heard() {
    let server = Subject::start();
    let (mut list, mut recursive) = server.pair();
    list.children(TOP, true).expect("there");
    recursive.add_watch(TOP, RECURSIVE).expect("set");
    let session = server.session();
    assert_eq!(list.seen(), [event(op::CHILDREN, TOP)]);
    let znode = znode(session.id());
    let data = format!("{znode}/data");
    assert_eq!(recursive.seen(), [event(op::CREATED, &znode), event(op::CREATED, &data)]);
}

#[test]
fn an_expiry_says_how_long_the_silence_was() {
    let server = Subject::manual();
    let mut watcher = Session::with_timeout(server.addr(), 40_000);
    let mortal = Session::with_timeout(server.addr(), 4_000);
    let over = format!("{ENDED}/{}", name(mortal.id()));
    assert_eq!(watcher.exists(&over, true), Err(op::NO_NODE));
    server.advance(Duration::from_millis(4_020));
    assert_eq!(watcher.seen(), [event(op::CREATED, &over)]);
    let told = text(&mut watcher, &over);
    assert_eq!(field(&told, "cause"), Some("expired"));
    let (silence, late) = (number(&told, "silence_ms"), number(&told, "late_ms"));
    assert_eq!(silence, 4_000 + late);
    assert!((0..=50).contains(&late), "{told}");
    assert_eq!(field(&told, "handed_over_to"), None);
}

#[test]
fn whoever_took_over_or_fenced_a_session_is_named() {
    let server = Subject::start();
    let mut heir = Session::greeting(server.addr(), Features::ALL.0);
    for (kind, cause, named) in
        [(op::HAND_OVER, "handed over", "handed_over_to"), (op::FENCE, "fenced", "fenced_by")]
    {
        let mut gone = server.session();
        let (id, path) = (gone.id(), value(gone.id(), "a"));
        gone.create(&path, b"", op::EPHEMERAL).expect("bound");
        heir.get(&path, true).expect("there");
        let body = Body::new().long(id).bytes(&gone.granted.passwd);
        assert_eq!(heir.code(kind, &body), 0, "{cause}");
        assert_eq!(heir.seen(), [event(op::DELETED, &path)], "values are not handed over");
        let told = text(&mut heir, &format!("{ENDED}/{}", name(id)));
        assert_eq!(field(&told, "cause"), Some(cause));
        assert_eq!(field(&told, named), Some(name(heir.id()).as_str()), "{told}");
        assert_eq!(heir.exists(&znode(id), false), Err(op::NO_NODE));
    }
}

#[test]
fn clients_are_told_whether_there_is_a_directory() {
    let has_it = |settings: Settings| {
        let server = Subject::with(settings);
        let session = Session::greeting(server.addr(), Features::ALL.0);
        let (features, _, _) = session.granted.welcome.expect("a welcome");
        Features(features).has(Features::DIRECTORY)
    };
    assert!(has_it(Settings::default()));
    assert!(!has_it(Settings { session_directory: false, ..Settings::default() }));
}

#[test]
fn watches_above_the_directory_hear_nothing_of_it() {
    let server = Subject::start();
    let (mut root, mut above) = server.pair();
    root.add_watch("/", RECURSIVE).expect("set");
    above.add_watch("/zookeeper", RECURSIVE).expect("set");
    above.children("/zookeeper", true).expect("there");
    let mut session = server.session();
    session.create(&value(session.id(), "a"), b"", op::EPHEMERAL).expect("bound");
    session.create("/e", b"", op::EPHEMERAL).expect("created");
    session.close();
    assert_eq!(root.seen(), [event(op::CREATED, "/e"), event(op::DELETED, "/e")]);
    assert_eq!(above.seen(), []);
}

#[test]
fn w28_watches_are_registered_again_on_another_connection() {
    let server = Subject::start();
    let (mut session, mut watcher) = server.pair();
    let gone = server.session();
    let (kept, lost) = (value(session.id(), "kept"), znode(gone.id()));
    session.create(&kept, b"", op::EPHEMERAL).expect("bound");
    watcher.ping();
    let seen = watcher.zxid;
    gone.close();
    session.set(&kept, b"1", -1).expect("set");
    let mut again = watcher.reattach(server.addr());
    let list = format!("{}/data", znode(session.id()));
    assert_eq!(again.set_watches(seen, [&[&kept, &lost], &[], &[TOP, &list]]), 0);
    let expected = [event(op::CHANGED, &kept), event(op::DELETED, &lost), event(op::CHILDREN, TOP)];
    assert_eq!(again.seen(), expected);
    session.delete(&kept, -1).expect("unbound");
    assert_eq!(again.seen(), [event(op::CHILDREN, &list)], "what was not due is watched");
}

#[test]
fn the_directory_is_read_by_those_the_server_names() {
    let readers: &[&str] = &["digest:ops:eEPIoSVzIfkYLJwGLKBZ+lBc2rI=", "ip:10.0.0.0/8"];
    let server = Subject::with(Settings { session_readers: readers, ..Settings::default() });
    let (mut session, mut other) = server.pair();
    let znode = znode(other.id());
    for path in [TOP, ENDED, &znode, &format!("{znode}/data")] {
        assert_eq!(session.exists(path, false), Err(op::NO_AUTH), "{path}");
        assert_eq!(session.children(path, false), Err(op::NO_AUTH), "{path}");
        assert_eq!(session.get_acl(path).map(drop), Err(op::NO_AUTH), "{path}");
    }
    session.add_watch(TOP, RECURSIVE).expect("set");
    let path = value(other.id(), "a");
    other.create(&path, b"", op::EPHEMERAL).expect("everybody binds");
    assert!(session.get(&path, false).is_ok(), "a value has a list of its own");
    assert_eq!(session.seen(), [event(op::CREATED, &path)]);
    other.close();
    assert_eq!(session.seen(), [event(op::DELETED, &path)]);
}

#[test]
fn without_the_directory_there_is_nothing_at_its_path() {
    let server = Subject::with(Settings { session_directory: false, ..Settings::default() });
    let mut session = server.session();
    let path = value(session.id(), "a");
    assert_eq!(session.exists(TOP, false), Err(op::NO_NODE));
    assert_eq!(session.create(&path, b"", op::EPHEMERAL), Err(op::NO_NODE));
    let mut names = session.children("/zookeeper", false).expect("there");
    names.sort();
    assert_eq!(names, ["config", "quota"]);
    assert_eq!(session.create(TOP, b"", op::PERSISTENT), Ok(TOP.into()), "as with ZooKeeper");
}

#[test]
fn what_waits_behind_a_write_is_told_of_sessions_too() {
    let server = Subject::start();
    let (mut session, other) = server.pair();
    let (path, znode) = (value(session.id(), "a"), znode(other.id()));
    session.send(op::CREATE, &create_body(&path, Some(b""), &open(), op::EPHEMERAL));
    session.send(op::GET_DATA, &Body::new().string(&znode).bool(false));
    session.send(op::GET_DATA, &Body::new().string(&path).bool(false));
    assert_eq!(session.reply().expect("an answer").err, 0);
    let told = session.reply().expect("an answer");
    let mut reader = told.reader();
    let data = reader.buffer().expect("data");
    let text = String::from_utf8(data).expect("text");
    assert_eq!(field(&text, "attached"), Some("true"), "{text}");
    assert_eq!(session.reply().expect("an answer").err, 0, "the write before it is seen");
}
