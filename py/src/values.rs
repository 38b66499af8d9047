//! Plain data as the named tuples and enum members of `tenure.values`.
//!
//! The classes are looked up once, when the module is loaded. Instances are made without running a
//! line of Python: whoever makes one cannot be interrupted by the end of the interpreter.

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyImportError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyTuple, PyType};
use tenure_core::{
    Change, Credentials, RestoreReport, ResyncReason, SessionEvent, Stat, State, WatchItem,
};

use super::failure;

static NAMES: PyOnceLock<Names> = PyOnceLock::new();

struct Names {
    stat: Py<PyAny>,
    value: Py<PyAny>,
    children: Py<PyAny>,
    created: Py<PyAny>,
    node_changed: Py<PyAny>,
    resync: Py<PyAny>,
    session_event: Py<PyAny>,
    restore_report: Py<PyAny>,
    changes: Vec<Py<PyAny>>,
    resync_reasons: Vec<Py<PyAny>>,
    states: Vec<Py<PyAny>>,
    loss_reasons: Vec<Py<PyAny>>,
    new_tuple: Py<PyAny>,
}

/// Looks up the classes. To be called once, while the module is loaded.
pub fn bind(py: Python<'_>) -> PyResult<()> {
    let module = py.import("tenure.values")?;
    let class = |name: &str| module.getattr(name).map(Bound::unbind);
    let members = |name: &str| -> PyResult<Vec<Py<PyAny>>> {
        module.getattr(name)?.try_iter()?.map(|member| Ok(member?.unbind())).collect()
    };
    let names = Names {
        stat: class("Stat")?,
        value: class("Value")?,
        children: class("Children")?,
        created: class("Created")?,
        node_changed: class("NodeChanged")?,
        resync: class("Resync")?,
        session_event: class("SessionEvent")?,
        restore_report: class("RestoreReport")?,
        changes: members("Change")?,
        resync_reasons: members("ResyncReason")?,
        states: members("State")?,
        loss_reasons: members("LossReason")?,
        new_tuple: PyType::new::<PyTuple>(py).getattr("__new__")?.unbind(),
    };
    NAMES.set(py, names).map_err(|_| PyImportError::new_err("tenure._tenure is loaded twice"))
}

pub fn stat(py: Python<'_>, stat: &Stat) -> PyResult<Py<PyAny>> {
    let fields = (
        stat.czxid.0,
        stat.mzxid.0,
        stat.ctime.0 as f64 / 1_000.0,
        stat.mtime.0 as f64 / 1_000.0,
        stat.version,
        stat.cversion,
        stat.aversion,
        stat.ephemeral_owner.0,
        stat.data_length,
        stat.num_children,
        stat.pzxid.0,
    );
    named(py, |names| &names.stat, fields)
}

pub fn value(py: Python<'_>, data: &[u8], of: &Stat) -> PyResult<Py<PyAny>> {
    named(py, |names| &names.value, (PyBytes::new(py, data), stat(py, of)?))
}

pub fn children(py: Python<'_>, children: Vec<String>, of: &Stat) -> PyResult<Py<PyAny>> {
    named(py, |names| &names.children, (children, stat(py, of)?))
}

pub fn created(py: Python<'_>, path: &str, of: Option<&Stat>) -> PyResult<Py<PyAny>> {
    let of = of.map(|of| stat(py, of)).transpose()?;
    named(py, |names| &names.created, (path, of))
}

pub fn watch_item(py: Python<'_>, item: WatchItem) -> PyResult<Py<PyAny>> {
    match item {
        WatchItem::Changed { change, path, zxid } => {
            let at = match change {
                Change::Created => 0,
                Change::Deleted => 1,
                Change::Data => 2,
                Change::Children => 3,
            };
            let change = &names(py).changes[at];
            named(py, |names| &names.node_changed, (change, path, zxid.map(|zxid| zxid.0)))
        }
        WatchItem::Resync { reason, epoch } => {
            let at = match reason {
                ResyncReason::NewSession => 1,
                ResyncReason::Overflow => 2,
                _ => 0,
            };
            let reason = &names(py).resync_reasons[at];
            named(py, |names| &names.resync, (reason, epoch.0))
        }
        _ => Err(PyRuntimeError::new_err("the core says something this package does not know")),
    }
}

/// The member of `State` for a state of the core.
pub fn state(py: Python<'_>, state: State) -> Py<PyAny> {
    let at = match state {
        State::Connecting => 0,
        State::Connected => 1,
        State::ReadOnly => 2,
        State::Suspended => 3,
        State::Jeopardy => 4,
        _ => 5,
    };
    names(py).states[at].clone_ref(py)
}

pub fn session_event(py: Python<'_>, event: &SessionEvent) -> PyResult<Py<PyAny>> {
    let reason = match event.state {
        State::Lost(reason) => {
            names(py).loss_reasons[usize::from(failure::number(reason)) - 1].clone_ref(py)
        }
        _ => py.None(),
    };
    let restored = match &event.restored {
        Some(report) => restore_report(py, report)?,
        None => py.None(),
    };
    let fields = (
        state(py, event.state),
        event.epoch.0,
        event.session_id.0,
        reason,
        event.server.as_deref(),
        restored,
    );
    named(py, |names| &names.session_event, fields)
}

/// The four parts of `Credentials`, for the package to put together: its class is no tuple.
pub fn credentials(py: Python<'_>, credentials: &Credentials) -> PyResult<Py<PyAny>> {
    let password = PyBytes::new(py, &credentials.password());
    let (id, zxid) = (credentials.session_id.0, credentials.last_zxid.0);
    (id, password, zxid, credentials.is_welcomed()).into_py_any(py)
}

fn restore_report(py: Python<'_>, report: &RestoreReport) -> PyResult<Py<PyAny>> {
    let paths = |paths: &[String]| paths.to_vec();
    let fields = (
        report.watches,
        report.dropped_oneshot,
        paths(&report.lost_ephemerals),
        paths(&report.registrations),
        paths(&report.conflicts),
        paths(&report.lost_locks),
    );
    named(py, |names| &names.restore_report, fields)
}

fn names(py: Python<'_>) -> &'static Names {
    NAMES.get(py).expect("the module binds its names before it has a class to call")
}

/// A named tuple by the constructor of plain tuples, which runs no Python.
fn named<'py>(
    py: Python<'py>,
    class: impl FnOnce(&'static Names) -> &'static Py<PyAny>,
    fields: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error = PyErr>,
) -> PyResult<Py<PyAny>> {
    let names = names(py);
    let arguments: (&Py<PyAny>, Bound<'py, PyTuple>) = (class(names), fields.into_pyobject(py)?);
    Ok(names.new_tuple.bind(py).call1(arguments)?.unbind())
}
