"""What a client does when its session is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self, TypeAlias, final

from .values import Seconds

Mode: TypeAlias = Literal["resume_only", "renew", "fresh"]


@final
@dataclass(frozen=True, slots=True)
class Recovery:
    """What happens when a session is over. Made by `renew`, `fresh` or `resume_only`."""

    mode: Mode
    watches: bool = False
    give_up_after: Seconds | None = None
    close_old: bool = False
    min_interval: Seconds = 0.0

    @classmethod
    def resume_only(cls) -> Self:
        """A lost connection is resumed; when the session is over, the client is finished."""
        return cls("resume_only")

    @classmethod
    def renew(cls, *, watches: bool = True, give_up_after: Seconds | None = None) -> Self:
        """A new session starts, in the next epoch. Ephemerals of the old one are not recreated.

        `watches`: whether watch streams go on in it. `give_up_after`: how long no server may be
        reachable before the client is finished; None tries for ever.
        """
        return cls("renew", watches, give_up_after)

    @classmethod
    def fresh(cls, *, close_old: bool = True, min_interval: Seconds = 1.0, watches: bool = True,
              give_up_after: Seconds | None = None) -> Self:
        """A new session starts whenever a connection is lost: connected means owned.

        Every ephemeral flaps with every cut, and each cut costs the ensemble one or two writes.
        `close_old`: whether the session of before is ended on the server first; then every write of
        the old epoch is decided, and its ephemerals are gone, before the new one is connected.
        Otherwise the old session lives until its timeout has passed, and writes that were on their
        way may still be applied. `min_interval`: new sessions start at most once in this time, give
        or take a half at random; after a failed attempt the wait grows to 30 s. The rest is as for
        `renew`.
        """
        return cls("fresh", watches, give_up_after, close_old, min_interval)

    @property
    def renews(self) -> bool:
        """Whether a new session follows when one is over."""
        return self.mode != "resume_only"
