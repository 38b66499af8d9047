//! What can be said of a socket without waiting for it.

use std::os::fd::RawFd;

/// Bytes in the receive buffer of a socket.
#[allow(unsafe_code)]
pub(super) fn unread(socket: RawFd) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int to the pointer, which is valid for the call; the caller keeps
    // the descriptor open.
    let result = unsafe { libc::ioctl(socket, libc::FIONREAD, &mut count) };
    if result == 0 { usize::try_from(count).unwrap_or(0) } else { 0 }
}

/// Whether whoever reads learns something: bytes, the end of the stream, an error, or for a listener
/// a connection.
pub(super) fn is_readable(socket: RawFd) -> bool {
    is_ready(socket, libc::POLLIN)
}

/// Whether whoever writes gets rid of something, or learns of an error.
pub(super) fn is_writable(socket: RawFd) -> bool {
    is_ready(socket, libc::POLLOUT)
}

#[allow(unsafe_code)]
fn is_ready(socket: RawFd, events: libc::c_short) -> bool {
    let mut asked = libc::pollfd { fd: socket, events, revents: 0 };
    // SAFETY: the pointer is to one valid pollfd for the length of the call, which does not wait.
    let count = unsafe { libc::poll(&mut asked, 1, 0) };
    count > 0 && asked.revents & (events | libc::POLLHUP | libc::POLLERR) != 0
}
