//! A power cut without a plug: a file system of its own, told to forget what is not on its disk.
//!
//! The disk is a file behind a loop device. The shutdown call of ext4, made for this purpose, drops
//! everything that was not made durable; what is written from then on fails. Mounting again replays
//! the journal, as a machine does that comes back. It does not tear sectors and does not reorder what
//! one sync covers; the simulated disk of the core does that.
//!
//! All mounts are made in a mount namespace of this process, which takes them along when it ends, and
//! the loop devices with them.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Room for a few segments, a few snapshots and the journal.
const BYTES: u64 = 96 << 20;

/// How long a disk may be busy that nobody uses any more.
const PATIENCE: Duration = Duration::from_secs(10);

/// `EXT4_IOC_SHUTDOWN`, and its way of doing it that does not even flush the journal.
const SHUTDOWN: u32 = 0x8004_587d;
const NO_LOG_FLUSH: u32 = 2;

/// Says inside the namespace that it is one.
const INSIDE: &str = "TENURE_CRASH_NAMESPACE";

/// Why there can be no power cuts here; `None` if there can.
pub fn missing() -> Option<String> {
    if fs::metadata("/proc/self").map_or(1, |own| own.uid()) != 0 {
        return Some("needs root, to mount a file system of its own".to_owned());
    }
    if !Path::new("/dev/loop-control").exists() {
        return Some("there are no loop devices here".to_owned());
    }
    for (program, word) in [("mkfs.ext4", "-V"), ("unshare", "-V"), ("mount", "-V")] {
        if let Err(why) = run(program, &[word]) {
            return Some(why);
        }
    }
    run("unshare", &["--mount", "--propagation", "private", "true"]).err()
}

/// Runs this program again with mounts of its own; `None` if it has them already.
pub fn inside() -> Option<i32> {
    if std::env::var_os(INSIDE).is_some() {
        return None;
    }
    let own = std::env::current_exe().expect("a program knows where it is");
    let status = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "setpriv", "--pdeathsig", "KILL", "--"])
        .arg(own)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .status()
        .expect("unshare was there a moment ago");
    Some(status.code().unwrap_or(1))
}

/// A small disk with a file system.
#[derive(Debug)]
pub struct Disk {
    file: PathBuf,
    mounted_at: PathBuf,
    is_mounted: bool,
}

impl Disk {
    /// Makes a disk of the file and mounts it.
    ///
    /// # Errors
    /// What the system says.
    pub fn make(file: &Path, mounted_at: &Path) -> Result<Disk, String> {
        let told = |error| format!("{}: {error}", file.display());
        let image = File::create(file).map_err(told)?;
        image.set_len(BYTES).map_err(told)?;
        fs::create_dir_all(mounted_at).map_err(told)?;
        let lazy = "lazy_itable_init=0,lazy_journal_init=0,nodiscard";
        run("mkfs.ext4", &["-q", "-F", "-E", lazy, &file.to_string_lossy()])?;
        let (file, mounted_at) = (file.to_owned(), mounted_at.to_owned());
        let mut disk = Disk { file, mounted_at, is_mounted: false };
        disk.mount()?;
        Ok(disk)
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.mounted_at
    }

    /// The power goes: nothing gets onto the disk from now on.
    ///
    /// # Errors
    /// What the system says.
    pub fn cut(&self) -> Result<(), String> {
        let folder = File::open(&self.mounted_at)
            .map_err(|error| format!("{}: {error}", self.mounted_at.display()))?;
        shutdown(&folder).map_err(|error| format!("the shutdown call of ext4: {error}"))
    }

    /// The power comes back. Nobody may have a file of it open.
    ///
    /// # Errors
    /// What the system says.
    pub fn come_back(&mut self) -> Result<(), String> {
        self.unmount()?;
        self.mount()
    }

    fn mount(&mut self) -> Result<(), String> {
        let (file, at) = (self.file.to_string_lossy(), self.mounted_at.to_string_lossy());
        run("mount", &["-t", "ext4", "-o", "loop", &file, &at])?;
        self.is_mounted = true;
        Ok(())
    }

    /// A process that another thread is about to start holds all our files for a moment: while the
    /// disk is busy, this tries again.
    fn unmount(&mut self) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        let at = self.mounted_at.to_string_lossy().into_owned();
        while let Err(why) = run("umount", &[&at]) {
            if Instant::now() > end {
                return Err(why);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.is_mounted = false;
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted && self.unmount().is_err() {
            let _ = run("umount", &["--lazy", &self.mounted_at.to_string_lossy()]);
        }
    }
}

#[expect(unsafe_code, reason = "no safe crate has this call")]
fn shutdown(folder: &File) -> std::io::Result<()> {
    let how = NO_LOG_FLUSH;
    // SAFETY: the descriptor is open for the whole call, and the kernel reads four bytes at `how`,
    // which outlives it.
    let done = unsafe { libc::ioctl(folder.as_raw_fd(), SHUTDOWN.into(), &raw const how) };
    if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

fn run(program: &str, words: &[&str]) -> Result<(), String> {
    let done = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program} does not run: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(format!("{program} {}: {said}", words.join(" ")))
}
