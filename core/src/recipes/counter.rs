//! A number that many may change.
//!
//! | znode | mode | data |
//! |---|---|---|
//! | `<path>` | persistent, made when it is missing | the number as decimal text; none is 0 |
//!
//! The layout is kazoo's `Counter` with whole numbers. Curator's `SharedCount` stores four bytes
//! instead.
//!
//! Promised: no change is lost, for each is made to the version that was read. Who adds competes with
//! all others: for a number that changes a thousand times a second this is the wrong place.

use super::line::{make_parents, patiently};
use super::trouble::{Trouble, settle};
use crate::base::Code;
use crate::client::{Error, Result};
use crate::io::client::{Client, OneShot, Value};

/// A number. Cheap to make and to clone; holds nothing itself.
#[derive(Clone, Debug)]
pub struct Counter {
    client: Client,
    path: String,
}

impl Client {
    /// The number at `path`, which is 0 until it is changed.
    pub fn counter(&self, path: &str) -> Counter {
        Counter { client: self.clone(), path: path.to_owned() }
    }
}

impl Counter {
    /// The number.
    ///
    /// # Errors
    /// `Invalid` if something else stands there; what reads fail with.
    pub async fn get(&self) -> Result<i64> {
        match self.client.ops().get(&self.path).await {
            Ok(value) => number(&value),
            Err(error) if error.is_no_node() => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Adds `by`, which may be negative, and returns the sum.
    ///
    /// # Errors
    /// `Invalid` if the sum is more than an `i64` holds. What the write fails with: if its outcome is
    /// unknown nobody can tell whether it was counted, so it is not tried again.
    pub async fn add(&self, by: i64) -> Result<i64> {
        loop {
            let (before, version) = self.read().await?;
            let after = before
                .checked_add(by)
                .ok_or(Error::Invalid("the counter would leave its range".into()))?;
            if self.write(after, Some(version)).await? {
                return Ok(after);
            }
        }
    }

    /// Sets the number, whatever it was.
    ///
    /// # Errors
    /// What the write fails with.
    pub async fn set(&self, number: i64) -> Result<()> {
        loop {
            match self.write(number, None).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_no_node() => make_parents(&self.client, &self.path).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Sets the number to `new` if it is `expected`; says whether it was.
    ///
    /// # Errors
    /// As [`Counter::add`].
    pub async fn compare_and_set(&self, expected: i64, new: i64) -> Result<bool> {
        loop {
            let (before, version) = self.read().await?;
            if before != expected {
                return Ok(false);
            }
            // Somebody was faster, perhaps with the same number.
            if self.write(new, Some(version)).await? {
                return Ok(true);
            }
        }
    }

    /// The number and every change of it.
    pub fn view(&self) -> CounterView {
        CounterView { counter: self.clone(), known: None, watch: None }
    }

    /// The number and its version; makes the znode.
    async fn read(&self) -> Result<(i64, i32)> {
        loop {
            match self.client.ops().get(&self.path).await {
                Ok(value) => return Ok((number(&value)?, value.stat.version)),
                Err(error) if error.is_no_node() => make_parents(&self.client, &self.path).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// False if the version is another by now.
    async fn write(&self, number: i64, version: Option<i32>) -> Result<bool> {
        match self.client.ops().set(&self.path, number.to_string(), version).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some(Code::BadVersion) => Ok(false),
            // Deleted in between: it starts again from nothing.
            Err(error) if error.is_no_node() && version.is_some() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// A number as it changes.
///
/// It reads when it is asked: numbers that pass while nobody asks are not seen.
#[derive(Debug)]
pub struct CounterView {
    counter: Counter,
    known: Option<i64>,
    watch: Option<OneShot>,
}

impl CounterView {
    /// The number: the first time as it is, then each time when it differs from the last. Goes on over
    /// lost connections and over sessions; dropping the future loses nothing.
    ///
    /// # Errors
    /// `Invalid` if something else stands there; what reads fail with for good; what finished the
    /// client. It can be asked again.
    pub async fn changed(&mut self) -> Result<i64> {
        let (client, path) = (&self.counter.client, &self.counter.path);
        loop {
            if let Some(watch) = &mut self.watch {
                let event = watch.await;
                self.watch = None;
                match event {
                    Ok(_) | Err(Error::WatchRemoved) => {}
                    Err(error) => settle(client, error).await?,
                }
            }
            // The watch is left before the read, so that no change falls between them.
            let exists = || client.ops().exists_and_watch(path);
            let get = || client.ops().get(path);
            let (look, read) = (exists(), get());
            let watch = match patiently(client, look, exists).await {
                Ok((_, watch)) => watch,
                Err(error) => {
                    settle(client, error).await?;
                    continue;
                }
            };
            let now = match patiently(client, read, get).await {
                Ok(value) => number(&value)?,
                Err(error) if error.is_no_node() => 0,
                Err(error) if Trouble::of(&error) == Trouble::Lasting => return Err(error),
                Err(error) => {
                    settle(client, error).await?;
                    continue;
                }
            };
            self.watch = Some(watch);
            if self.known != Some(now) {
                self.known = Some(now);
                return Ok(now);
            }
        }
    }
}

fn number(value: &Value) -> Result<i64> {
    let text = std::str::from_utf8(&value.data).ok().map(str::trim);
    match text {
        Some("") => Ok(0),
        text => text
            .and_then(|text| text.parse().ok())
            .ok_or(Error::Invalid("no whole number stands where the counter is".into())),
    }
}
