//! The compiled half of the Python package `tenure`. Private: programs use the package's own classes.
//!
//! What it is not: an interface of its own. It hands out plain values and says in numbers how a wait
//! ended; names, defaults, docs and exceptions are Python.
//!
//! What always holds: no thread of the core ever enters the interpreter. Whoever wants an answer
//! waits for it on a thread of its own, with the interpreter lock released ([`gate`]), or reads a
//! descriptor that says there is one ([`bridge`]). So callbacks, forks and the end of the interpreter
//! meet no foreign thread.

mod answer;
mod bridge;
mod client;
mod failure;
mod faults;
mod feed;
mod gate;
mod operations;
mod server;
mod session;
mod shape;
mod values;

use pyo3::prelude::*;

#[pymodule]
mod _tenure {
    #[pymodule_export]
    use super::answer::Answer;
    #[pymodule_export]
    use super::bridge::Bridge;
    #[pymodule_export]
    use super::client::Client;
    #[pymodule_export]
    use super::failure::Failure;
    #[pymodule_export]
    use super::faults::Faults;
    #[pymodule_export]
    use super::feed::{StateFeed, WatchFeed};
    #[pymodule_export]
    use super::gate::{enter_callback_thread, forget_waiters, release_waiters};
    #[pymodule_export]
    use super::operations::Operations;
    #[pymodule_export]
    use super::server::Server;
    #[pymodule_export]
    use super::session::Session;
    use super::*;

    /// The names and numbers of all error codes, in the order of the protocol.
    #[pyfunction]
    fn codes() -> Vec<(&'static str, i32)> {
        tenure_core::Code::NAMED.iter().map(|code| (code.name(), code.number())).collect()
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("READY", gate::READY)?;
        module.add("TIMED_OUT", gate::TIMED_OUT)?;
        module.add("ON_CALLBACK_THREAD", gate::ON_CALLBACK_THREAD)?;
        module.add("INTERPRETER_ENDING", gate::INTERPRETER_ENDING)?;
        gate::bind(module.py())?;
        values::bind(module.py())
    }
}
