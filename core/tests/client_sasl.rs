//! Users who prove themselves by SASL, client and server, over real sockets.

mod support;

use std::time::Duration;

use support::{Proxy, eventually};
use tenure::server::Server;
use tenure::{Acl, Builder, Client, CreateMode, Error, Identity, LossReason, Perms, Sasl, State};

const AUTH: i32 = 100;
const SASL: i32 = 102;

fn server() -> Server {
    Server::builder().sasl_user("bob", "bob's secret").start().expect("a free port")
}

fn builder(hosts: &str) -> Builder {
    Client::builder(hosts)
        .session_timeout(Duration::from_secs(6))
        .backoff(Duration::from_millis(20), Duration::from_millis(100))
}

fn both(user: &str, password: &str) -> [Sasl; 2] {
    [Sasl::digest_md5(user, password), Sasl::scram_sha256(user, password)]
}

fn of_bob() -> Identity {
    Identity { scheme: "sasl".into(), id: "bob".into() }
}

#[tokio::test]
async fn p76_a_proven_user_is_an_identity_that_lists_can_name() {
    let server = server();
    for (number, sasl) in both("bob", "bob's secret").into_iter().enumerate() {
        let client = builder(&server.hosts()).sasl(sasl).connect().await.expect("connects");
        assert!(client.ops().whoami().await.expect("answers").contains(&of_bob()));
        let acl = vec![Acl { perms: Perms::ALL, id: of_bob() }];
        let path = format!("/{number}");
        client.ops().create(&path, "mine").acl(acl).await.expect("creates");
        assert_eq!(client.ops().get(&path).await.expect("reads").data, "mine");
        let stranger = builder(&server.hosts()).connect().await.expect("connects");
        let refused = stranger.ops().get(&path).await.expect_err("another's");
        assert_eq!(refused.code(), Some(tenure::Code::NoAuth));
    }
}

#[tokio::test]
async fn it_comes_first_on_every_connection() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    for sasl in both("bob", "bob's secret") {
        let before = proxy.frames().len();
        let client = builder(&proxy.hosts())
            .sasl(sasl)
            .auth("digest", "a:b")
            .connect()
            .await
            .expect("connects");
        client.ops().create("/e", "").mode(CreateMode::Ephemeral).await.expect("creates");
        let id = client.session().id();
        for _ in 0..2 {
            proxy.cut();
            assert!(client.ops().whoami().await.expect("answers").contains(&of_bob()));
        }
        assert_eq!(client.session().id(), id);
        client.close().await.expect("closes");
        let frames = &proxy.frames()[before..];
        let first = frames[0].connection;
        for connection in first..first + 3 {
            let ops: Vec<i32> = frames
                .iter()
                .filter(|frame| frame.connection == connection)
                .map(|frame| frame.op)
                .collect();
            assert_eq!(ops[..4], [0, SASL, SASL, AUTH], "{ops:?}");
        }
    }
}

#[tokio::test]
async fn p77_a_wrong_password_or_user_ends_the_client() {
    let server = server();
    let wrong = both("bob", "guessed").into_iter().chain(both("nobody", "bob's secret"));
    for sasl in wrong {
        let failed = builder(&server.hosts()).sasl(sasl.clone()).connect().await;
        assert!(matches!(failed, Err(Error::AuthFailed)), "{failed:?}");
        let client = builder(&server.hosts()).sasl(sasl).connect_lazy().expect("starts");
        let operation = client.ops().get("/").await.expect_err("nothing is asked");
        assert!(matches!(
            operation,
            Error::SessionLost { reason: LossReason::AuthFailed, sent: false, .. }
                | Error::AuthFailed
        ));
        eventually("the end", || client.state() == State::Lost(LossReason::AuthFailed)).await;
    }
}

#[tokio::test]
async fn a_server_without_users_cannot_be_taken_for_one_that_knows_the_password() {
    let server = Server::builder().start().expect("a free port");
    for sasl in both("bob", "bob's secret") {
        let failed = builder(&server.hosts()).sasl(sasl).connect().await;
        assert!(matches!(failed, Err(Error::AuthFailed)), "{failed:?}");
    }
}

#[tokio::test]
async fn the_same_name_written_in_two_ways_is_the_same_user() {
    let server = Server::builder().sasl_user("jürgen", "pässword").start().expect("a free port");
    for sasl in both("jürgen", "pässword") {
        builder(&server.hosts()).sasl(sasl).connect().await.expect("connects");
    }
    // The umlauts as letters with marks, which some keyboards make.
    let apart = Sasl::scram_sha256("ju\u{308}rgen", "pa\u{308}ssword");
    builder(&server.hosts()).sasl(apart).connect().await.expect("connects");
}
