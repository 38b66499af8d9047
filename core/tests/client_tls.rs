//! The client over TLS: whom it trusts, whom it does not, and what it sends to whom.

mod support;
mod tls;

use std::time::Duration;

use rcgen::ExtendedKeyUsagePurpose;
use support::eventually;
use tenure::server::{ClientAuth, Server, ServerTls};
use tenure::{Builder, Client, ClientTls, Error, Sasl, State};
use tls::{Authority, Certificate, Front, config};

fn server() -> Server {
    Server::builder().start().expect("a free port")
}

fn builder(hosts: &str, tls: ClientTls) -> Builder {
    Client::builder(hosts)
        .session_timeout(Duration::from_secs(6))
        .backoff(Duration::from_millis(20), Duration::from_millis(100))
        .shuffle_hosts(false)
        .tls(tls)
}

fn trusting(authority: &Authority) -> ClientTls {
    ClientTls::new().ca_file(authority.file())
}

/// What connecting failed with, which is distrust.
async fn distrust(hosts: &str, tls: ClientTls) -> String {
    match builder(hosts, tls).connect().await {
        Err(Error::Tls(reason)) => reason.to_string(),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it trusted {hosts}"),
    }
}

#[tokio::test]
async fn a_trusted_server_is_served_by_name_and_by_address() {
    let (server, authority) = (server(), Authority::new());
    for version in rustls::ALL_VERSIONS {
        let certificate = authority.issue(&["localhost", "127.0.0.1"]);
        let front = Front::with(server.addr(), config(&certificate, None, &[version]));
        for hosts in [front.by_name(), front.by_address()] {
            let client = builder(&hosts, trusting(&authority)).connect().await.expect("connects");
            let data = vec![b'x'; 900 << 10];
            client.ops().create("/big", data.clone()).await.expect("creates");
            // Many answers at once, each of many records.
            let reads: Vec<_> = (0..16).map(|_| client.ops().get("/big")).collect();
            for read in reads {
                assert_eq!(read.await.expect("reads").data, data);
            }
            client.ops().delete("/big", None).await.expect("deletes");
            assert_eq!(client.connect_failure(), None);
            client.close().await.expect("closes");
        }
    }
}

