//! Values that a session binds to itself, for others to read while it lives.
//!
//! Where they are is decided at each call: in the session directory of the server the client is
//! connected to, or, with a server that has none, in ephemerals below a path that the program named.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::handle::Client;
use super::ops::Ops;
use super::session::{Session, States};
use super::shared::Shared;
use super::values::Value;
use super::view::View;
use crate::base::{Code, SessionId, path};
use crate::client::{Error, Result, State};
use crate::wire::Features;

/// Where sessions are listed by servers that do so.
const DIRECTORY: &str = "/zookeeper/sessions";

/// How often a value may be bound by somebody else between two looks.
const TRIES: usize = 8;

/// Where the values of one session are, on the server.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Place {
    folder: String,
    /// What comes before a name in the folder.
    prefix: String,
    is_directory: bool,
}

impl Place {
    /// # Errors
    /// `Invalid` if there is none.
    fn of(id: SessionId, features: Features, named: Option<&str>) -> Result<Place> {
        if features.has(Features::DIRECTORY) {
            let folder = format!("{DIRECTORY}/{id}/data");
            return Ok(Place { folder, prefix: String::new(), is_directory: true });
        }
        let Some(folder) = named else {
            let text = "the server keeps no session data; say where to put it with \
                        Builder::session_data_at";
            return Err(Error::Invalid(text.into()));
        };
        let folder = folder.to_owned();
        Ok(Place { folder, prefix: format!("{id}-"), is_directory: false })
    }

    /// # Errors
    /// `Invalid` for what is no name of a znode.
    fn path(&self, name: &str) -> Result<String> {
        let at = path::join(&self.folder, &format!("{}{name}", self.prefix));
        if name.is_empty() || name.contains('/') || path::validate(&at).is_err() {
            let text = format!("'{}' is no name for a value", name.escape_debug());
            return Err(Error::Invalid(text.into()));
        }
        Ok(at)
    }
}

impl Session {
    /// Binds a value to this session, or sets the one that is bound to the name: others read it, and
    /// it is gone with the session, in the same transaction.
    ///
    /// With a tenure server it is at `/zookeeper/sessions/<id>/data/<name>`, which nobody else can
    /// write. With any other it is an ephemeral `<id>-<name>` below
    /// [`Builder::session_data_at`](super::Builder::session_data_at), where everybody can. Both are
    /// paths on the server, whatever chroot this handle has. Waits for a first connection, for only
    /// that tells which server it is.
    ///
    /// The value belongs to this epoch and is not bound again in the next one. If it should be, bind
    /// it after each event with `is_new_session`. If the future is dropped, the value may still be
    /// bound; binding it again is harmless.
    ///
    /// # Errors
    /// `SessionLost` once the epoch is over. `Invalid` for a name that is empty, has a '/', or is no
    /// valid part of a path, and if the server keeps no session data and no path was named.
    /// `QuotaExceeded` if the session has bound as much as it may.
    pub async fn bind(&self, name: &str, value: impl Into<Bytes>) -> Result<()> {
        let place = self.place().await?;
        let (at, value) = (place.path(name)?, value.into());
        let root = Arc::from("");
        let ops = Ops::new(self.shared(), &root, Some(self.epoch()));
        let mut last = None;
        for _ in 0..TRIES {
            match ops.set(&at, value.clone(), None).await {
                Err(error) if error.is_no_node() => {}
                result => return result.map(drop),
            }
            let create = ops.create(&at, value.clone()).ephemeral();
            let create = if place.is_directory { create } else { create.parents() };
            match create.await {
                // Another call of this session was faster.
                Err(error) if error.code() == Some(Code::NodeExists) => last = Some(error),
                result => return result.map(drop),
            }
        }
        Err(last.unwrap_or(Error::Closed))
    }

