//! The session machine against a server that the test plays, on a clock that the test turns.

mod closing;
mod connections;
mod logging_in;
mod outcomes;
mod recovery;
mod simulation;
mod viewing;
mod watching;
mod world;
