//! The socket `control` in a data directory, through which the owner of the directory speaks to the
//! server that has it: one line in, one line out, one connection at a time.
//!
//! Orders are words; `snapshot` is the only one. The answer is `ok` with a result or `error` with a
//! sentence. It is no way for clients: the socket is for the owner of the directory only.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::sync::Notify;

/// The name of the socket.
const CONTROL: &str = "control";

/// Its name until it is for the owner only.
const ASIDE: &str = "control.aside";

/// The longest order, with the end of its line.
const LONGEST_ORDER: usize = 64;

/// The longest answer that is read.
const LONGEST_ANSWER: u64 = 4_096;

/// How long somebody who has connected may take to say what he wants, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait after a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// What an order comes to: a result, or why there is none.
pub type Answer = Result<String, String>;

/// The socket of one server. Dropping it ends its thread and removes the file; whoever has the lock of
/// the directory drops it first.
pub(super) struct Control {
    path: PathBuf,
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Listens in a directory, which the caller has the lock of: what is there of the socket is stale.
    /// `carry_out` is called on the thread of this, for one order after the other.
    ///
    /// A server works without this, so what is in the way is logged and leaves `None`.
    pub(super) fn start(
        directory: &Path,
        carry_out: impl Fn(&str) -> Answer + Send + 'static,
    ) -> Option<Control> {
        let path = directory.join(CONTROL);
        let stop = Arc::new(Notify::new());
        let thread = listen(directory).and_then(|listener| {
            let stop = stop.clone();
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
            let body = move || runtime.block_on(serve(listener, &stop, &carry_out));
            std::thread::Builder::new().name("tenure-control".to_owned()).spawn(body)
        });
        match thread {
            Ok(thread) => Some(Control { path, stop, thread: Some(thread) }),
            Err(error) => {
                let shown = path.display();
                tracing::warn!(
                    "no control socket at {shown}: {error}. The server works without it; \
                     `tenure snapshot` has to wait until it is stopped"
                );
                None
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has printed why.
            let _ = thread.join();
        }
        // One that stays is replaced at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Gives an order to the server that has a directory, and waits until it is carried out. `None` if no
/// server listens there.
///
/// # Errors
/// What the system says, and `UnexpectedEof` if the server ended before it answered.
pub fn order(directory: &Path, order: &str) -> io::Result<Option<Answer>> {
    let mut stream = match UnixStream::connect(directory.join(CONTROL)) {
        Ok(stream) => stream,
        Err(error) if nobody_listens(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    writeln!(stream, "{order}")?;
    let mut line = String::new();
    BufReader::new(io::Read::take(stream, LONGEST_ANSWER)).read_line(&mut line)?;
    match line.trim_end().split_once(' ') {
        Some(("ok", result)) => Ok(Some(Ok(result.to_owned()))),
        Some(("error", reason)) => Ok(Some(Err(reason.to_owned()))),
        _ => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server ended before it answered; its log says why",
        )),
    }
}

/// A path that is too long for a socket leads to nobody: no server could listen there.
fn nobody_listens(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, InvalidInput, NotFound};
    matches!(error.kind(), NotFound | ConnectionRefused | InvalidInput)
}

/// The socket appears under its name when it is for the owner only.
fn listen(directory: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    let aside = directory.join(ASIDE);
    match std::fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = std::os::unix::net::UnixListener::bind(&aside)?;
    std::fs::set_permissions(&aside, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&aside, directory.join(CONTROL))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(
    listener: std::os::unix::net::UnixListener,
    stop: &Notify,
    carry_out: &dyn Fn(&str) -> Answer,
) {
    let listener = match UnixListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::warn!("the control socket cannot be served: {error}"),
    };
    let stopped = stop.notified();
    tokio::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            () = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => tokio::select! {
                () = &mut stopped => return,
                () = converse(stream, carry_out) => {}
            },
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// One order and its answer. Who says nothing, or too much, is left.
async fn converse(mut stream: tokio::net::UnixStream, carry_out: &dyn Fn(&str) -> Answer) {
    let Ok(Ok(line)) = tokio::time::timeout(PATIENCE, read_line(&mut stream)).await else { return };
    let answer = match line.as_deref() {
        Some(order) => carry_out(order),
        None => Err(format!("an order is one line of at most {LONGEST_ORDER} bytes")),
    };
    let line = match answer {
        Ok(result) => format!("ok {}\n", one_line(&result)),
        Err(reason) => format!("error {}\n", one_line(&reason)),
    };
    // Whoever asked may have gone.
    let _ = tokio::time::timeout(PATIENCE, stream.write_all(line.as_bytes())).await;
}

/// A line without its end; `None` if it is none, or too long.
async fn read_line(stream: &mut tokio::net::UnixStream) -> io::Result<Option<String>> {
    let mut line = [0; LONGEST_ORDER];
    let mut length = 0;
    loop {
        if let Some(end) = line[..length].iter().position(|&byte| byte == b'\n') {
            return Ok(std::str::from_utf8(&line[..end]).ok().map(|text| text.trim().to_owned()));
        }
        if length == line.len() {
            return Ok(None);
        }
        match stream.read(&mut line[length..]).await? {
            0 => return Ok(None),
            read => length += read,
        }
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// A directory of its own for one test, removed at its end.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let path =
                std::env::temp_dir().join(format!("tenure-control-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir_all(&path).unwrap();
            Place(path)
        }

        fn control(&self) -> Control {
            let carry_out = |order: &str| match order {
                "snapshot" => Ok("snapshot-1".to_owned()),
                other => Err(format!("no order\n{other}")),
            };
            Control::start(&self.0, carry_out).expect("nothing is in the way")
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn orders_are_answered_in_one_line_each() {
        let place = Place::new("orders");
        assert_eq!(order(&place.0, "snapshot").unwrap(), None, "nobody is there");
        let control = place.control();
        assert_eq!(order(&place.0, "snapshot").unwrap(), Some(Ok("snapshot-1".into())));
        assert_eq!(order(&place.0, "dance").unwrap(), Some(Err("no order dance".into())));
        drop(control);
        assert_eq!(order(&place.0, "snapshot").unwrap(), None, "nobody is there any more");
        assert_eq!(std::fs::read_dir(&place.0).unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn the_socket_is_for_the_owner_only() {
        let place = Place::new("mode");
        let _control = place.control();
        let mode = std::fs::metadata(place.0.join(CONTROL)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_line_without_an_end_is_bounded() {
        let place = Place::new("endless");
        let _control = place.control();
        let mut stream = UnixStream::connect(place.0.join(CONTROL)).unwrap();
        stream.write_all(&[b'x'; LONGEST_ORDER]).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "error an order is one line of at most 64 bytes\n");
        assert_eq!(order(&place.0, "snapshot").unwrap(), Some(Ok("snapshot-1".into())));
    }

    #[test]
    fn what_a_killed_server_left_is_replaced() {
        let place = Place::new("stale");
        for name in [CONTROL, ASIDE] {
            drop(std::os::unix::net::UnixListener::bind(place.0.join(name)).unwrap());
            assert!(place.0.join(name).exists(), "the file outlives its listener");
        }
        assert_eq!(order(&place.0, "snapshot").unwrap(), None, "nobody listens");
        let _control = place.control();
        assert_eq!(order(&place.0, "snapshot").unwrap(), Some(Ok("snapshot-1".into())));
    }

    #[test]
    fn a_path_too_long_for_a_socket_leaves_a_server_without_one() {
        let place = Place::new("long");
        let deep = place.0.join("x".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        assert!(Control::start(&deep, |_| Ok(String::new())).is_none());
        assert_eq!(order(&deep, "snapshot").unwrap(), None);
    }

    #[test]
    fn one_who_says_nothing_does_not_keep_it_from_stopping() {
        let place = Place::new("silent");
        let control = place.control();
        let mut silent = UnixStream::connect(place.0.join(CONTROL)).unwrap();
        drop(control);
        assert_eq!(silent.read(&mut [0; 8]).unwrap_or(0), 0);
    }
}
