//! What it costs that nothing acknowledged is lost, beside a bare loop that appends and syncs the same
//! bytes on the same disk, and beside Apache ZooKeeper with its syncs on.

mod bare;
mod herd;
mod million;
mod pause;
mod writes;

use crate::folder::Folder;
use crate::goals::Goals;

/// What the durable benchmarks are told.
#[derive(Clone, Copy)]
pub struct Settings {
    /// How long each load runs, in each of the rounds.
    pub seconds: f64,
    /// Znodes that are recovered.
    pub znodes: usize,
    /// Whether Apache ZooKeeper is measured too.
    pub with_apache: bool,
}

/// Settings of a server that takes no snapshot on its own.
const NO_SNAPSHOTS: [&str; 4] =
    ["--snapshot-after-txns", "1000000000000", "--snapshot-after-bytes", "1000000000000"];

/// Measures everything and prints it.
pub fn run(settings: &Settings, goals: &mut Goals) -> Result<(), String> {
    let folder = Folder::new()?;
    println!(
        "durable: files in {}, medians of {} rounds\n",
        folder.path().display(),
        writes::ROUNDS
    );
    writes::run(&folder, settings, goals)?;
    herd::run(&folder, settings, goals)?;
    million::run(&folder, settings, goals)
}

/// The value in the middle.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The value that this part of sorted ones does not exceed.
fn at(sorted: &[f64], part: f64) -> f64 {
    let place = (sorted.len() as f64 * part) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
