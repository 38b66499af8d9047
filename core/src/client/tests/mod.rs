//! The session machine against a server that the test plays, on a clock that the test turns.

mod closing;
mod connections;
mod fresh;
mod greeting;
mod logging_in;
mod model;
mod numbered;
mod outcomes;
mod recovery;
mod registering;
mod simulation;
mod viewing;
mod watching;
mod world;
