"""What a client does when its session is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, final

from .values import Seconds


@final
@dataclass(frozen=True, slots=True)
class Recovery:
    """What happens when the ensemble ends a session. Made by `renew` or `resume_only`."""

    renews: bool
    watches: bool = False
    give_up_after: Seconds | None = None

    @classmethod
    def resume_only(cls) -> Self:
        """A lost connection is resumed; when the session is over, the client is finished."""
        return cls(renews=False)

    @classmethod
    def renew(cls, *, watches: bool = True, give_up_after: Seconds | None = None) -> Self:
        """A new session starts, in the next epoch. Ephemerals of the old one are not recreated.

        `watches`: whether watch streams go on in it. `give_up_after`: how long no server may be
        reachable before the client is finished; None tries for ever.
        """
        return cls(renews=True, watches=watches, give_up_after=give_up_after)
