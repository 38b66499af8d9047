//! A registry of services: who offers what, and where.
//!
//! | znode | mode | data |
//! |---|---|---|
//! | `<path>/<service>` | persistent, made when it is missing | none |
//! | `<path>/<service>/<id>` | ephemeral | an instance: bytes, or a JSON object |
//!
//! The layout is that of Curator's x-discovery, and [`Instance::json`] writes its fields. What stands in
//! an instance is handed to readers as it is.
//!
//! Promised: an instance is there while its session lives, and again in the client's next session; an
//! id that another session has announced is waited for, never overwritten. Not promised: that an instance
//! answers.

use std::collections::BTreeMap;
use std::fmt::Write;

use bytes::Bytes;

use super::line::patiently;
use super::listing::Listing;
use super::names::{self, child};
use super::presence::Presence;
use crate::client::{Error, Result};
use crate::io::client::Client;

/// The services below one path. Cheap to make and to clone.
#[derive(Clone, Debug)]
pub struct ServiceRegistry {
    client: Client,
    path: String,
}

/// An instance of a service, as Curator describes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Instance {
    /// Which service.
    pub service: String,
    /// Which instance; see [`Instance::new`].
    pub id: String,
    /// The host or address it listens on.
    pub address: Option<String>,
    /// The port it listens on.
    pub port: Option<u16>,
    /// The port it listens on with TLS.
    pub ssl_port: Option<u16>,
    /// More about it: any JSON value, as text.
    pub payload: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub registered_at: i64,
}

/// An announced instance. It is there in every session of the client until it is withdrawn, and keeps
/// the client open. Dropping it withdraws it in the background.
#[derive(Debug)]
#[must_use = "an instance is withdrawn when this is dropped"]
pub struct Announcement {
    presence: Presence,
}

impl Client {
    /// The services below `path`.
    pub fn services(&self, path: &str) -> ServiceRegistry {
        ServiceRegistry { client: self.clone(), path: path.to_owned() }
    }
}

impl ServiceRegistry {
    /// Announces an instance with the data that Curator's clients read, and waits until it is there.
    ///
    /// # Errors
    /// As [`ServiceRegistry::announce_bytes`].
    pub async fn announce(&self, instance: &Instance) -> Result<Announcement> {
        self.announce_bytes(&instance.service, &instance.id, instance.json()).await
    }

    /// The same with data of any kind. If another session has announced this id, it waits until that
    /// is gone.
    ///
    /// # Errors
    /// `Invalid` for names that are empty or have a slash; what the server answers; what finished the
    /// client.
    pub async fn announce_bytes(
        &self,
        service: &str,
        id: &str,
        data: impl Into<Bytes>,
    ) -> Result<Announcement> {
        let path = child(&self.service_path(service)?, checked(id)?);
        let presence = Presence::new(&self.client, &path, data.into());
        presence.ready().await?;
        Ok(Announcement { presence })
    }

    /// The names of the services that were ever announced.
    ///
    /// # Errors
    /// What reads fail with.
    pub async fn services(&self) -> Result<Vec<String>> {
        self.children(&self.path).await
    }

    /// The instances of a service at the moment: data by id.
    ///
    /// # Errors
    /// What reads fail with.
    pub async fn instances(&self, service: &str) -> Result<BTreeMap<String, Bytes>> {
        let path = self.service_path(service)?;
        let (ids, ops) = (self.children(&path).await?, self.client.ops());
        let reads: Vec<_> = ids.into_iter().map(|id| (ops.get(&child(&path, &id)), id)).collect();
        let mut instances = BTreeMap::new();
        for (read, id) in reads {
            match read.await {
                Ok(value) => drop(instances.insert(id, value.data)),
                Err(error) if error.is_no_node() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(instances)
    }

    /// The ids of the instances of a service, and every change of them.
    ///
    /// # Errors
    /// `Invalid` for a name that is empty or has a slash.
    pub fn listing(&self, service: &str) -> Result<Listing> {
        Ok(Listing::new(&self.client, &self.service_path(service)?))
    }

    fn service_path(&self, service: &str) -> Result<String> {
        Ok(child(&self.path, checked(service)?))
    }

    async fn children(&self, path: &str) -> Result<Vec<String>> {
        let children = || self.client.ops().children(path);
        match patiently(&self.client, children(), children).await {
            Ok(mut children) => {
                children.names.sort();
                Ok(children.names)
            }
            Err(error) if error.is_no_node() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

impl Announcement {
    /// Waits until the instance is there again, if its session has ended.
    ///
    /// # Errors
    /// What the server answers; what finished the client.
    pub async fn ready(&self) -> Result<()> {
        self.presence.ready().await
    }

    /// Withdraws it, and waits until it is gone. Goes on if the future is dropped.
    pub async fn withdraw(self) {
        self.presence.end().await;
    }
}

impl Instance {
    /// An instance with an id that nobody else has.
    ///
    /// # Errors
    /// `Invalid` if the system has no randomness.
    pub fn new(service: &str) -> Result<Instance> {
        let id = names::guid()?;
        Ok(Instance { service: service.to_owned(), id, ..Instance::default() })
    }

    /// The JSON object that Curator's `JsonInstanceSerializer` reads.
    pub fn json(&self) -> String {
        let port = |port: Option<u16>| port.map_or("null".to_owned(), |port| port.to_string());
        let address = self.address.as_deref().map_or("null".to_owned(), quoted);
        let fields = [
            ("name", quoted(&self.service)),
            ("id", quoted(&self.id)),
            ("address", address),
            ("port", port(self.port)),
            ("sslPort", port(self.ssl_port)),
            ("payload", self.payload.clone().unwrap_or("null".to_owned())),
            ("registrationTimeUTC", self.registered_at.to_string()),
            ("serviceType", quoted("DYNAMIC")),
            ("uriSpec", "null".to_owned()),
        ];
        let fields: Vec<_> =
            fields.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    }
}

/// A string as JSON has it.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

fn checked(name: &str) -> Result<&str> {
    if name.is_empty() || name.contains('/') {
        return Err(Error::Invalid(
            "the name of a service or instance is one part of a path".into(),
        ));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_written_as_curator_writes_it() {
        let instance = Instance {
            service: "db".into(),
            id: "one\"\n".into(),
            address: Some("10.0.0.7".into()),
            port: Some(5432),
            payload: Some("{\"role\":\"primary\"}".into()),
            ..Instance::default()
        };
        assert_eq!(
            instance.json(),
            "{\"name\":\"db\",\"id\":\"one\\\"\\u000a\",\"address\":\"10.0.0.7\",\"port\":5432,\
             \"sslPort\":null,\"payload\":{\"role\":\"primary\"},\"registrationTimeUTC\":0,\
             \"serviceType\":\"DYNAMIC\",\"uriSpec\":null}"
        );
    }
}
