//! libtenure: the C face of server and client.
//!
//! Everything exported here stands in `include/tenure.h`, which is generated from these files; their
//! comments are the C programmer's manual. It is no second client: each function checks its
//! arguments, calls the core's public API, and turns what comes back into a status or an event.
//!
//! What always holds: the body of an exported function is one `guard`, so no panic crosses the
//! boundary; a handle remembers the process that made it; `drop_user` of a sink runs exactly once.

#![allow(non_camel_case_types)]
#![allow(unsafe_code, reason = "raw pointers are what a C interface is made of")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the contract of each function is its C documentation: pointers are null or valid"
)]

// In the order of the header's chapters.
pub mod status;

pub mod sink;

pub mod event;

pub mod queue;

pub mod options;

pub mod client;

pub mod session;

pub mod request;

pub mod submit;

pub mod watch;

pub mod server;

mod arguments;
mod compose;
mod content;
mod deliveries;
mod guard;
mod life;
mod reply;
mod signals;
mod wait;
