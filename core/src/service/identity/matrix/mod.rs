//! Each operation, each permission, each scheme: who may do what, from one table.
//!
//! A list has one entry with one permission. Whoever the entry means, may do what takes this permission,
//! and everybody else may not; whoever is above the lists may do everything. The table says what that
//! comes to, and each cell of it is asked of a whole service.

mod stage;
mod table;

use std::collections::BTreeSet;

use stage::{Connection, Stage, no_auth};
use table::{
    Change, ENTRIES, HOLDERS, Holder, NEW, NODE, On, PARENT, PERMS, Proof, Row, Told, rows, told,
};

use super::Settings;
use crate::auth::DigestAlgorithm;
use crate::auth::sasl::Users;
use crate::base::{Acl, Perms, WatcherKind};
use crate::wire::{Create, Op, Request};

/// The server with all it takes to be somebody, and one who may do everything.
struct World {
    stage: Stage,
    admin: Connection,
}

impl World {
    fn new() -> World {
        let mut users = Users::new([1; 16]);
        for name in ["bob", "eve", "root"] {
            users.add(name, name, [2; 16]).unwrap();
        }
        let stage = Stage::new(Settings {
            super_digest: Some(DigestAlgorithm::Sha1.id(b"super:secret")),
            super_x509: Some("CN=admin,O=example".into()),
            super_sasl: vec!["root".into()],
            users,
            ..Settings::default()
        });
        let mut admin = stage.connect("203.0.113.1");
        prove(&stage, &mut admin, Proof::Digest("super:secret"));
        let mut world = World { stage, admin };
        world.create(PARENT, Acl::open_unsafe());
        world.create(NODE, Acl::open_unsafe());
        world
    }

    fn holder(&self, holder: &Holder) -> Connection {
        let mut connection = self.stage.connect(holder.from);
        prove(&self.stage, &mut connection, holder.proof);
        let is_super = connection.identities().iter().any(|id| id.scheme == "super");
        assert_eq!(is_super, holder.is_super, "{}", holder.name);
        connection
    }

    fn create(&mut self, path: &str, acl: Vec<Acl>) {
        let (data, path) = (None, path.to_owned());
        let create = Create { op: Op::Create2, path, data, acl, flags: 0, ttl: -1 };
        self.stage.must(&mut self.admin, &Request::Create(create));
    }

    fn set_acl(&mut self, path: &str, acl: &[Acl]) {
        let (path, acl) = (path.to_owned(), acl.to_vec());
        self.stage.must(&mut self.admin, &Request::SetAcl { path, acl, version: -1 });
    }

    /// Both znodes as they were, the one with this list where it decides, the other open.
    fn arrange(&mut self, on: On, acl: &[Acl]) {
        let children = Request::GetChildren { path: PARENT.into(), watch: false };
        let Ok(crate::wire::Reply::Children { names }) = self.stage.ask(&mut self.admin, &children)
        else {
            panic!("the parent is there")
        };
        for name in names.iter().filter(|name| *name != "n") {
            let delete = Request::Delete { path: format!("{PARENT}/{name}"), version: -1 };
            self.stage.must(&mut self.admin, &delete);
        }
        if !names.iter().any(|name| name == "n") {
            self.create(NODE, Acl::open_unsafe());
        }
        let open = Acl::open_unsafe();
        self.set_acl(PARENT, if on == On::Parent { acl } else { &open });
        // What asks no list is tried where lists forbid everything.
        self.set_acl(NODE, if on == On::Parent { &open } else { acl });
    }
}

fn prove(stage: &Stage, connection: &mut Connection, proof: Proof) {
    match proof {
        Proof::Nothing => {}
        Proof::Digest(login) => {
            let auth = Request::Auth { scheme: "digest".into(), auth: login.into() };
            stage.must(connection, &auth);
        }
        Proof::Sasl(user) => stage.log_in(connection, user, user),
        Proof::Certificate(subject) => stage.certify(connection, subject),
    }
}

/// Whether the table says yes.
fn is_granted(on: On, needs: Perms, perms: Perms, entry: usize, holder: &Holder) -> bool {
    let is_meant = holder.meant_by.contains(&entry);
    on == On::Nothing || holder.is_super || (is_meant && perms.intersects(needs))
}

/// How many cells there are, and what the server and the table disagree about.
fn disagreements(rows: &[Row], holders: &[Holder]) -> (usize, BTreeSet<String>) {
    let mut world = World::new();
    let mut connections: Vec<_> = holders.iter().map(|holder| world.holder(holder)).collect();
    let (mut cells, mut faults) = (0, BTreeSet::new());
    for row in rows {
        for perms in PERMS {
            for (entry, (scheme, id)) in ENTRIES.into_iter().enumerate() {
                let acl = [Acl::new(perms, scheme, id)];
                world.arrange(row.on, &acl);
                for (holder, connection) in holders.iter().zip(&mut connections) {
                    cells += 1;
                    let answer = world.stage.ask(connection, &row.request);
                    let is_write = row.request.op().path() == crate::wire::ops::Path::Write;
                    if answer.is_ok() && is_write {
                        world.arrange(row.on, &acl);
                    }
                    let granted = is_granted(row.on, row.needs, perms, entry, holder);
                    let agrees = match answer {
                        Ok(_) => granted,
                        Err(code) if code == no_auth() => !granted,
                        Err(_) => row.on == On::Nothing,
                    };
                    if !agrees {
                        let asked = row.request.op().name();
                        faults.insert(format!(
                            "{} asks {asked} with {perms:?} for {scheme}:{id}: {:?}",
                            holder.name,
                            answer.map(|_| ())
                        ));
                    }
                }
            }
        }
    }
    (cells, faults)
}

