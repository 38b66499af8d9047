"""A ZooKeeper-protocol server in its own process, for the compatibility suites.

Which one is decided by the environment:

* `TENURE_TEST_HOSTS=host:port` uses a server that already runs (and leaves it alone);
* `TENURE_COMPAT_SERVER=apache` starts Apache ZooKeeper from Debian's package. Every expectation of
  these suites also holds there, which is what shows that they test the protocol and not tenure;
* otherwise the `tenure` program is started with a data directory: `TENURE_BIN`, or the debug build of
  this checkout.

All of them accept session timeouts from `MIN_TIMEOUT` to `MAX_TIMEOUT` and any number of
connections from one address, except the first, whose owner has to see to it.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List, Mapping, Optional, Sequence, Tuple

ROOT = Path(__file__).resolve().parents[3]
MIN_TIMEOUT = 1.0
MAX_TIMEOUT = 40.0
TICK = 0.5
START_DEADLINE = 60.0


class ServerProcess:
    """A running server; `stop` ends it. Also a context manager."""

    def __init__(self, hosts: str, process: Optional[subprocess.Popen[Any]] = None,
                 scratch: Optional[Path] = None) -> None:
        self.hosts = hosts
        self._process = process
        self._scratch = scratch
        # Starts it again where it was, if that can be done.
        self._start_again: Optional[Callable[[], subprocess.Popen[Any]]] = None

    @property
    def scratch(self) -> Path:
        """Where the server that this rig started keeps its files."""
        assert self._scratch is not None, "it keeps none"
        return self._scratch

    def kill(self) -> None:
        """Ends the process where it stands; its files stay until `stop`."""
        assert self._process is not None, "somebody else's server"
        self._process.kill()
        self._process.wait()

    @property
    def port(self) -> int:
        return int(self.hosts.rsplit(":", 1)[1])

    def send_signal(self, number: signal.Signals) -> None:
        """Stops, wakes or kills the server's process."""
        assert self._process is not None, "somebody else's server"
        self._process.send_signal(number)

    def kill_and_restart(self) -> None:
        """Kills the server without a chance to tidy up, and starts it again with port and data."""
        assert self._process is not None and self._start_again, "not a server of ours"
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = self._start_again()

    def stop(self) -> None:
        if self._process is not None:
            # A stopped process hears SIGTERM only when it goes on.
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> "ServerProcess":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()


def start() -> ServerProcess:
    """The server the environment asks for, ready to answer."""
    hosts = os.environ.get("TENURE_TEST_HOSTS")
    if hosts:
        return ServerProcess(hosts)
    if os.environ.get("TENURE_COMPAT_SERVER") == "apache":
        return start_apache()
    return start_tenure()


def start_with_users(users: Mapping[str, str],
                     certificates: Optional[Path] = None) -> ServerProcess:
    """A server of its own whose SASL users these are, with their passwords.

    With `certificates`, a folder as `key_files.make` leaves it, the server's port also takes TLS
    from clients that have a certificate.
    """
    scratch = Path(tempfile.mkdtemp(prefix="compat-users-"))
    jaas = scratch / "jaas.conf"
    entries = "".join(f'    user_{name}="{password}"\n' for name, password in users.items())
    jaas.touch(mode=0o600)
    jaas.write_text("Server {\n    org.apache.zookeeper.server.auth.DigestLoginModule required\n"
                    f"{entries}    ;\n}};\n")
    if os.environ.get("TENURE_COMPAT_SERVER") == "apache":
        config = "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n"
        if certificates is not None:
            config += (
                "authProvider.2=org.apache.zookeeper.server.auth.X509AuthenticationProvider\n"
                "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory\n"
                "client.portUnification=true\n"
                f"ssl.keyStore.location={certificates / 'server.pem'}\n"
                f"ssl.trustStore.location={certificates / 'ca.pem'}\n")
        return start_apache(
            scratch, java=[f"-Djava.security.auth.login.config={jaas}"], config=config)
    more = ["--jaas", str(jaas)]
    if certificates is not None:
        more += ["--tls-on-same-port", "--tls-certificate", str(certificates / "server.pem"),
                 "--tls-client-ca", str(certificates / "ca.pem")]
    return start_tenure(more=more, scratch=scratch)


def start_secure(certificate: Path, key: Path, client_ca: Path) -> ServerProcess:
    """tenure with a port that takes TLS alone, and clients that have to prove themselves."""
    return start_tenure("none", more=[
        "--listen-tls", "127.0.0.1:0", "--tls-certificate", str(certificate),
        "--tls-key", str(key), "--tls-client-ca", str(client_ca)])


