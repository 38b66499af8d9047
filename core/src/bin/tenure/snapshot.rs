//! `tenure snapshot`: a snapshot of a data directory, whether a server has it or not.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use tenure::engine::snapshots::save;
use tenure::log::snapshot::verify;
use tenure::server::control;

use crate::exit::Failure;
use crate::place;

/// Its options.
#[derive(Args)]
pub struct Snapshot {
    /// The data directory, of a running server or of none.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Copy the snapshot to this file, which must not exist yet.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

impl Snapshot {
    /// Takes it, and prints the file it is in.
    pub fn run(&self) -> Result<(), Failure> {
        place::directory(&self.directory)?;
        if let Some(to) = &self.to
            && to.exists()
        {
            return Err(Failure::error(format!("{} exists; name a new file", to.display())));
        }
        let name = match control::order(&self.directory, "snapshot")? {
            Some(taken) => taken.map_err(Failure::error)?,
            None => self.take()?,
        };
        let file = self.directory.join(name);
        match &self.to {
            None => println!("{}", file.display()),
            Some(to) => {
                copy(&file, to).map_err(|error| {
                    let (file, to) = (file.display(), to.display());
                    Failure::error(format!("{file} could not be copied to {to}: {error}"))
                })?;
                let (folder, name) = place::file(to)?;
                verify(&folder, &name)?;
                println!("{}", to.display());
            }
        }
        Ok(())
    }

    /// Takes it here, because no server has the directory.
    fn take(&self) -> Result<String, Failure> {
        let held = place::hold(&self.directory)?;
        let mut recovered = held.recover()?;
        let newest = recovered.snapshot.as_ref();
        let name = match newest.filter(|summary| summary.head.last == recovered.applied) {
            Some(newest) => newest.name.clone(),
            None => {
                let head = place::head(&recovered);
                save(&mut recovered.engine, &*held.disk, |_| head)?.name
            }
        };
        recovered.log.close().map_err(Failure::error)?;
        Ok(name)
    }
}

/// Copies a file, durably, for its owner only. It has its name when it is whole.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut aside = to.to_owned().into_os_string();
    aside.push(".aside");
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    let copied = io::copy(&mut File::open(from)?, &mut copy)
        .and_then(|_| copy.sync_all())
        .and_then(|()| std::fs::rename(&aside, to))
        .and_then(|()| File::open(place::folder(to))?.sync_all());
    if copied.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    copied
}
