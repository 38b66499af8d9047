//! Which ports there are, and which of them take TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use super::super::listener::{Door, Doors, Port};
use super::super::stream::Takes;
use super::ServerBuilder;
use crate::io::tls::{Acceptor, ServerTls, TlsError};

/// What was said about TLS.
#[derive(Clone, Debug, Default)]
pub(in crate::io::server) struct Secure {
    tls: Option<ServerTls>,
    listen: Option<SocketAddr>,
    on_same_port: bool,
    no_plain_port: bool,
}

impl Secure {
    /// Whether clients can prove themselves by certificates.
    pub(super) fn proves_clients(&self) -> bool {
        self.tls.as_ref().is_some_and(ServerTls::has_client_ca)
    }

    /// The same, with files that stay where they are when the process goes elsewhere.
    pub(super) fn absolute(&mut self) {
        self.tls = self.tls.as_ref().map(ServerTls::absolute);
    }

    /// Reads the files, if TLS is wanted and everything said about it fits together.
    pub(in crate::io::server) fn acceptor(&self) -> Result<Option<Arc<Acceptor>>, TlsError> {
        let is_wanted = self.listen.is_some() || self.on_same_port;
        match &self.tls {
            _ if self.no_plain_port && self.listen.is_none() => Err(TlsError::Unreachable),
            None if is_wanted => Err(TlsError::NoCertificate),
            None => Ok(None),
            Some(_) if !is_wanted => Err(TlsError::NoPort),
            Some(tls) => Ok(Some(Arc::new(Acceptor::new(tls.clone())?))),
        }
    }
}

impl ServerBuilder {
    /// A port of its own for connections that are TLS from their first byte; port 0 takes a free one. It
    /// needs [`ServerBuilder::tls`]. Default: none.
    pub fn listen_tls(mut self, address: SocketAddr) -> Self {
        self.secure.listen = Some(address);
        self
    }

    /// Gives up the plain port: who does not speak TLS does not reach this server. It needs
    /// [`ServerBuilder::listen_tls`]. Default: there is a plain port.
    pub fn without_plain_port(mut self) -> Self {
        self.secure.no_plain_port = true;
        self
    }

    /// What the server proves itself with, and what it asks of its clients. With a
    /// [CA for clients](ServerTls::client_ca), lists may name the scheme `x509`. The files are read at
    /// the start; a relative path is taken from where the process is then. Default: no TLS.
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.secure.tls = Some(tls);
        self
    }

    /// Whether the plain port takes TLS as well, told by the first byte a client sends. It needs
    /// [`ServerBuilder::tls`]. Whoever may reach the port may still speak plainly to it. Default: no.
    pub fn tls_on_same_port(mut self, yes: bool) -> Self {
        self.secure.on_same_port = yes;
        self
    }

    /// The ports, with what each takes.
    pub(in crate::io::server) fn doors(&self, acceptor: Option<&Arc<Acceptor>>) -> Doors {
        let port = |listen| Port { listen, backlog: self.backlog, keep_alive: self.keep_alive };
        let plain = match acceptor {
            Some(acceptor) if self.secure.on_same_port => Takes::Both(acceptor.clone()),
            _ => Takes::Plain,
        };
        let plain = Door { port: port(self.listen), takes: plain };
        let secure = self.secure.listen.zip(acceptor).map(|(listen, acceptor)| Door {
            port: port(listen),
            takes: Takes::Tls(acceptor.clone()),
        });
        Doors { plain: (!self.secure.no_plain_port).then_some(plain), secure }
    }

    /// The same settings for the ports that were bound.
    pub(in crate::io::server) fn at(mut self, bound: super::super::listener::Bound) -> Self {
        self.listen = bound.plain.unwrap_or(self.listen);
        self.secure.listen = bound.secure.or(self.secure.listen);
        self
    }

    /// Whether the plain port takes TLS as well.
    pub(in crate::io::server) fn is_on_same_port(&self) -> bool {
        self.secure.on_same_port
    }
}