def start_tenure(listen: str = "127.0.0.1:0", data: Optional[Path] = None,
                 more: Sequence[str] = (), scratch: Optional[Path] = None) -> ServerProcess:
    """tenure on an address of its own and an empty disk, unless it is to take over from another."""
    scratch = scratch or Path(tempfile.mkdtemp(prefix="compat-tenure-"))
    options = [
        "--words", "*",
        "--data", str(data or scratch / "data"), "--snapshot-after-txns", "500",
        "--tick", str(int(TICK * 1000)),
        "--min-session-timeout", str(int(MIN_TIMEOUT * 1000)),
        "--max-session-timeout", str(int(MAX_TIMEOUT * 1000)),
        "--max-connections-per-address", "0", *more,
    ]
    program = str(tenure_program())
    process, hosts = _run([program, "serve", "--listen", listen, *options])
    server = ServerProcess(hosts, process, scratch)
    again = [program, "serve", "--listen", hosts, *options]
    server._start_again = lambda: _run(again)[0]
    return server


def _run(command: List[str]) -> Tuple[subprocess.Popen[Any], str]:
    """Starts the program, and returns it with the address it listens on."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    line = _first_line(process)
    prefix = "listening on "
    if not line.startswith(prefix):
        process.kill()
        process.wait()
        raise RuntimeError(f"`{' '.join(command)}` said {line!r} instead of where it listens")
    return process, line[len(prefix):].strip()


def tenure_program() -> Path:
    """The `tenure` binary: `TENURE_BIN`, or the debug build in the cargo target folder."""
    given = os.environ.get("TENURE_BIN")
    if given:
        return Path(given)
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE)
    program = Path(json.loads(metadata.stdout)["target_directory"]) / "debug" / "tenure"
    subprocess.run(["cargo", "build", "--quiet", "--package", "tenure", "--bin", "tenure"],
                   cwd=ROOT, check=True)
    return program


def start_apache(scratch: Optional[Path] = None, java: Sequence[str] = (),
                 config: str = "") -> ServerProcess:
    jar = Path("/usr/share/java/zookeeper.jar")
    if shutil.which("java") is None or not jar.exists():
        raise RuntimeError("Apache ZooKeeper is not here: apt-get install zookeeper")
    scratch = scratch or Path(tempfile.mkdtemp(prefix="compat-apache-"))
    file = scratch / "zoo.cfg"
    for _ in _attempts(3):
        port = _free_port()
        file.write_text(
            f"dataDir={scratch / 'data'}\nclientPort={port}\nclientPortAddress=127.0.0.1\n"
            f"tickTime={int(TICK * 1000)}\nminSessionTimeout={int(MIN_TIMEOUT * 1000)}\n"
            f"maxSessionTimeout={int(MAX_TIMEOUT * 1000)}\nmaxClientCnxns=0\n"
            "4lw.commands.whitelist=*\nadmin.enableServer=false\nextendedTypesEnabled=true\n"
            + config)
        process = _run_apache(file, java)
        if _answers(port, process):
            server = ServerProcess(f"127.0.0.1:{port}", process, scratch)
            server._start_again = lambda: _run_apache(file, java)
            return server
        process.kill()
        process.wait()
    raise RuntimeError(f"Apache ZooKeeper did not start, see {scratch}")


def _run_apache(config: Path, java: Sequence[str] = ()) -> subprocess.Popen[Any]:
    with open(config.with_name("apache.log"), "ab") as output:
        return subprocess.Popen(
            ["java", *java, "-Xmx512m", "-Dzookeeper.extendedTypesEnabled=true",
             "-cp", "/usr/share/java/zookeeper.jar:/usr/share/java/*",
             "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(config)],
            stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


def _attempts(count: int) -> Iterator[int]:
    # A port that was free a moment ago may be taken when the server binds it.
    return iter(range(count))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _first_line(process: subprocess.Popen[Any]) -> str:
    """What the process says first, or as much of it as came before the deadline."""
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    deadline = time.monotonic() + START_DEADLINE
    said: List[bytes] = []
    while time.monotonic() < deadline:
        ready, _, _ = select.select([pipe], [], [], deadline - time.monotonic())
        if not ready:
            break
        byte = os.read(pipe, 1)
        if byte in (b"", b"\n"):
            break
        said.append(byte)
    return b"".join(said).decode(errors="replace")


def _answers(port: int, process: subprocess.Popen[Any]) -> bool:
    deadline = time.monotonic() + START_DEADLINE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
                probe.settimeout(5)
                probe.sendall(b"srvr")
                if b"Mode: standalone" in probe.makefile("rb").read():
                    return True
        except OSError:
            pass
        time.sleep(0.1)
    return False
