//! `tenure export`: a data directory of tenure becomes one of Apache ZooKeeper.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tenure::apache;

use crate::exit::Failure;
use crate::place;

/// From what to what.
#[derive(Args)]
pub struct Export {
    /// The data directory of a tenure server that is stopped.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The data directory to make for Apache ZooKeeper; it does not exist yet, or is empty.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

impl Export {
    /// Exports, and prints the report.
    pub fn run(&self) -> Result<(), Failure> {
        let held = place::hold(&self.data)?;
        let engine = held.recover()?.engine;
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} znodes");
        let bar = ProgressBar::new(0).with_style(style.expect("the template is well formed"));
        let report = apache::export(&engine, &self.to, &mut |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        })?;
        bar.finish_and_clear();
        print!("{report}");
        Ok(())
    }
}
