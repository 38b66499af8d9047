"""A TCP proxy that can cut, stall, refuse and delay, so that tests can break a network on purpose.

It knows nothing of the protocol: it passes bytes. A fault holds for the connections that exist and
for those that come, until `heal`; `cut` alone touches only those that exist.
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from typing import List, Optional, Tuple


class _Pipe:
    """One direction of one connection: bytes read from `source`, due to be sent to `sink`."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source = source
        self.sink = sink
        self.pending: List[Tuple[float, bytes]] = []
        self.peer: Optional["_Pipe"] = None


class CuttingProxy:
    """Listens on a loopback port and passes everything to `target`; also a context manager."""

    def __init__(self, target: str) -> None:
        host, port = target.split(",")[0].rsplit(":", 1)
        self._target = (host, int(port))
        self._lock = threading.Lock()
        self._pipes: List[_Pipe] = []
        self._stalled = False
        self._refusing = False
        self._delay = 0.0
        self._accepted = 0
        self._closing = False
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._listener.setblocking(False)
        self.hosts = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="cutting-proxy", daemon=True)
        self._thread.start()

    @property
    def accepted(self) -> int:
        """How many connections have come so far, refused ones not counted."""
        with self._lock:
            return self._accepted

    def cut(self) -> None:
        """Resets every connection that exists now, on both sides."""
        with self._lock:
            self._drop_all()

    def refuse(self) -> None:
        """Cuts, and closes every new connection at once, until `heal`."""
        with self._lock:
            self._refusing = True
            self._drop_all()

    def stall(self) -> None:
        """Passes no byte in either direction, but keeps the connections open, until `heal`."""
        with self._lock:
            self._stalled = True

    def delay(self, seconds: float) -> None:
        """Holds back each byte for `seconds`."""
        with self._lock:
            self._delay = seconds

    def heal(self) -> None:
        """Ends every fault; what was stalled flows on."""
        with self._lock:
            self._stalled = False
            self._refusing = False
            self._delay = 0.0

    def close(self) -> None:
        with self._lock:
            self._closing = True
        self._thread.join()

    def __enter__(self) -> "CuttingProxy":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _run(self) -> None:
        while True:
            ready = self._selector.select(timeout=0.02)
            with self._lock:
                if self._closing:
                    break
                for key, _ in ready:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif not self._stalled and key.data in self._pipes:
                        self._read(key.data)
                stalled = self._stalled
                if not stalled:
                    self._flush()
            if stalled:
                # The unread bytes keep the sockets ready: without a pause the loop would spin.
                time.sleep(0.01)
        self._drop_all()
        self._listener.close()
        self._selector.close()

    def _accept(self) -> None:
        try:
            near, _ = self._listener.accept()
        except OSError:
            return
        if self._refusing:
            _reset(near)
            return
        try:
            far = socket.create_connection(self._target, timeout=5)
        except OSError:
            _reset(near)
            return
        self._accepted += 1
        # Blocking writes with a limit: a peer that reads nothing for so long is cut off.
        near.settimeout(5)
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        up, down = _Pipe(near, far), _Pipe(far, near)
        up.peer, down.peer = down, up
        for pipe in (up, down):
            self._pipes.append(pipe)
            self._selector.register(pipe.source, selectors.EVENT_READ, pipe)

    def _read(self, pipe: _Pipe) -> None:
        try:
            data = pipe.source.recv(65536)
        except OSError:
            data = b""
        if data:
            pipe.pending.append((time.monotonic() + self._delay, data))
        else:
            self._flush_pipe(pipe, float("inf"))
            self._drop(pipe)

    def _flush(self) -> None:
        now = time.monotonic()
        for pipe in list(self._pipes):
            if pipe in self._pipes:
                self._flush_pipe(pipe, now)

    def _flush_pipe(self, pipe: _Pipe, now: float) -> None:
        while pipe.pending and pipe.pending[0][0] <= now:
            _, data = pipe.pending.pop(0)
            try:
                pipe.sink.sendall(data)
            except OSError:
                self._drop(pipe)
                return

    def _drop_all(self) -> None:
        while self._pipes:
            self._drop(self._pipes[0], abruptly=True)

    def _drop(self, pipe: _Pipe, abruptly: bool = False) -> None:
        for half in (pipe, pipe.peer):
            if half is None or half not in self._pipes:
                continue
            self._pipes.remove(half)
            self._selector.unregister(half.source)
            if abruptly:
                _reset(half.source)
            else:
                half.source.close()


def _reset(end: socket.socket) -> None:
    # Lingering for zero seconds makes close() send RST, as a crashed router or peer would.
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
