//! Servers come and go without a trace. A file of its own with one test, because it counts the threads
//! of its process.

use std::net::TcpStream;

use tenure::server::Server;
use tenure_tests::session::Session;

fn threads() -> usize {
    let names = std::fs::read_dir("/proc/self/task").expect("threads are listed");
    let of_servers = |task: &std::fs::DirEntry| {
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        // The system keeps fifteen characters of a name.
        name.starts_with("tenure-")
    };
    names.flatten().filter(of_servers).count()
}

#[test]
fn servers_come_and_go_without_a_trace() {
    let first = Server::builder().start().expect("a free port");
    let second = Server::builder().workers(3).start().expect("another one");
    assert_ne!(first.port(), second.port());
    let mut here = Session::new(first.addr());
    let mut there = Session::new(second.addr());
    here.make("/here");
    assert!(there.exists("/here", false).is_err(), "two servers share nothing");
    assert_eq!(first.sessions(), [here.id()]);

    let address = first.addr();
    first.shutdown();
    assert!(here.is_cut(), "a connection outlives its server");
    assert!(TcpStream::connect(address).is_err(), "a port outlives its server");
    let again = Server::builder().listen(address).start().expect("the port is free at once");
    assert_eq!(again.addr(), address);
    drop(again);
    drop(second);

    // From inside somebody else's runtime too, where blocking is frowned upon.
    let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("a runtime");
    runtime.block_on(async {
        let server = Server::builder().start().expect("a free port");
        let mut session = Session::new(server.addr());
        session.ping();
        drop(server);
    });
    drop(runtime);
    assert_eq!(threads(), 0, "threads of servers that are gone");
}