    /// Takes back what [`Session::bind`] bound to a name. False if nothing is bound to it.
    ///
    /// If the future is dropped, it may still happen.
    ///
    /// # Errors
    /// As [`Session::bind`].
    pub async fn unbind(&self, name: &str) -> Result<bool> {
        let at = self.place().await?.path(name)?;
        let root = Arc::from("");
        match Ops::new(self.shared(), &root, Some(self.epoch())).delete(&at, None).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_no_node() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn place(&self) -> Result<Place> {
        await_connection(self.shared(), self).await;
        // A session that is over has no place, and asking for one says why.
        if self.id().is_none() {
            let over: Arc<str> = Arc::from("");
            Ops::new(self.shared(), &over, Some(self.epoch())).sync(path::ROOT).await?;
        }
        Place::of(self.id(), self.features(), self.shared().values_at.as_deref())
    }
}

impl Client {
    /// All values that a session, of whichever client, has bound to itself, by their names. Empty if
    /// it has none or does not live. Each is one read of its own; those that may not be read are left
    /// out.
    ///
    /// On servers without session data they are looked for where
    /// [`Builder::session_data_at`](super::Builder::session_data_at) of this client says. Waits for a
    /// first connection.
    ///
    /// # Errors
    /// `Invalid` if the server keeps no session data and no path was named; `NoAuth` if the list may
    /// not be read.
    pub async fn session_data(&self, id: SessionId) -> Result<BTreeMap<String, Value>> {
        let (shared, place) = (self.place().0, self.values_of(id).await?);
        let root = Arc::from("");
        let ops = Ops::new(shared, &root, None);
        let names = match ops.children(&place.folder).await {
            Ok(children) => children.names,
            Err(error) if error.is_no_node() => return Ok(BTreeMap::new()),
            Err(error) => return Err(error),
        };
        let asked: Vec<_> = names
            .iter()
            .filter_map(|name| Some((name.strip_prefix(&place.prefix)?, name)))
            .map(|(name, at)| (name.to_owned(), ops.get(&path::join(&place.folder, at))))
            .collect();
        let mut values = BTreeMap::new();
        for (name, value) in asked {
            match value.await {
                Ok(value) if value.stat.ephemeral_owner == id => drop(values.insert(name, value)),
                Err(error) if error.code().is_none() => return Err(error),
                // Unbound meanwhile, of somebody else, or not for this client's eyes.
                _ => {}
            }
        }
        Ok(values)
    }

    /// A view of one value that a session, of whichever client, has bound to itself; `None` while
    /// nothing is bound to the name, and once the session is over. See [`View`], and
    /// [`Client::session_data`] for where it looks. Waits for a first connection.
    ///
    /// # Errors
    /// `Invalid` as of [`Session::bind`].
    pub async fn session_data_view(
        &self,
        id: SessionId,
        name: &str,
    ) -> Result<View<Option<Value>>> {
        let at = self.values_of(id).await?.path(name)?;
        Ok(self.open_from_root(&at))
    }

    async fn values_of(&self, id: SessionId) -> Result<Place> {
        self.connected().await?;
        let (shared, _) = self.place();
        Place::of(id, self.session().features(), shared.values_at.as_deref())
    }
}

/// Waits until the session is connected for the first time, or over.
async fn await_connection(shared: &Shared, session: &Session) {
    let mut states = States::new(shared);
    while session.lease().state(shared.time.now()) == State::Connecting
        && states.next().await.is_some()
    {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_in_the_directory_or_below_the_path_that_was_named() {
        let id = SessionId(0x1_0000_0000_0007);
        let in_directory = Place::of(id, Features::DIRECTORY, Some("/app/s")).expect("a place");
        let expected = "/zookeeper/sessions/0x1000000000007/data/shard";
        assert_eq!(in_directory.path("shard").as_deref(), Ok(expected));
        let named = Place::of(id, Features::default(), Some("/app/s")).expect("a place");
        assert_eq!(named.path("shard").as_deref(), Ok("/app/s/0x1000000000007-shard"));
        assert!(matches!(Place::of(id, Features::ONCE, None), Err(Error::Invalid(_))));
    }

    #[test]
    fn what_is_no_name_never_leaves_the_process() {
        for features in [Features::DIRECTORY, Features::default()] {
            let place = Place::of(SessionId(7), features, Some("/s")).expect("a place");
            for name in ["", "a/b", "/", "nul\0"] {
                assert!(matches!(place.path(name), Err(Error::Invalid(_))), "{name:?}");
            }
        }
        let place = Place::of(SessionId(7), Features::DIRECTORY, None).expect("a place");
        assert!(place.path("..").is_err());
    }
}
