//! Which Python value the reply to each operation becomes.

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use tenure_core::wire::MultiResult;
use tenure_core::{Code, Error, Reply};

use super::failure::Failure;
use super::values;

/// What an operation promises to return.
pub enum Shape {
    /// `None`.
    Nothing,
    /// `None`, also if there was nothing to delete.
    Gone,
    /// `Created`.
    Created,
    /// Whether it was created just now.
    Made,
    /// `Value`.
    Value,
    /// `Stat`.
    Stat,
    /// `Stat`, or `None` if there is no such znode.
    MaybeStat,
    /// `Children`.
    Children,
    /// Entries of an ACL as plain tuples, and `Stat`.
    Acl,
    /// A list of paths.
    Paths,
    /// A number.
    Count,
    /// Pairs of scheme and id.
    Identities,
    /// One result for each operation on these paths.
    Transaction(Vec<String>),
    /// One result for each read of these paths.
    Reads(Vec<String>),
}

impl Shape {
    /// What stands for an answer that is an error on the wire and none for the caller.
    pub fn forgives(&self, error: &Error) -> Option<Option<bool>> {
        match (self, error.code()) {
            (Shape::Gone | Shape::MaybeStat, Some(Code::NoNode)) => Some(None),
            (Shape::Made, Some(Code::NodeExists)) => Some(Some(false)),
            _ => None,
        }
    }

    /// The Python value of a reply.
    pub fn value(&self, py: Python<'_>, reply: Reply) -> PyResult<Py<PyAny>> {
        match (self, reply) {
            (Shape::Nothing | Shape::Gone, _) => Ok(py.None()),
            (Shape::Made, Reply::Created { .. } | Reply::Created2 { .. }) => true.into_py_any(py),
            (Shape::Created, Reply::Created { path }) => values::created(py, &path, None),
            (Shape::Created, Reply::Created2 { path, stat }) => {
                values::created(py, &path, Some(&stat))
            }
            (Shape::Value, Reply::Data { data, stat }) => {
                values::value(py, data.as_deref().unwrap_or_default(), &stat)
            }
            (Shape::Stat | Shape::MaybeStat, Reply::Stat(stat)) => values::stat(py, &stat),
            (Shape::Children, Reply::Children2 { names, stat }) => {
                values::children(py, names, &stat)
            }
            (Shape::Acl, Reply::Acl { acl, stat }) => {
                let entries: Vec<_> = acl
                    .into_iter()
                    .map(|entry| (entry.perms.0, entry.id.scheme, entry.id.id))
                    .collect();
                (entries, values::stat(py, &stat)?).into_py_any(py)
            }
            (Shape::Paths, Reply::Ephemerals(paths)) => paths.into_py_any(py),
            (Shape::Count, Reply::Count(number)) => number.into_py_any(py),
            (Shape::Identities, Reply::Identities(identities)) => identities
                .into_iter()
                .map(|identity| (identity.scheme, identity.id))
                .collect::<Vec<_>>()
                .into_py_any(py),
            (Shape::Transaction(paths) | Shape::Reads(paths), Reply::Multi(results)) => {
                results_list(py, paths, results)
            }
            _ => Err(PyRuntimeError::new_err("the core answered with a reply of another kind")),
        }
    }
}

fn results_list(
    py: Python<'_>,
    paths: &[String],
    results: Vec<MultiResult>,
) -> PyResult<Py<PyAny>> {
    let list = PyList::empty(py);
    for (at, result) in results.into_iter().enumerate() {
        let path = paths.get(at).map_or("", String::as_str);
        list.append(part(py, path, result)?)?;
    }
    list.into_py_any(py)
}

fn part(py: Python<'_>, path: &str, result: MultiResult) -> PyResult<Py<PyAny>> {
    match result {
        MultiResult::Created { path } => values::created(py, &path, None),
        MultiResult::Created2 { path, stat } => values::created(py, &path, Some(&stat)),
        MultiResult::Set(stat) => values::stat(py, &stat),
        MultiResult::Deleted | MultiResult::Checked => Ok(py.None()),
        MultiResult::Data { data, stat } => {
            values::value(py, data.as_deref().unwrap_or_default(), &stat)
        }
        MultiResult::Children { names } => names.into_py_any(py),
        MultiResult::Failed(number) => {
            let code = Code::from_number(number).unwrap_or(Code::RuntimeInconsistency);
            Failure::new(Error::Server { code, path: path.into() }).into_py_any(py)
        }
    }
}

/// Bytes of the program, copied: they leave the interpreter's reach.
pub fn owned(data: &Bound<'_, PyBytes>) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(data.as_bytes())
}
