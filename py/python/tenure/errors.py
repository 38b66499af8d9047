"""What can go wrong. Every error says what became of the write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .values import LossReason, Outcome

if TYPE_CHECKING:
    from ._tenure import Failure


class TenureError(Exception):
    """The base of all errors of this package."""

    outcome: Outcome = Outcome.NOT_APPLIED
    """What is known about the write that failed. For a read: whether it left the process."""
    epoch: int = 0
    """The session it belongs to, counted from 1 within its client; 0 if it belongs to none."""
    path: str | None = None
    """The znode it is about, if it is about one."""
    code: int | None = None
    """The code a server answered with, if one did."""


class ServerError(TenureError):
    """A server refused an operation. Codes without a class of their own raise this one."""

    code: int = 0
    """The code on the wire, also one that this release does not know."""


class ServerSystemError(ServerError):
    """The server met an error it has no better code for."""


class RuntimeInconsistencyError(ServerError):
    """In a transaction: not tried, because an earlier operation failed."""


class DataInconsistencyError(ServerError):
    """The server's data contradict each other."""


class MarshallingError(ServerError):
    """The server could not decode the request."""


class UnimplementedError(ServerError):
    """The server does not have this operation."""


class BadArgumentsError(ServerError):
    """A path, flag or number is outside what the operation accepts."""


class UnknownSessionError(ServerError):
    """The session is not known to the server."""


class NewConfigNoQuorumError(ServerError):
    """No quorum of the new configuration is in step."""


class ReconfigInProgressError(ServerError):
    """Another reconfiguration is going on."""


class NoNodeError(ServerError):
    """The znode, or the parent of one to be created, does not exist."""


class NoAuthError(ServerError):
    """The ACL forbids it."""


class BadVersionError(ServerError):
    """The expected version is not the current one."""


class NoChildrenForEphemeralsError(ServerError):
    """An ephemeral znode cannot have children."""


class NodeExistsError(ServerError):
    """The znode exists already."""


class NotEmptyError(ServerError):
    """The znode has children."""


class InvalidCallbackError(ServerError):
    """A callback is not valid."""


class InvalidAclError(ServerError):
    """The ACL is empty, or has an entry that no scheme accepts."""


class SessionMovedError(ServerError):
    """The session has moved to another server."""


class NotReadOnlyError(ServerError):
    """The server serves reads only."""


class EphemeralOnLocalSessionError(ServerError):
    """A session local to one server cannot own ephemerals."""


class NoWatcherError(ServerError):
    """There is no such watch."""


class ReconfigDisabledError(ServerError):
    """Reconfiguration is switched off."""


class AuthRequiredError(ServerError):
    """The server demands authentication first."""


class QuotaExceededError(ServerError):
    """A hard quota would be passed."""


class ThrottledOpError(ServerError):
    """The request waited too long in the server's throttle."""


class TransactionError(ServerError):
    """A transaction failed; none of its operations is in effect."""

    index: int = 0
    """The operation that failed, counted from 0."""
    results: list[ServerError | None] = []
    """For each operation what stood against it; None for those before the one that failed."""


class ConnectionLossError(TenureError, ConnectionError):
    """The connection was lost, or there was none and the client is set to fail then."""


class OperationTimeoutError(TenureError, TimeoutError):
    """No answer came in time."""


class SessionLostError(TenureError):
    """The session the operation belonged to is over."""

    reason: LossReason | None = None


class SessionExpiredError(SessionLostError):
    """The ensemble ended the session."""


class SessionStolenError(SessionLostError):
    """Another client keeps resuming the same session."""


class LockLostError(TenureError):
    """A lock, or what else was claimed for one session, is not held any more, or may not be."""

    certain: bool = True
    """False while the session may still live: nothing says that somebody else has it."""


class EnsembleRegressedError(TenureError):
    """Every server is behind what the client has seen: the ensemble has lost data.

    The client is finished.
    """

    seen: int = 0
    """The newest transaction the client has seen."""


class AuthFailedError(TenureError):
    """A server refused an identity. The client is finished."""


class TlsError(TenureError):
    """Every host in turn failed because one end does not trust the other; the text says why.

    Only of waiting for a connection: the client goes on trying.
    """


class WatchRemovedError(TenureError):
    """The watch was removed or cancelled."""


class OverloadedError(TenureError):
    """Too many requests wait in this client."""


class ClosedError(TenureError):
    """The client is closed, or the interpreter is shutting down."""


