//! One session of a client, as plain values.

use pyo3::prelude::*;
use tenure_core as core;

use super::answer::{Answer, Done};
use super::operations::Operations;
use super::values;

/// The session of one epoch.
#[pyclass(frozen, module = "tenure._tenure")]
pub struct Session {
    client: core::Client,
    session: core::Session,
}

#[pymethods]
impl Session {
    /// Its id, 0 until it is connected.
    #[getter]
    fn id(&self) -> i64 {
        self.session.id().0
    }

    /// Which session of the client it is, from 1.
    #[getter]
    fn epoch(&self) -> u32 {
        self.session.epoch().0
    }

    /// The granted timeout in seconds.
    #[getter]
    fn timeout(&self) -> f64 {
        self.session.timeout().as_secs_f64()
    }

    /// How it is now.
    #[getter]
    fn state(&self, py: Python<'_>) -> Py<PyAny> {
        values::state(py, self.session.state())
    }

    /// Seconds it certainly lives from now; 0 if it may be over.
    fn safe_for(&self) -> f64 {
        self.session.safe_for().map_or(0.0, |left| left.as_secs_f64())
    }

    /// What resumes it, in four parts.
    #[getter]
    fn credentials(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let credentials = self.session.credentials();
        credentials.map(|credentials| values::credentials(py, &credentials)).transpose()
    }

    /// The number of the reason, once it is over.
    fn lost(&self) -> Answer {
        let session = self.session.clone();
        Answer::driven(async move { Ok(Done::Reason(session.lost().await)) })
    }

    /// The operations, in this session only.
    fn operations(&self) -> Operations {
        Operations::pinned(self.client.clone(), self.session.epoch())
    }
}

impl Session {
    pub fn new(client: core::Client) -> Session {
        let session = client.session();
        Session { client, session }
    }
}
