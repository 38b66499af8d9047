//! One method for each operation: arguments to a request, the request on its way, an answer to wait
//! for.

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tenure_core::base::mode::Ttl;
use tenure_core::wire::{Create, MultiOp, ReadOp, Request};
use tenure_core::{Acl, Client, CreateMode, Epoch, Error, Perms, RequestOptions};

use super::answer::{Answer, Done};
use super::gate;
use super::shape::{Shape, owned};

/// An entry of an ACL: permissions, scheme, id.
type Entry = (i32, String, String);

/// A mode's number and, for the two that have one, its time to live in milliseconds.
type Mode = (i32, i64);

/// Any version.
const ANY: i32 = -1;

/// The operations of a client, or of one of its sessions.
#[pyclass(frozen, module = "tenure._tenure")]
pub struct Operations {
    client: Client,
    epoch: Option<Epoch>,
}

#[pymethods]
impl Operations {
    #[pyo3(signature = (path, data, acl, mode, parents, limit))]
    #[expect(clippy::too_many_arguments, reason = "they are the parts of one request")]
    fn create(
        &self,
        path: String,
        data: &Bound<'_, PyBytes>,
        acl: Option<Vec<Entry>>,
        mode: Mode,
        parents: bool,
        limit: Option<f64>,
    ) -> Answer {
        let create = match create(path, owned(data), acl, mode) {
            Ok(create) => create,
            Err(error) => return error.into(),
        };
        let options = self.options(limit).parents(parents);
        self.submit(Request::Create(create), options, Shape::Created)
    }

    /// Creates it and what is missing above it; the answer is whether it was not there.
    fn ensure_path(&self, path: String, acl: Option<Vec<Entry>>, limit: Option<f64>) -> Answer {
        let create = match create(path, Bytes::new(), acl, (0, 0)) {
            Ok(create) => create,
            Err(error) => return error.into(),
        };
        let options = self.options(limit).parents(true);
        self.submit(Request::Create(create), options, Shape::Made)
    }

    fn get(&self, path: String, limit: Option<f64>) -> Answer {
        self.submit(Request::GetData { path, watch: false }, self.options(limit), Shape::Value)
    }

    fn get_watched(&self, path: String, limit: Option<f64>) -> (Answer, Answer) {
        self.watched(Request::GetData { path, watch: true }, limit, Shape::Value)
    }

    fn set(
        &self,
        path: String,
        data: &Bound<'_, PyBytes>,
        version: Option<i32>,
        limit: Option<f64>,
    ) -> Answer {
        let version = version.unwrap_or(ANY);
        let request = Request::SetData { path, data: Some(owned(data)), version };
        self.submit(request, self.options(limit), Shape::Stat)
    }

    fn delete(
        &self,
        path: String,
        version: Option<i32>,
        missing_ok: bool,
        limit: Option<f64>,
    ) -> Answer {
        let request = Request::Delete { path, version: version.unwrap_or(ANY) };
        let shape = if missing_ok { Shape::Gone } else { Shape::Nothing };
        self.submit(request, self.options(limit), shape)
    }

    fn exists(&self, path: String, limit: Option<f64>) -> Answer {
        self.submit(Request::Exists { path, watch: false }, self.options(limit), Shape::MaybeStat)
    }

    fn exists_watched(&self, path: String, limit: Option<f64>) -> (Answer, Answer) {
        self.watched(Request::Exists { path, watch: true }, limit, Shape::MaybeStat)
    }

    fn children(&self, path: String, limit: Option<f64>) -> Answer {
        let request = Request::GetChildren2 { path, watch: false };
        self.submit(request, self.options(limit), Shape::Children)
    }

    fn children_watched(&self, path: String, limit: Option<f64>) -> (Answer, Answer) {
        self.watched(Request::GetChildren2 { path, watch: true }, limit, Shape::Children)
    }

    fn get_acl(&self, path: String, limit: Option<f64>) -> Answer {
        self.submit(Request::GetAcl { path }, self.options(limit), Shape::Acl)
    }

    fn set_acl(
        &self,
        path: String,
        acl: Vec<Entry>,
        version: Option<i32>,
        limit: Option<f64>,
    ) -> Answer {
        let request = Request::SetAcl { path, acl: entries(acl), version: version.unwrap_or(ANY) };
        self.submit(request, self.options(limit), Shape::Stat)
    }

    fn sync(&self, path: String, limit: Option<f64>) -> Answer {
        self.submit(Request::Sync { path }, self.options(limit), Shape::Nothing)
    }