#[test]
fn a01_a04_a14_a15_a16_a17_every_operation_every_permission_every_scheme() {
    let (cells, faults) = disagreements(&rows(), &HOLDERS);
    assert!(faults.is_empty(), "{} of {cells}: {faults:#?}", faults.len());
    assert!(cells > 20_000, "{cells} cells");
}

/// A table that is wrong in one place is found out, or the one above says nothing.
#[test]
fn a_wrong_row_is_found() {
    let wrong = |change: &dyn Fn(&mut Row) -> bool| {
        let mut rows = rows();
        let mut changed: Vec<Row> = Vec::new();
        for row in &mut rows {
            if change(row) {
                changed.push(row.clone());
            }
        }
        assert!(!changed.is_empty());
        disagreements(&changed, &HOLDERS).1.len()
    };
    let of = |row: &Row, op: Op| row.request.op() == op;
    assert!(
        wrong(&|row| of(row, Op::Delete) && {
            row.on = On::Node;
            true
        }) > 0
    );
    assert!(
        wrong(&|row| of(row, Op::GetAcl) && {
            row.needs = Perms::READ;
            true
        }) > 0
    );
    assert!(
        wrong(&|row| of(row, Op::Exists) && {
            row.on = On::Nothing;
            true
        }) > 0
    );
    assert!(
        wrong(&|row| of(row, Op::SetAcl) && {
            row.needs = Perms::WRITE;
            true
        }) > 0
    );
    let get: Vec<_> = rows().into_iter().filter(|row| of(row, Op::GetData)).collect();
    let mut holders = HOLDERS;
    holders[7].meant_by = &[0, 1];
    assert!(!disagreements(&get, &holders).1.is_empty(), "another password is not bob");
    let mut holders = HOLDERS;
    holders[2].meant_by = &[0];
    assert!(!disagreements(&get, &holders).1.is_empty(), "IPv4 through IPv6 is IPv4");
}

#[test]
fn every_operation_stands_in_the_table() {
    let rows = rows();
    // An exchange of SASL and the end of a session are how holders come and go. What is numbered is
    // judged the first time only, and a check of a session stands in a multi.
    let elsewhere = [Op::Sasl, Op::CloseSession, Op::Once, Op::CheckSession];
    for op in Op::ALL.iter().filter(|op| !elsewhere.contains(op)) {
        assert!(rows.iter().any(|row| row.request.op() == *op), "{}", op.name());
    }
}

/// Whether the holder hears of it.
fn hears(world: &mut World, row: &Told, acl: &[Acl], connection: &mut Connection) -> bool {
    world.arrange(On::Nothing, &Acl::open_unsafe());
    let left = world.stage.ask(connection, &row.watch);
    assert!(left.is_ok() || row.watch.op() == Op::Exists, "{left:?}");
    if row.change != Change::Create || row.on == On::Parent {
        world.set_acl(if row.on == On::Parent { PARENT } else { NODE }, acl);
    }
    let path = NODE.to_owned();
    match row.change {
        Change::Set => {
            let set = Request::SetData { path, data: None, version: -1 };
            world.stage.must(&mut world.admin, &set);
        }
        Change::Delete => {
            world.stage.must(&mut world.admin, &Request::Delete { path, version: -1 });
        }
        Change::Create => {
            let acl = if row.on == On::Node { acl.to_vec() } else { Acl::open_unsafe() };
            world.create(NEW, acl);
        }
    }
    let (kind, path) = row.event;
    let heard = connection.events().contains(&(kind, path.to_owned()));
    for path in [PARENT, NODE, NEW] {
        let (path, kind) = (path.to_owned(), WatcherKind::Any);
        let _ = world.stage.ask(connection, &Request::RemoveWatches { path, kind });
    }
    heard
}

#[test]
fn w25_every_kind_of_watch_is_told_by_the_list_at_the_time_of_the_event() {
    let mut world = World::new();
    let mut connections: Vec<_> = HOLDERS.iter().map(|holder| world.holder(holder)).collect();
    for row in told() {
        for perms in PERMS {
            for (entry, (scheme, id)) in ENTRIES.into_iter().enumerate() {
                let acl = [Acl::new(perms, scheme, id)];
                for (holder, connection) in HOLDERS.iter().zip(&mut connections) {
                    let expected = is_granted(row.on, Perms::READ, perms, entry, holder);
                    assert_eq!(
                        hears(&mut world, &row, &acl, connection),
                        expected,
                        "{} hears of {:?} by {} with {perms:?} for {scheme}:{id}",
                        holder.name,
                        row.event,
                        row.watch.op().name()
                    );
                }
            }
        }
    }
}