#[tokio::test]
async fn both_directions_are_full_at_the_same_time() {
    let (server, authority) = (server(), Authority::new());
    let front = Front::new(server.addr(), &authority.issue(&["localhost"]));
    let client = builder(&front.by_name(), trusting(&authority)).connect().await.expect("connects");
    let data = |number: u8| vec![number; 200 << 10];
    client.ops().create("/full", data(0)).await.expect("creates");
    let mut pending = Vec::new();
    for number in 0..48 {
        pending.push((
            number,
            client.ops().set("/full", data(number), None),
            client.ops().get("/full"),
        ));
    }
    for (number, set, get) in pending {
        set.await.expect("sets");
        assert_eq!(get.await.expect("reads").data, data(number), "in the order of the calls");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_the_servers_is_refused_and_nothing_is_sent() {
    let (server, authority, other) = (server(), Authority::new(), Authority::new());
    let long_ago = |certificate: &mut rcgen::CertificateParams| {
        certificate.not_before = rcgen::date_time_ymd(2001, 1, 1);
        certificate.not_after = rcgen::date_time_ymd(2002, 1, 1);
    };
    let cases: &[(&str, Certificate, &str)] = &[
        ("localhost", authority.issue(&["elsewhere"]), "not for localhost, but for "),
        ("localhost", authority.issue(&["127.0.0.1"]), "not for localhost"),
        ("127.0.0.1", authority.issue(&["127.0.0.2"]), "not for 127.0.0.1"),
        // No address is resolved to a name, for whoever answers for addresses could say any.
        ("127.0.0.1", authority.issue(&["localhost"]), "not for 127.0.0.1"),
        (
            "localhost",
            authority.issue_with(&[], |params| {
                params.distinguished_name.push(rcgen::DnType::CommonName, "localhost");
            }),
            "a common name does not count",
        ),
        ("localhost", authority.issue_with(&["localhost"], long_ago), "has expired"),
        (
            "localhost",
            authority.issue_with(&["localhost"], |params| {
                params.not_before = rcgen::date_time_ymd(4000, 1, 1);
            }),
            "not valid yet",
        ),
        ("localhost", other.issue(&["localhost"]), "not from a trusted authority"),
        ("localhost", authority.self_signed(&["localhost"]), "not from a trusted authority"),
        (
            "localhost",
            authority.issue_with(&["localhost"], |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            "not made for servers",
        ),
    ];
    for (host, certificate, reason) in cases {
        let front = Front::new(server.addr(), certificate);
        let said = distrust(&format!("{host}:{}", front.port()), trusting(&authority)).await;
        assert!(said.contains(reason), "{reason}: {said}");
        assert!(said.starts_with(&format!("{host}:{}: ", front.port())), "{said}");
        assert!(front.accepted() > 0);
        assert_eq!(front.plaintext(), 0, "{reason}");
    }
}

#[tokio::test]
async fn the_system_trusts_no_authority_of_a_test() {
    let (server, authority) = (server(), Authority::new());
    let front = Front::new(server.addr(), &authority.issue(&["localhost"]));
    match builder(&front.by_name(), ClientTls::new()).connect().await {
        Err(Error::Tls(reason)) => assert!(reason.contains("not from a trusted"), "{reason}"),
        Err(Error::Invalid(text)) => assert!(text.contains("trusts no certificate"), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn another_name_can_be_asked_for() {
    let (server, authority) = (server(), Authority::new());
    let front = Front::new(server.addr(), &authority.issue(&["keeper.example"]));
    let tls = trusting(&authority).server_name("keeper.example");
    builder(&front.by_address(), tls).connect().await.expect("connects");
    let said = distrust(&front.by_name(), trusting(&authority).server_name("other.example")).await;
    assert!(said.contains("not for other.example, but for"), "{said}");
}

#[tokio::test]
async fn a_client_proves_itself_where_that_is_required() {
    let (server, authority, other) = (server(), Authority::new(), Authority::new());
    for version in rustls::ALL_VERSIONS {
        let own = authority.issue(&["localhost"]);
        let front = Front::with(server.addr(), config(&own, Some(&authority), &[version]));
        let with = |certificate: Certificate| {
            trusting(&authority).client_cert(certificate.chain, certificate.key)
        };
        let good = with(authority.issue_client());
        let client = builder(&front.by_name(), good).connect().await.expect("connects");
        client.close().await.expect("closes");
        let sent = front.plaintext();
        let said = distrust(&front.by_name(), trusting(&authority)).await;
        assert!(said.contains("client certificate"), "{said}");
        let said = distrust(&front.by_name(), with(other.issue_client())).await;
        assert!(said.contains("refuses the client's certificate"), "{said}");
        assert_eq!(front.plaintext(), sent, "nothing of theirs was taken");
    }
}

#[tokio::test]
async fn a_good_host_is_found_behind_bad_and_silent_ones() {
    let (server, authority, other) = (server(), Authority::new(), Authority::new());
    let bad = Front::new(server.addr(), &other.issue(&["localhost"]));
    let good = Front::new(server.addr(), &authority.issue(&["localhost"]));
    // Takes connections, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("bound").port();
    let hosts = format!("{},localhost:{port},{}", bad.by_name(), good.by_name());
    let client = builder(&hosts, trusting(&authority))
        .connect_timeout(Duration::from_millis(300))
        .connect()
        .await
        .expect("connects");
    assert_eq!(client.state(), State::Connected);
    assert_eq!(bad.plaintext(), 0);
}

#[tokio::test]
async fn a_cut_connection_comes_back_with_the_session() {
    let (server, authority) = (server(), Authority::new());
    let front = Front::new(server.addr(), &authority.issue(&["localhost"]));
    let client = builder(&front.by_name(), trusting(&authority)).connect().await.expect("connects");
    let id = client.session().id();
    client.ops().create("/e", "").ephemeral().await.expect("creates");
    for round in 1..=3 {
        front.cut();
        assert!(client.ops().exists("/e").await.expect("reads").is_some());
        assert_eq!(client.session().id(), id);
        assert!(front.accepted() > round);
    }
}

#[tokio::test]
async fn files_are_read_again_for_every_connection() {
    let (server, authority, next) = (server(), Authority::new(), Authority::new());
    let front = Front::new(server.addr(), &authority.issue(&["localhost"]));
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("trusted.pem");
    std::fs::copy(authority.file(), &file).expect("copies");
    let tls = ClientTls::new().ca_file(&file);
    let client = builder(&front.by_name(), tls).connect().await.expect("connects");

    // A broken file changes nothing.
    std::fs::write(&file, "half a fi").expect("writes");
    front.cut();
    assert!(client.ops().exists("/").await.expect("reads").is_some());

    // A new authority is trusted, the old one no more.
    front.reconfigure(config(&next.issue(&["localhost"]), None, rustls::ALL_VERSIONS));
    front.cut();
    let distrusted = || client.connect_failure().is_some_and(|why| why.contains("not from a"));
    eventually("distrust", distrusted).await;
    std::fs::copy(next.file(), &file).expect("copies");
    assert!(client.ops().exists("/").await.expect("reads").is_some());
    assert_eq!(client.connect_failure(), None);
}

#[tokio::test]
async fn files_that_cannot_be_used_are_told_when_the_client_is_made() {
    let authority = Authority::new();
    let (own, other) = (authority.issue_client(), authority.issue_client());
    let invalid = |tls: ClientTls| match builder("localhost:1", tls).connect_lazy() {
        Err(Error::Invalid(text)) => text.into_owned(),
        other => panic!("{other:?}"),
    };
    let said = invalid(ClientTls::new().ca_file("/nowhere/ca.pem"));
    assert!(said.contains("/nowhere/ca.pem"), "{said}");
    let said = invalid(ClientTls::new().ca_file(&own.key));
    assert!(said.contains("holds no certificate"), "{said}");
    let said = invalid(trusting(&authority).client_cert(&own.chain, &other.key));
    assert!(said.contains("does not belong to"), "{said}");
    let said = invalid(trusting(&authority).server_name("no name"));
    assert!(said.contains("'no name'"), "{said}");
}

#[tokio::test]
async fn ports_that_speak_otherwise_are_named() {
    let (server, authority) = (server(), Authority::new());
    let secure = builder(&server.hosts(), trusting(&authority)).connect_lazy().expect("starts");
    let says = |client: &Client, text: &str| {
        client.connect_failure().is_some_and(|failure| failure.contains(text))
    };
    eventually("the wrong port", || says(&secure, "this is not its TLS port")).await;
    assert_eq!(secure.state(), State::Connecting, "and never without TLS");

    let front = Front::new(server.addr(), &authority.issue(&["localhost"]));
    let plain = Client::builder(front.by_name()).connect_lazy().expect("starts");
    eventually("the wrong port", || says(&plain, "wants TLS")).await;
}

#[tokio::test]
async fn each_round_of_distrust_is_told_to_who_waits() {
    let (server, authority, other) = (server(), Authority::new(), Authority::new());
    let front = Front::new(server.addr(), &other.issue(&["localhost"]));
    let client = builder(&front.by_name(), trusting(&authority)).connect_lazy().expect("starts");
    for _ in 0..3 {
        assert!(matches!(client.connected().await, Err(Error::Tls(_))));
    }
    front.reconfigure(config(&authority.issue(&["localhost"]), None, rustls::ALL_VERSIONS));
    while client.connected().await.is_err() {}
    assert_eq!(client.state(), State::Connected);
}

/// tenure's own server, which knows its clients by their certificates.
fn secure_server(authority: &Authority) -> Server {
    let own = authority.issue(&["localhost", "127.0.0.1"]);
    let tls = ServerTls::pem(own.chain, own.key).client_ca(authority.file());
    Server::builder()
        .tls(tls.client_auth(ClientAuth::Want))
        .listen_tls("127.0.0.1:0".parse().expect("an address"))
        .without_plain_port()
        .sasl_user("bob", "bob's secret")
        .start()
        .expect("a free port")
}

#[tokio::test]
async fn a_server_and_a_client_of_tenure_know_each_other() {
    let authority = Authority::new();
    let server = secure_server(&authority);
    let own = authority.issue_client();
    let tls = trusting(&authority).client_cert(own.chain, own.key);
    let user = Sasl::scram_sha256("bob", "bob's secret");
    let client = builder(&server.hosts(), tls).sasl(user).connect().await.expect("connects");
    let id = client.session().id();
    for _ in 0..2 {
        let known = client.ops().whoami().await.expect("answers");
        assert!(known.iter().any(|identity| identity.scheme == "x509"), "{known:?}");
        assert!(known.iter().any(|identity| identity.scheme == "sasl"), "{known:?}");
        assert!(server.drop_connection(id.0));
    }
    let data = vec![b'x'; 900 << 10];
    client.ops().create("/big", data.clone()).await.expect("creates");
    assert_eq!(client.ops().get("/big").await.expect("reads").data, data);
    assert_eq!(client.session().id(), id);

    // A session is ended over TLS as well.
    let credentials = client.detach().await.expect("detaches");
    let sweeper = builder(&server.hosts(), trusting(&authority));
    assert!(credentials.end_with(sweeper).await.expect("ends"));
    assert_eq!(server.sessions(), []);
}

#[tokio::test]
async fn a_wrong_password_over_tls_ends_the_client_too() {
    let authority = Authority::new();
    let server = secure_server(&authority);
    let guess = Sasl::digest_md5("bob", "guessed");
    let failed = builder(&server.hosts(), trusting(&authority)).sasl(guess).connect().await;
    assert!(matches!(failed, Err(Error::AuthFailed)), "{failed:?}");
}
