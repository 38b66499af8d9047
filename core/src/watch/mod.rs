//! Floor 2: watches, the registrations of connections that want to hear of changes.
//!
//! Local to one server process: never replicated, never stored, gone with their connection. A
//! client registers its watches again after a reconnect. Nothing here knows why a change happened or
//! who may hear of it; whoever calls [`WatchTable::fire`] filters what it delivers.
//!
//! What always holds:
//!
//! * W1 a path has an entry if and only if some connection watches it, and a connection has one if
//!   and only if it watches some path;
//! * W2 one-shot watches are gone once they have fired, heard or not;
//! * W3 a connection hears of one change of one znode once, whatever number of its watches match;
//!   what it hears of the parent's children is a second matter;
//! * W4 the counts and the sums of what is used are those of the entries.

mod fire;
pub mod table;
pub mod usage;

pub use table::{Counts, Page, Registration, WatchTable};
pub use usage::{Ceilings, Full, Usage};

#[cfg(test)]
mod tests;
