//! What a test plants in the embedded server.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tenure_core::server::{self, Fault, Op};
use tenure_core::{Code, SessionId};

use super::gate;
use super::server::Server;

/// The faults of one server, by the names that the package checks. Times are seconds.
#[pyclass(frozen, module = "tenure._tenure")]
pub struct Faults(Py<Server>);

#[pymethods]
impl Faults {
    #[new]
    fn new(server: Py<Server>) -> Faults {
        Faults(server)
    }

    fn expire(&self, py: Python<'_>, session_id: i64) -> PyResult<bool> {
        self.ask(py, |faults| faults.expire(SessionId(session_id)))
    }

    fn drop_connection(&self, py: Python<'_>, session_id: i64) -> PyResult<bool> {
        self.ask(py, |faults| faults.drop_connection(SessionId(session_id)))
    }

    fn drop_connections(&self, py: Python<'_>) -> PyResult<usize> {
        self.ask(py, server::Faults::drop_connections)
    }

    fn refuse(&self, py: Python<'_>, yes: bool) -> PyResult<()> {
        self.ask(py, |faults| faults.refuse(yes))
    }

    fn refuse_next(&self, py: Python<'_>, count: u64) -> PyResult<()> {
        self.ask(py, |faults| faults.refuse_next(count))
    }

    fn delay(&self, py: Python<'_>, op: Option<&str>, length: f64) -> PyResult<()> {
        let op = op.map(operation).transpose()?;
        // More than this is no test of anything, and a clock must not overflow.
        let length = gate::bounded(length);
        self.ask(py, |faults| faults.delay(op, length))
    }

    fn lose_reply(&self, py: Python<'_>, op: Option<&str>, count: u64) -> PyResult<()> {
        let op = op.map(operation).transpose()?;
        self.ask(py, |faults| faults.lose_reply(op, count))
    }

    fn lose_request(&self, py: Python<'_>, op: Option<&str>, count: u64) -> PyResult<()> {
        let op = op.map(operation).transpose()?;
        self.ask(py, |faults| faults.lose_request(op, count))
    }

    fn fail(&self, py: Python<'_>, op: Option<&str>, code: i32, count: u64) -> PyResult<()> {
        let op = op.map(operation).transpose()?;
        let code = Code::from_number(code)
            .ok_or_else(|| PyValueError::new_err("code 0 is success, and no failure"))?;
        self.ask(py, |faults| faults.fail(op, code, count))
    }

    fn silence(&self, py: Python<'_>, session_id: Option<i64>, yes: bool) -> PyResult<()> {
        self.ask(py, |faults| faults.silence(session_id.map(SessionId), yes))
    }

    fn read_only(&self, py: Python<'_>, yes: bool) -> PyResult<()> {
        self.ask(py, |faults| faults.read_only(yes))
    }

    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        self.ask(py, server::Faults::clear)
    }

    fn hits(&self, py: Python<'_>, fault: &str) -> PyResult<u64> {
        let fault = kind(fault)?;
        self.ask(py, |faults| faults.hits(fault))
    }

    fn pending(&self, py: Python<'_>, fault: &str) -> PyResult<u64> {
        let fault = kind(fault)?;
        self.ask(py, |faults| faults.pending(fault))
    }

    fn received(&self, py: Python<'_>, op: &str) -> PyResult<u64> {
        let op = operation(op)?;
        self.ask(py, |faults| faults.received(op))
    }

    fn carried_out(&self, py: Python<'_>, op: &str) -> PyResult<u64> {
        let op = operation(op)?;
        self.ask(py, |faults| faults.carried_out(op))
    }
}

impl Faults {
    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&server::Faults) -> T + Send,
    ) -> PyResult<T> {
        self.0.get().ask(py, |server| question(&server.faults()))
    }
}

fn operation(name: &str) -> PyResult<Op> {
    let found = Op::ALL.iter().find(|op| op.name() == name);
    found.copied().ok_or_else(|| {
        PyValueError::new_err(format!(
            "{name:?} is no operation of the protocol such as create, setData or ping"
        ))
    })
}

fn kind(name: &str) -> PyResult<Fault> {
    match name {
        "expire" => Ok(Fault::Expire),
        "drop_connection" => Ok(Fault::DropConnection),
        "refuse" => Ok(Fault::Refuse),
        "delay" => Ok(Fault::Delay),
        "lose_reply" => Ok(Fault::LoseReply),
        "lose_request" => Ok(Fault::LoseRequest),
        "fail" => Ok(Fault::Fail),
        "silence" => Ok(Fault::Silence),
        "read_only" => Ok(Fault::ReadOnly),
        _ => Err(PyValueError::new_err(format!("{name:?} is no fault"))),
    }
}
