"""Named points between two steps of a protocol, where a test can kill the process for real.

In production, and whenever no point is configured, `reach` does nothing.
"""

import os
import signal
from typing import Final, NoReturn

import structlog

log = structlog.get_logger(__name__)

# Every point, in the order in which a generation passes them; the crash tests walk this list.
POINTS: Final = (
    "submit.committed",
    "claim.committed",
    "attempt.committed",
    "provider.answered",
    "attempt.adopted",
    "task.parked",
    "task.finished",
    "output.downloaded",
    "output.stored",
    "output.recorded",
    "settle.committed",
    "delivery.claimed",
    "delivery.sent",
    "delivery.recorded",
    "progress.removed",
)
# Likewise for a payment and for its refund.
PAYMENT_POINTS: Final = (
    "event.stored",
    "charge.written",
    "charge.committed",
    "event.handled",
)
REFUND_POINTS: Final = (
    "refund.opened",
    "refund.answered",
    "refund.recorded",
)
# And for a photo of the chat, until its card is put together.
PHOTO_POINTS: Final = (
    "photo.taken",
    "photo.fetched",
    "photo.stored",
    "photo.noted",
)
# Five shots of a photo pack are done, their album is owed, and others follow.
PACK_POINTS: Final = ("chunk.committed",)
# A page of T-Bank's is open, and nobody has its address yet.
CARD_POINTS: Final = ("page.opened",)


class CrashPoints:
    """Kills the process with SIGKILL at the named point, the n-th time it is reached."""

    __slots__ = ("_name", "_remaining")

    def __init__(self, point: str | None = None) -> None:
        """`point` is `name` or `name:n`; None switches the whole thing off.

        Raises: ValueError for a name that no protocol passes.
        """
        name, _, count = (point or "").partition(":")
        if name and name not in (*POINTS, *PAYMENT_POINTS, *REFUND_POINTS, *PHOTO_POINTS, *PACK_POINTS, *CARD_POINTS):
            message = f"unknown crash point {name!r}"
            raise ValueError(message)
        self._name = name
        self._remaining = int(count or 1)

    def reach(self, name: str) -> None:
        """Die here, if this is the configured point."""
        if name != self._name:
            return
        self._remaining -= 1
        if self._remaining == 0:
            _die(name)


def _die(name: str) -> NoReturn:
    log.warning("crash_point_reached", point=name)
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit(137)  # unreachable: SIGKILL cannot be handled
