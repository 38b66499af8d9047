//! The servers under measurement, each in a process of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tenure_tests::apache::Apache;

use crate::process;

/// A running server. Ends with this value.
pub struct Subject {
    name: &'static str,
    address: SocketAddr,
    start: Duration,
    process: Process,
}

enum Process {
    Child(Child),
    Apache(Apache),
}

impl Subject {
    /// tenure, as `tenure serve` starts it, with no limit on connections from one address.
    pub fn tenure() -> Result<Subject, String> {
        Subject::serve(&[], Stdio::inherit())
    }

    /// The same with everything in a directory.
    pub fn durable(directory: &Path, settings: &[&str]) -> Result<Subject, String> {
        let said = directory.with_extension("said");
        let fault = |error: std::io::Error| format!("{}: {error}", said.display());
        let errors = fs::File::create(&said).map_err(fault)?;
        let directory = directory.display().to_string();
        let settings = [&["--data", directory.as_str()], settings].concat();
        Subject::serve(&settings, errors.into())
            .map_err(|error| format!("{error}\n{}", fs::read_to_string(&said).unwrap_or_default()))
    }

    fn serve(settings: &[&str], errors: Stdio) -> Result<Subject, String> {
        let program = beside("tenure")?;
        let arguments = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--tick",
            "2000",
            "--max-connections-per-address",
            "0",
        ];
        let started = Instant::now();
        let arguments = [&arguments, settings].concat();
        let mut subject = Subject::child("tenure", program, &arguments, errors)?;
        if subject.word(b"ruok")? != "imok" {
            return Err("tenure does not answer ruok".to_owned());
        }
        subject.start = started.elapsed();
        Ok(subject)
    }

    /// The bare echo server, answering with this many bytes.
    pub fn echo(reply: usize) -> Result<Subject, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        Subject::child("echo", program, &["echo", &reply.to_string()], Stdio::inherit())
    }

    /// Apache ZooKeeper with the settings of a server that is to be fast.
    pub fn apache() -> Result<Subject, String> {
        if let Some(why) = tenure_tests::apache::missing() {
            return Err(why);
        }
        let extra = ["tickTime=2000", "maxClientCnxns=0"].map(str::to_owned);
        let apache = Apache::start_on(&["-Xms1g", "-Xmx1g"], &extra, false)?;
        Ok(Subject {
            name: "apache",
            address: apache.addr(),
            start: Duration::ZERO,
            process: Process::Apache(apache),
        })
    }

    /// The same, with its files in a folder, where they stay.
    pub fn apache_in(folder: &Path, is_synced: bool) -> Result<Subject, String> {
        if let Some(why) = tenure_tests::apache::missing() {
            return Err(why);
        }
        let extra = ["tickTime=2000", "maxClientCnxns=0"].map(str::to_owned);
        let sync = if is_synced { "yes" } else { "no" };
        let sync = format!("-Dzookeeper.forceSync={sync}");
        let started = Instant::now();
        let jvm = ["-XX:TieredStopAtLevel=4", "-Xmx3g", &sync];
        let apache = Apache::start_in(folder, &jvm, &extra)?;
        let start = started.elapsed();
        Ok(Subject {
            name: "apache",
            address: apache.addr(),
            start,
            process: Process::Apache(apache),
        })
    }

    /// How the tables call it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From the start of the process to its first answer, in milliseconds.
    pub fn start_millis(&self) -> f64 {
        self.start.as_secs_f64() * 1e3
    }

    /// CPU time used so far.
    pub fn cpu_time(&self) -> Duration {
        process::cpu_time(self.pid())
    }

    /// Bytes resident.
    pub fn resident(&self) -> u64 {
        process::resident(self.pid())
    }

    fn pid(&self) -> u32 {
        match &self.process {
            Process::Child(child) => child.id(),
            Process::Apache(apache) => apache.pid(),
        }
    }

    fn child(
        name: &'static str,
        program: PathBuf,
        arguments: &[&str],
        errors: Stdio,
    ) -> Result<Subject, String> {
        let mut child = Command::new(&program)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        }
        let address = line.trim().strip_prefix("listening on ").and_then(|at| at.parse().ok());
        let address = address.ok_or_else(|| format!("{name} said '{}'", line.trim()))?;
        Ok(Subject { name, address, start: Duration::ZERO, process: Process::Child(child) })
    }

    /// One of the figures it answers `mntr` with.
    pub fn metric(&self, name: &str) -> Result<f64, String> {
        let text = self.word(b"mntr")?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'));
        value
            .and_then(|value| value.trim().parse().ok())
            .ok_or_else(|| format!("no {name} in mntr"))
    }

    /// What it answers to a four-letter word.
    pub fn word(&self, word: &[u8; 4]) -> Result<String, String> {
        let mut text = String::new();
        let mut ask = || -> std::io::Result<()> {
            let mut stream = TcpStream::connect(self.address)?;
            stream.write_all(word)?;
            stream.read_to_string(&mut text)?;
            Ok(())
        };
        ask().map_err(|error| error.to_string())?;
        Ok(text)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if let Process::Child(child) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A program of the same build, built if it is not there.
fn beside(name: &str) -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = own.with_file_name(name);
    let mut build = Command::new("cargo");
    build.args(["build", "--quiet", "--package", "tenure", "--bin", name]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    match build.status() {
        Ok(status) if status.success() && program.exists() => Ok(program),
        _ => Err(format!("cannot build {}", program.display())),
    }
}
