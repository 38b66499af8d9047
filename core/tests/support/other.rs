//! Another process of the same test program, which can be stopped and killed.
//!
//! It runs one test of the program, which finds its role here and plays it. Lines go both ways; what
//! the test harness itself prints is left out.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Where the role stands.
const ROLE: &str = "TENURE_TEST_ROLE";

/// What begins each line that is said, behind whatever stands on the line already.
const SAID: &str = "said: ";

/// The role that this process has to play: the hosts to connect to, and what to be. `None` in the
/// process that runs the tests.
pub fn role() -> Option<(String, String)> {
    let role = std::env::var(ROLE).ok()?;
    let (hosts, name) = role.split_once(' ').unwrap();
    Some((hosts.to_owned(), name.to_owned()))
}

/// Says a line to the process that runs the tests.
pub fn say(line: &str) {
    println!("\n{SAID}{line}");
}

/// A process that plays a role. It is killed with this value.
pub struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Starts this program with nothing but the test `part`, for a role.
    pub fn start(part: &str, hosts: &str, name: &str) -> Other {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", part, "--nocapture", "--test-threads=1"])
            .env(ROLE, format!("{hosts} {name}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Other { child, lines }
    }

    /// The next line it says.
    pub fn said(&mut self) -> String {
        for line in &mut self.lines {
            if let Some(said) = line.unwrap().strip_prefix(SAID) {
                return said.to_owned();
            }
        }
        panic!("it ended without a word");
    }

    /// Writes it a line, which waits for it if it is stopped.
    pub fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Sends it a signal, such as `-STOP`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success(), "{signal} is not sent");
    }

    /// SIGKILL, and until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
