//! `tenure import`: a data directory of Apache ZooKeeper becomes one of tenure.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tenure::apache::{self, ImportOptions, Progress};
use tenure::server::Founding;

use crate::exit::Failure;

/// From what to what.
#[derive(Args)]
pub struct Import {
    /// The directory that `dataDir` names in zoo.cfg, of a server that is stopped. It is only read.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The directory that `dataLogDir` names, if zoo.cfg has it.
    #[arg(long, value_name = "DIR")]
    log_dir: Option<PathBuf>,
    /// The data directory to make; it does not exist yet, or is empty.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Go on where transactions are missing or damaged, with what is there.
    #[arg(long)]
    accept_loss: bool,
}

impl Import {
    /// Imports, and prints the report.
    pub fn run(&self) -> Result<(), Failure> {
        // Known before minutes are spent on reading.
        let founding = Founding::at(&self.data)?;
        let options = ImportOptions {
            log_dir: self.log_dir.clone(),
            accept_loss: self.accept_loss,
            ..ImportOptions::default()
        };
        let bar = bar();
        let mut shown = String::new();
        let mut imported = apache::import(&self.from, &options, &mut |progress| {
            show(&bar, &mut shown, progress);
        })?;
        bar.set_message(format!("writing {}", self.data.display()));
        let summary = founding.with(&mut imported.engine)?;
        bar.finish_and_clear();
        print!("{}", imported.report);
        println!("wrote       {} ({} bytes)", self.data.display(), summary.bytes);
        Ok(())
    }
}

/// On standard error, and only where that is a terminal.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {msg}");
    ProgressBar::new(0).with_style(style.expect("the template is well formed"))
}

fn show(bar: &ProgressBar, shown: &mut String, progress: Progress<'_>) {
    if shown != progress.file {
        progress.file.clone_into(shown);
        bar.set_length(progress.bytes);
        bar.set_message(progress.file.to_owned());
    }
    bar.set_position(progress.done);
}
