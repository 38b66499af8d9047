//! Takes part in recipes as told line by line on standard input, and answers each line with one.
//!
//! Run it with `cargo run --example contend -- 127.0.0.1:2181` and type `lock /lock me`, `contenders
//! /lock`, `release /lock`. What is held has the name of its path; `-` stands for nothing. The tests that
//! let clients of other libraries contend with this one drive it.

use std::collections::HashMap;
use std::io::BufRead;
use std::time::Duration;

use bytes::Bytes;
use tenure::recipes::{Entered, Held, Lock, Membership, Partitioner, Share, Taken};
use tenure::{Client, Error, Result};

/// How long a word that waits may take; a test that needs longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Holdings {
    held: HashMap<String, Held>,
    members: HashMap<String, Membership>,
    entered: HashMap<String, Entered>,
    taken: HashMap<String, Taken>,
    parts: HashMap<String, Partitioner>,
    shares: HashMap<String, Share>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let hosts = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:2181".into());
    let builder = Client::builder(hosts).session_timeout(Duration::from_secs(4));
    let client = builder.connect().await?;
    println!("ready");
    let mut holdings = Holdings::default();
    // Nothing else runs on this thread: the session lives on one of the library's own.
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let words: Vec<&str> = line.split(' ').collect();
        let answer = holdings.obey(&client, &words).await;
        println!("{}", answer.unwrap_or_else(|error| format!("error {error}")));
    }
    drop(holdings);
    client.close().await
}

impl Holdings {
    async fn obey(&mut self, client: &Client, words: &[&str]) -> Result<String> {
        let path = words.get(1).copied().unwrap_or("/").to_owned();
        let word = |at: usize| words.get(at).copied().unwrap_or("-").to_owned();
        let lock = || match words[0] {
            "read" | "try-read" => client.rw_lock(&path).read(),
            "write" | "try-write" => client.rw_lock(&path).write(),
            _ => client.lock(&path),
        };
        match words[0] {
            "lock" | "read" | "write" => {
                self.acquire(path.clone(), lock().identifier(word(2))).await
            }
            "try-lock" | "try-read" | "try-write" => {
                let held = lock().identifier(word(2)).try_acquire().await?;
                Ok(self.keep(path, held))
            }
            "permit" => {
                let semaphore = client.semaphore(&path, number(&word(2)) as usize);
                let held = semaphore.acquire_timeout(PATIENCE).await?;
                Ok(self.keep(path, Some(held)))
            }
            "try-permit" => {
                let held = client.semaphore(&path, number(&word(2)) as usize).try_acquire().await?;
                Ok(self.keep(path, held))
            }
            "is-held" => Ok(self.held.get(&path).is_some_and(Held::is_held).to_string()),
            "release" => {
                let held = self.held.remove(&path).ok_or(Error::Invalid("not held".into()))?;
                held.release().await.map(|()| "released".into())
            }
            "contenders" => Ok(listed(client.lock(&path).contenders().await?)),
            "candidates" => Ok(listed(client.election(&path).candidates().await?)),
            _ => self.obey_more(client, words[0], (path, word(2), word(3))).await,
        }
    }

    async fn obey_more(
        &mut self,
        client: &Client,
        word: &str,
        (path, first, second): (String, String, String),
    ) -> Result<String> {
        match word {
            "close" => client.barrier(&path).close().await.map(|()| "closed".into()),
            "open" => client.barrier(&path).open().await.map(|()| "open".into()),
            "pass" => client.barrier(&path).wait_timeout(PATIENCE).await.map(|()| "passed".into()),
            "enter" => {
                let barrier = client.double_barrier(&path, number(&first) as usize);
                self.entered.insert(path, barrier.enter().await?);
                Ok("entered".into())
            }
            "leave" => {
                let entered = self.entered.remove(&path).ok_or(Error::Invalid("not in".into()))?;
                entered.leave().await.map(|()| "left".into())
            }
            "add" => Ok(client.counter(&path).add(number(&first)).await?.to_string()),
            "value" => Ok(client.counter(&path).get().await?.to_string()),
            "put" => {
                let priority = number(&second) as u16;
                client.queue(&path).put_with_priority(first, priority).await.map(|()| "put".into())
            }
            "get" => Ok(client.queue(&path).get().await?.map_or("-".into(), text)),
            "put-locking" => {
                let entries = [Bytes::from(first)];
                let queue = client.locking_queue(&path);
                queue.put_all(entries, number(&second) as u16).await.map(|()| "put".into())
            }
            "take" => {
                let Some(taken) = client.locking_queue(&path).try_take().await? else {
                    return Ok("-".into());
                };
                let data = text(taken.data().clone());
                self.taken.insert(path, taken);
                Ok(data)
            }
            "consume" => {
                let taken = self.taken.remove(&path).ok_or(Error::Invalid("not taken".into()))?;
                taken.consume().await.map(|()| "consumed".into())
            }
            "join" => {
                self.members.insert(path.clone(), client.group(&path).join(first).await?);
                Ok("joined".into())
            }
            "quit" => {
                let member = self.members.remove(&path).ok_or(Error::Invalid("not in".into()))?;
                member.leave().await;
                Ok("gone".into())
            }
            "members" => {
                let members = client.group(&path).members().await?;
                let mut names: Vec<_> = members.into_iter().map(|member| member.data).collect();
                names.sort();
                Ok(listed(names))
            }
            "partition" => {
                let partitioner = client.partitioner(&path, second.split(','), &first).await?;
                self.parts.insert(path, partitioner);
                Ok("joined".into())
            }
            "share" => {
                self.shares.remove(&path);
                let parts = self.parts.get_mut(&path).ok_or(Error::Invalid("not in".into()))?;
                let share = parts.next().await?;
                let items = share.items().join(" ");
                self.shares.insert(path, share);
                Ok(items)
            }
            "outdated" => {
                let share = self.shares.get(&path).ok_or(Error::Invalid("no share".into()))?;
                share.outdated().await;
                Ok(format!("{} left", share.items().len()))
            }
            "depart" => {
                self.shares.remove(&path);
                let parts = self.parts.remove(&path).ok_or(Error::Invalid("not in".into()))?;
                parts.leave().await;
                Ok("gone".into())
            }
            other => Err(Error::Invalid(format!("no such word: {other}").into())),
        }
    }

    async fn acquire(&mut self, path: String, lock: Lock) -> Result<String> {
        let held = lock.acquire_timeout(PATIENCE).await?;
        Ok(self.keep(path, Some(held)))
    }

    fn keep(&mut self, path: String, held: Option<Held>) -> String {
        let Some(held) = held else { return "-".into() };
        let token = held.token().0.to_string();
        self.held.insert(path, held);
        token
    }
}

fn number(word: &str) -> i64 {
    word.parse().unwrap_or(0)
}

fn text(bytes: Bytes) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

fn listed(all: Vec<Bytes>) -> String {
    all.into_iter().map(text).collect::<Vec<_>>().join(" ")
}
