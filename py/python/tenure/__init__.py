"""Sessions, ephemeral znodes and watches over the ZooKeeper protocol: client and embedded server.

    with tenure.Server() as server, server.client(session_timeout=5) as client:
        made = client.create("/app/member-", b"here", ephemeral=True, sequential=True, parents=True)
        with client.watch("/app", recursive=True) as watch:
            for item in watch:
                ...

`tenure.aio` has the same client for asyncio.
"""

import atexit as _atexit
import os as _os

from . import _tenure
from ._tenure import __version__
from .client import Client, ClientOptions, connect
from .errors import (
    AuthFailedError, AuthRequiredError, BadArgumentsError, BadVersionError, ClosedError,
    ConnectionLossError, DataDirError, DataInconsistencyError, EnsembleRegressedError,
    EphemeralOnLocalSessionError, ForkedError, InvalidAclError, InvalidArgumentError,
    InvalidCallbackError, LockLostError, MarshallingError, NewConfigNoQuorumError, NoAuthError,
    NoChildrenForEphemeralsError, NoNodeError, NoWatcherError, NodeExistsError, NotEmptyError,
    NotReadOnlyError, OperationTimeoutError, OverloadedError, QuotaExceededError,
    ReconfigDisabledError, ReconfigInProgressError, RuntimeInconsistencyError, ServerError,
    ServerSystemError, SessionExpiredError, SessionLostError, SessionMovedError,
    SessionStolenError, TenureError, ThrottledOpError, TlsError, TransactionError,
    UnimplementedError, UnknownSessionError, WatchRemovedError, WouldDeadlockError)
from .faults import Fault, Faults
from .operations import OneShot, Operations, Transaction
from .proof import Sasl, ServerTls, Tls
from .recovery import Recovery
from .server import Lateness, Server
from .session import Session, StateStream
from .values import (
    Acl, Auth, Change, Children, Created, Credentials, Digest, Hosts, Identity, LossReason,
    NodeChanged, Outcome, Perm, RestoreReport, Resync, ResyncReason, Seconds, SessionEvent, Stat,
    State, Value, WatchItem, WhenDisconnected)
from .watch import WatchStream

__all__ = [
    "Acl", "Auth", "AuthFailedError", "AuthRequiredError", "BadArgumentsError",
    "BadVersionError", "Change", "Children", "Client", "ClientOptions", "ClosedError",
    "ConnectionLossError", "Created", "Credentials", "DataDirError", "DataInconsistencyError",
    "Digest", "EnsembleRegressedError", "EphemeralOnLocalSessionError", "Fault", "Faults",
    "ForkedError", "Hosts", "Identity", "InvalidAclError", "InvalidArgumentError",
    "InvalidCallbackError", "Lateness", "LockLostError", "LossReason", "MarshallingError",
    "NewConfigNoQuorumError", "NoAuthError", "NoChildrenForEphemeralsError", "NoNodeError",
    "NoWatcherError", "NodeChanged", "NodeExistsError", "NotEmptyError", "NotReadOnlyError",
    "OneShot", "OperationTimeoutError", "Operations", "Outcome", "OverloadedError", "Perm",
    "QuotaExceededError", "ReconfigDisabledError", "ReconfigInProgressError", "Recovery",
    "RestoreReport", "Resync", "ResyncReason", "RuntimeInconsistencyError", "Sasl", "Seconds",
    "Server", "ServerError", "ServerSystemError", "ServerTls", "Session", "SessionEvent",
    "SessionExpiredError", "SessionLostError", "SessionMovedError", "SessionStolenError",
    "Stat", "State", "StateStream", "TenureError", "ThrottledOpError", "Tls", "TlsError",
    "Transaction", "TransactionError", "UnimplementedError", "UnknownSessionError", "Value",
    "WatchItem", "WatchRemovedError", "WatchStream", "WhenDisconnected", "WouldDeadlockError",
    "__version__", "connect"]

_atexit.register(_tenure.release_waiters)
_os.register_at_fork(after_in_child=_tenure.forget_waiters)
