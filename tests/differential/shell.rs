//! Apache's command line sets, lists and lifts quotas here, as operators do it.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use tenure::server::Server;

const CLASSES: &str = "/usr/share/java/zookeeper.jar:/usr/share/java/commons-cli.jar";
const MAIN: &str = "org.apache.zookeeper.ZooKeeperMain";

/// What the command line prints for these commands, on both of its outputs.
fn shell(addr: SocketAddr, commands: &[&str]) -> String {
    let mut java = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-cp", CLASSES, MAIN, "-server", &addr.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("java starts");
    let mut stdin = java.stdin.take().expect("it is piped");
    for command in commands.iter().chain(&["quit"]) {
        writeln!(stdin, "{command}").expect("it reads its commands");
    }
    drop(stdin);
    let output = java.wait_with_output().expect("it ends");
    let texts = [output.stdout, output.stderr];
    texts.iter().map(|text| String::from_utf8_lossy(text)).collect()
}

#[test]
fn quotas_are_set_and_listed_by_the_command_line_of_apache() {
    if crate::apache_is_missing() {
        return;
    }
    let server = Server::builder().enforce_quota(true).start().expect("it starts");
    let said = shell(
        server.addr(),
        &[
            "create /app",
            "setquota -n 5 /app",
            "setquota -N 2 /app",
            "setquota -B 100 /app",
            "create /app/x hello",
            "create /app/y hello",
            "listquota /app",
            "set /zookeeper/quota/app/zookeeper_stats count=0,bytes=0",
            "delquota -N /app",
            "create /app/y hello",
            "listquota /app",
            "delquota /app",
            "ls /zookeeper/quota",
        ],
    );
    for expected in [
        "Created /app/x",
        "Output quota for /app count=5,bytes=-1=;byteHardLimit=100;countHardLimit=2",
        "Output stat for /app count=2,bytes=5",
        "Output quota for /app count=5,bytes=-1=;byteHardLimit=100;countHardLimit=-1",
        "Created /app/y",
        "Output stat for /app count=3,bytes=10",
    ] {
        assert!(said.contains(expected), "{expected} is missing in:\n{said}");
    }
    let refused = said.matches("Quota has exceeded : /app/y").count();
    assert_eq!(refused, 1, "by the hard limit:\n{said}");
    assert!(said.contains("/zookeeper/quota/app/zookeeper_stats"), "nobody sets it:\n{said}");
    assert!(said.trim_end().contains("[]"), "the quota is gone:\n{said}");
}
