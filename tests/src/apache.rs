//! Apache ZooKeeper from Debian's package, started by hand on loopback.
//!
//! It keeps its files in a directory of its own that goes when the server goes, or in one that a test
//! names.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const JAR: &str = "/usr/share/java/zookeeper.jar";
const MAIN: &str = "org.apache.zookeeper.server.quorum.QuorumPeerMain";

/// A running Apache ZooKeeper.
#[derive(Debug)]
pub struct Apache {
    java: Child,
    addr: SocketAddr,
    folder: PathBuf,
    /// Whether the folder stays when the server goes.
    is_kept: bool,
}

/// Why there is no Apache ZooKeeper here; `None` if there is one.
pub fn missing() -> Option<String> {
    if !Path::new(JAR).exists() {
        return Some(format!("{JAR} is missing, install the package zookeeper"));
    }
    let java = Command::new("java").arg("-version").stderr(Stdio::null()).status();
    match java {
        Ok(status) if status.success() => None,
        _ => Some("java does not run, install a Java runtime".to_owned()),
    }
}

impl Apache {
    /// Starts a server with these extra lines of configuration and waits until it serves.
    ///
    /// # Errors
    /// What kept the server from serving.
    pub fn start(extra: &[String], extended_types: bool) -> Result<Apache, String> {
        Apache::start_on(&["-XX:TieredStopAtLevel=1", "-Xmx256m"], extra, extended_types)
    }

    /// The same on a virtual machine with these flags: tests want it up soon, benchmarks want it
    /// fast.
    ///
    /// # Errors
    /// What kept the server from serving.
    pub fn start_on(
        jvm: &[&str],
        extra: &[String],
        extended_types: bool,
    ) -> Result<Apache, String> {
        // Another process can take the port between its choice and Java's bind.
        let mut last = String::new();
        for _ in 0..5 {
            let folder = own_folder().map_err(|error| format!("no folder for Apache: {error}"))?;
            match Apache::try_start(jvm, extra, extended_types, (folder, false)) {
                Ok(apache) => return Ok(apache),
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    /// Starts a server with znodes that have a time to live on the files in `folder/data`, which stay
    /// when it goes. Dropping it kills it where it stands. It syncs nothing, unless a flag says
    /// otherwise.
    ///
    /// # Errors
    /// What kept the server from serving.
    pub fn start_in(folder: &Path, jvm: &[&str], extra: &[String]) -> Result<Apache, String> {
        fs::create_dir_all(folder.join("data"))
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let jvm = [&["-XX:TieredStopAtLevel=1", "-Xmx256m"], jvm].concat();
        Apache::try_start(&jvm, extra, true, (folder.to_owned(), true))
    }

    fn try_start(
        jvm: &[&str],
        extra: &[String],
        extended_types: bool,
        (folder, is_kept): (PathBuf, bool),
    ) -> Result<Apache, String> {
        let addr = free_address().map_err(|error| format!("no free port: {error}"))?;
        let config = folder.join("zoo.cfg");
        fs::write(&config, configuration(addr, &folder, extra))
            .map_err(|error| format!("{}: {error}", config.display()))?;
        let java = Command::new("java")
            .arg("-Xshare:auto")
            .arg(format!("-Dzookeeper.extendedTypesEnabled={extended_types}"))
            .args(["-Dzookeeper.forceSync=no", "-Dznode.container.checkIntervalMs=3600000"])
            // Of two settings of the same thing the last one counts.
            .args(jvm)
            .args(["-cp", JAR, MAIN])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("java does not start: {error}"))?;
        let mut apache = Apache { java, addr, folder, is_kept };
        apache.wait_until_serving()?;
        Ok(apache)
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The process that serves.
    pub fn pid(&self) -> u32 {
        self.java.id()
    }

    fn wait_until_serving(&mut self) -> Result<(), String> {
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            if let Ok(Some(status)) = self.java.try_wait() {
                return Err(format!("java ended with {status} before it served"));
            }
            if four_letter_word(self.addr, b"srvr").is_some_and(|text| text.contains("Mode:")) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err("Apache ZooKeeper does not serve within 60 s".to_owned())
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        let _ = self.java.kill();
        let _ = self.java.wait();
        if !self.is_kept {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// What a server answers to a four-letter word; `None` if it does not.
pub fn four_letter_word(addr: SocketAddr, word: &[u8; 4]) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&addr, Duration::from_secs(5)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    stream.write_all(word).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

fn configuration(addr: SocketAddr, folder: &Path, extra: &[String]) -> String {
    let mut lines = vec![
        format!("dataDir={}", folder.join("data").display()),
        format!("clientPort={}", addr.port()),
        format!("clientPortAddress={}", addr.ip()),
        "admin.enableServer=false".to_owned(),
        "4lw.commands.whitelist=*".to_owned(),
    ];
    lines.extend_from_slice(extra);
    lines.join("\n") + "\n"
}

fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn own_folder() -> std::io::Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder =
        std::env::temp_dir().join(format!("tenure-apache-{}-{number}", std::process::id()));
    fs::create_dir_all(folder.join("data"))?;
    Ok(folder)
}