    fn ephemerals(&self, prefix: String, limit: Option<f64>) -> Answer {
        let request = Request::GetEphemerals { prefix: Some(prefix) };
        self.submit(request, self.options(limit), Shape::Paths)
    }

    fn count(&self, path: String, limit: Option<f64>) -> Answer {
        self.submit(Request::GetAllChildrenNumber { path }, self.options(limit), Shape::Count)
    }

    fn whoami(&self, limit: Option<f64>) -> Answer {
        self.submit(Request::WhoAmI, self.options(limit), Shape::Identities)
    }

    /// Carries out a transaction that was collected.
    fn commit(&self, writes: Vec<Write<'_>>, limit: Option<f64>) -> Answer {
        let paths = writes.iter().map(|write| write.1.clone()).collect();
        match writes.into_iter().map(write).collect() {
            Ok(ops) => {
                let shape = Shape::Transaction(paths);
                self.submit(Request::Multi(ops), self.options(limit), shape)
            }
            Err(error) => Answer::from(error),
        }
    }

    fn read_many(&self, data: Vec<String>, children: Vec<String>, limit: Option<f64>) -> Answer {
        let paths = data.iter().chain(&children).cloned().collect();
        let data = data.into_iter().map(|path| ReadOp::Data { path });
        let children = children.into_iter().map(|path| ReadOp::Children { path });
        let request = Request::MultiRead(data.chain(children).collect());
        self.submit(request, self.options(limit), Shape::Reads(paths))
    }
}

impl Operations {
    pub fn current(client: Client) -> Operations {
        Operations { client, epoch: None }
    }

    pub fn pinned(client: Client, epoch: Epoch) -> Operations {
        Operations { client, epoch: Some(epoch) }
    }

    fn options(&self, limit: Option<f64>) -> RequestOptions {
        let mut options = RequestOptions::new();
        if let Some(limit) = limit {
            options = options.timeout(gate::seconds(limit));
        }
        if let Some(epoch) = self.epoch {
            options = options.pin(epoch);
        }
        options
    }

    fn submit(&self, request: Request, options: RequestOptions, shape: Shape) -> Answer {
        let (answer, slot) = Answer::pending(shape);
        self.client.submit(request, options, move |result| slot.fill(result.map(Done::Reply)));
        answer
    }

    /// The answer, and the one event of the watch the request leaves.
    fn watched(&self, request: Request, limit: Option<f64>, shape: Shape) -> (Answer, Answer) {
        let (event, slot) = Answer::pending(Shape::Nothing);
        let options = self.options(limit).watch(move |result| slot.fill(result.map(Done::Item)));
        (self.submit(request, options, shape), event)
    }
}

/// One write of a transaction: operation, path, data, version, ACL, mode.
type Write<'py> =
    (String, String, Option<Bound<'py, PyBytes>>, Option<i32>, Option<Vec<Entry>>, Mode);

fn write((op, path, data, version, acl, mode): Write<'_>) -> Result<MultiOp, Error> {
    let data = data.as_ref().map(owned);
    let version = version.unwrap_or(ANY);
    Ok(match op.as_str() {
        "create" => MultiOp::Create(create(path, data.unwrap_or_default(), acl, mode)?),
        "set" => MultiOp::SetData { path, data, version },
        "delete" => MultiOp::Delete { path, version },
        "check" => MultiOp::Check { path, version },
        _ => return Err(Error::Invalid("a transaction has no such operation".into())),
    })
}

fn create(path: String, data: Bytes, acl: Option<Vec<Entry>>, mode: Mode) -> Result<Create, Error> {
    let ttl = || Ttl::new(mode.1).ok_or(Error::Invalid("ttl is from 1 ms to 34 years".into()));
    let mode = match mode.0 {
        0 => CreateMode::Persistent,
        1 => CreateMode::Ephemeral,
        2 => CreateMode::PersistentSequential,
        3 => CreateMode::EphemeralSequential,
        4 => CreateMode::Container,
        5 => CreateMode::Ttl(ttl()?),
        6 => CreateMode::TtlSequential(ttl()?),
        _ => return Err(Error::Invalid("there is no such mode".into())),
    };
    let acl = acl.map_or_else(Acl::open_unsafe, entries);
    Ok(Create::new(path, Some(data), acl, mode))
}

fn entries(acl: Vec<Entry>) -> Vec<Acl> {
    acl.into_iter().map(|(perms, scheme, id)| Acl::new(Perms(perms), scheme, id)).collect()
}
