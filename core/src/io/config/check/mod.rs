//! Whether settings agree with each other, and with what is outside: names that have to be resolved,
//! directories, files. Nothing is made or changed.

mod directory;
mod identity;
mod tls;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;

use super::table::{
    LISTEN, LISTEN_TLS, MAX_SESSION_TIMEOUT, MIN_SESSION_TIMEOUT, TABLE, TICK, WORDS,
};
use super::value::{EVERYWHERE, NO_PORT};
use super::{Config, Origin};
use crate::base::limits;
use crate::service::words::Allowed;

impl Config {
    /// What can be seen from the settings alone.
    pub(super) fn check_together(&mut self) {
        self.check_timeouts();
        self.check_ports();
        self.check_need_of_directory();
        self.check_tls();
        self.check_identity();
        self.check_words();
    }

    /// What can be seen outside.
    pub(super) fn check_outside(&mut self) {
        for setting in [&LISTEN, &LISTEN_TLS] {
            if let Some(text) =
                self.text(setting).filter(|text| *text != NO_PORT).map(str::to_owned)
                && let Err(why) = resolve(&text)
            {
                let origin = self.origin(setting);
                self.problems.error(&origin, format!("{}: {text}: {why}", origin.key()));
            }
        }
        self.check_secrets();
        self.choose_directory();
        self.check_audit();
        self.read_keys();
        self.read_users();
        self.problems.sort();
    }

    fn check_timeouts(&mut self) {
        let tick = self.number(&TICK).unwrap_or(limits::TICK.as_millis() as u64);
        let ticks = |count: u32| tick.saturating_mul(u64::from(count));
        let least = self.number(&MIN_SESSION_TIMEOUT);
        let most = self.number(&MAX_SESSION_TIMEOUT);
        let (low, high) = (
            least.unwrap_or(ticks(limits::MIN_SESSION_TICKS)),
            most.unwrap_or(ticks(limits::MAX_SESSION_TICKS)),
        );
        if low <= high {
            return;
        }
        let whose = if most.is_some() { &MAX_SESSION_TIMEOUT } else { &MIN_SESSION_TIMEOUT };
        let origin = self.origin(whose);
        let of = |given: Option<u64>, count: u32| match given {
            Some(_) => String::new(),
            None => format!(" ({count} ticks of {tick} ms)"),
        };
        let text = format!(
            "{}: the shortest session timeout, {low} ms{}, is longer than the longest, {high} ms{}; \
             raise the one or lower the other",
            origin.key(),
            of(least, limits::MIN_SESSION_TICKS),
            of(most, limits::MAX_SESSION_TICKS),
        );
        self.problems.error(&origin, text);
    }

    fn check_words(&mut self) {
        let Some(list) = self.text(&WORDS) else { return };
        if let Err(error) = Allowed::parse(list) {
            let origin = self.origin(&WORDS);
            self.problems.error(&origin, format!("{}: {error}", origin.key()));
        }
    }

    fn check_ports(&mut self) {
        let port =
            |text: &str| text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        let plain = self.text(&LISTEN).map(str::to_owned);
        let secure = self.text(&LISTEN_TLS).map(str::to_owned);
        match (plain.as_deref(), secure.as_deref()) {
            (Some(NO_PORT), None) => {
                let origin = self.origin(&LISTEN);
                let text = format!("{}: there is no port for TLS either; name one", origin.key());
                self.problems.error(&origin, text);
            }
            (Some(plain), Some(secure)) if port(plain).is_some() && port(plain) == port(secure) => {
                // Port 0 stands for any that is free.
                if port(plain) == Some(0) || !share_a_host(plain, secure) {
                    return;
                }
                let origin = self.origin(&LISTEN_TLS);
                let text = format!(
                    "{}: {secure} is where plain connections are taken too ({}); choose another port",
                    origin.key(),
                    self.origin(&LISTEN)
                );
                self.problems.error(&origin, text);
            }
            _ => {}
        }
    }

    /// A file with a secret is not for everybody.
    fn check_secrets(&mut self) {
        let secrets = TABLE.iter().filter(|setting| setting.is_secret);
        let given = secrets.filter_map(|setting| self.given(setting)).find_map(|given| {
            let Origin::File { file, .. } = &given.origin else { return None };
            Some((file.clone(), given.origin.clone()))
        });
        if let Some((file, origin)) = given {
            self.warn_if_readable(Path::new(&*file), &origin, "a secret");
        }
    }

    /// What a file holds that is not for everybody.
    fn warn_if_readable(&mut self, file: &Path, origin: &Origin, what: &str) {
        use std::os::unix::fs::PermissionsExt;
        let Ok(about) = file.metadata() else { return };
        if about.permissions().mode() & 0o004 != 0 {
            let shown = file.display();
            let text = format!(
                "{shown} holds {what} and everybody on this machine can read it: chmod o= {shown}"
            );
            self.problems.warn(origin, text);
        }
    }
}

/// Whether two addresses cannot be listened to on the same port.
fn share_a_host(one: &str, other: &str) -> bool {
    let host = |text: &str| text.rsplit_once(':').map(|(host, _)| host.to_owned());
    let is_all = |text: &str| ["0.0.0.0:", "[::]:", "*:"].iter().any(|all| text.starts_with(all));
    is_all(one) || is_all(other) || host(one) == host(other)
}

/// IPv6's takes connections over IPv4 too; a machine may have been told to do without.
fn every_interface() -> IpAddr {
    use socket2::{Domain, Socket, Type};
    match Socket::new(Domain::IPV6, Type::STREAM, None) {
        Ok(_) => Ipv6Addr::UNSPECIFIED.into(),
        Err(_) => Ipv4Addr::UNSPECIFIED.into(),
    }
}

/// The address that text stands for; of several the first.
pub(super) fn resolve(text: &str) -> Result<SocketAddr, String> {
    if let Some(port) = text.strip_prefix(EVERYWHERE).and_then(|rest| rest.strip_prefix(':')) {
        let port = port.parse().map_err(|_| "the port is none".to_owned())?;
        return Ok(SocketAddr::new(every_interface(), port));
    }
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let mut found = text.to_socket_addrs().map_err(|error| {
        format!("the name cannot be resolved ({error}); write a numeric address")
    })?;
    found.next().ok_or_else(|| "the name has no address; write a numeric address".to_owned())
}
