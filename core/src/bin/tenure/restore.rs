//! `tenure restore`: a new data directory out of a snapshot.

use std::path::PathBuf;

use clap::Args;
use tenure::engine::snapshots::load;
use tenure::engine::{EngineOptions, Rules};
use tenure::server::Founding;

use crate::exit::Failure;
use crate::place;
use crate::verify::counted;

/// Its options.
#[derive(Args)]
pub struct Restore {
    /// The snapshot.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The directory to make; it must be empty or not exist.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

impl Restore {
    /// Reads all of the snapshot before anything is made.
    pub fn run(&self) -> Result<(), Failure> {
        let founding = Founding::at(&self.data)?;
        let (folder, name) = place::file(&self.from)?;
        let (mut engine, from) = load(&folder, &name, EngineOptions::default())?;
        // Clients may have seen what came after this snapshot. In a new epoch no zxid of theirs is
        // given again, and none of them is ahead of the server.
        engine.begin(engine.epoch() + 1, Rules::default());
        let made = founding.with(&mut engine)?;
        println!(
            "{} holds {} and {} as of zxid {}, and goes on behind {}",
            self.data.display(),
            counted(engine.node_count() as u64, "znode", "znodes"),
            counted(engine.registry().len() as u64, "session", "sessions"),
            from.head.zxid,
            made.head.zxid
        );
        Ok(())
    }
}