class ForkedError(TenureError):
    """The client was made before a fork and is used in the child. Make a new one there."""


class InvalidArgumentError(TenureError, ValueError):
    """An argument is not valid; nothing was sent."""


class WouldDeadlockError(TenureError, RuntimeError):
    """A blocking call on a callback thread. Hand the work to another thread."""


class DataDirError(TenureError, OSError):
    """A data directory is not served: another server has it, it is damaged, or the system refuses it.

    The text names the process or the file, and what can be done. Nothing was lost by the attempt.
    """


BY_CODE: dict[int, type[TenureError]] = {
    -1: ServerSystemError,
    -2: RuntimeInconsistencyError,
    -3: DataInconsistencyError,
    -4: ConnectionLossError,
    -5: MarshallingError,
    -6: UnimplementedError,
    -7: OperationTimeoutError,
    -8: BadArgumentsError,
    -12: UnknownSessionError,
    -13: NewConfigNoQuorumError,
    -14: ReconfigInProgressError,
    -101: NoNodeError,
    -102: NoAuthError,
    -103: BadVersionError,
    -108: NoChildrenForEphemeralsError,
    -110: NodeExistsError,
    -111: NotEmptyError,
    -112: SessionExpiredError,
    -113: InvalidCallbackError,
    -114: InvalidAclError,
    -115: AuthFailedError,
    -118: SessionMovedError,
    -119: NotReadOnlyError,
    -120: EphemeralOnLocalSessionError,
    -121: NoWatcherError,
    -122: OperationTimeoutError,
    -123: ReconfigDisabledError,
    -124: AuthRequiredError,
    -125: QuotaExceededError,
    -127: ThrottledOpError,
}
"""The class of each code of the protocol."""

_BY_KIND: dict[str, type[TenureError]] = {
    "Multi": TransactionError,
    "ConnectionLoss": ConnectionLossError,
    "Timeout": OperationTimeoutError,
    "LockLost": LockLostError,
    "AuthFailed": AuthFailedError,
    "EnsembleRegressed": EnsembleRegressedError,
    "Tls": TlsError,
    "WatchRemoved": WatchRemovedError,
    "Overloaded": OverloadedError,
    "Closed": ClosedError,
    "Forked": ForkedError,
    "Invalid": InvalidArgumentError,
}

_BY_REASON: dict[LossReason, type[TenureError]] = {
    LossReason.EXPIRED_BY_SERVER: SessionExpiredError,
    LossReason.STOLEN: SessionStolenError,
    LossReason.AUTH_FAILED: AuthFailedError,
    LossReason.CLOSED: ClosedError,
}


def of(failure: Failure) -> TenureError:
    """The exception for a failure of the core."""
    error = _class_of(failure)(failure.message)
    error.outcome = Outcome.UNKNOWN if failure.is_unknown else Outcome.NOT_APPLIED
    error.epoch = failure.epoch
    error.path = failure.path
    if failure.code is not None:
        error.code = failure.code
    if isinstance(error, SessionLostError) and failure.reason is not None:
        error.reason = LossReason(failure.reason)
    if isinstance(error, LockLostError):
        error.certain = failure.is_certain
    if isinstance(error, EnsembleRegressedError):
        error.seen = failure.seen
    if isinstance(error, TransactionError):
        _add_results(error, failure)
    return error


def chosen(name: str, value: str, *choices: str) -> str:
    """One of the words an option takes; `InvalidArgumentError` for any other."""
    if value not in choices:
        words = " or ".join(f'"{choice}"' for choice in choices)
        raise InvalidArgumentError(f"{name} is {words}, not {value!r}")
    return value


def _class_of(failure: Failure) -> type[TenureError]:
    if failure.kind == "Server" and failure.code is not None:
        return BY_CODE.get(failure.code, ServerError)
    if failure.kind == "SessionLost" and failure.reason is not None:
        return _BY_REASON.get(LossReason(failure.reason), SessionLostError)
    return _BY_KIND.get(failure.kind, TenureError)


def _add_results(error: TransactionError, failure: Failure) -> None:
    error.index = failure.index or 0
    error.results = [None] * failure.length
    for at in range(error.index, failure.length):
        code = error.code if at == error.index else -2
        found = BY_CODE.get(code, ServerError)
        part = (found if issubclass(found, ServerError) else ServerError)(
            error.args[0] if at == error.index else "not tried")
        part.code = code
        error.results[at] = part
    if error.index < len(error.results) and (failed := error.results[error.index]) is not None:
        failed.path = error.path
