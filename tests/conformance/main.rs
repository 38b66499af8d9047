//! The conformance suite: one test per statement about a standalone server, over raw frames.
//!
//! A test is named after the statement it holds the server to; `docs/statements.md` lists them all.
//! Each test has a server of its own, so the tests run side by side.

mod acl;
mod adopt;
mod auth;
mod create_modes;
mod data;
mod expiry;
mod four_letter_words;
mod frames;
mod handshake;
mod hello;
mod hostile;
mod identity;
mod limits;
mod multi;
mod once;
mod ordering;
mod paths;
mod persistent_watches;
mod quota;
mod reattach;
mod remove_watches;
mod replies;
mod sequence;
mod session_data;
mod session_directory;
mod set_watches;
mod stat;
mod ttl_container;
mod watch_filter;
mod watches;
