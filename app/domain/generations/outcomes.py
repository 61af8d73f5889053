"""What one step of making an output comes to, and the bounds of such steps."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.domain.errors import FailureReason
from app.domain.generations.views import Stage

AT_ONCE: Final = timedelta()
# A vendor may ask for patience, though not for a day of it.
_LONGEST_ASKED_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class MakingLimits:
    """Bounds of creates, waits and calls (spec §4), and where vendors ring; empty where they cannot reach us."""

    creates_per_route: int
    creates_per_output: int
    wait_first_seconds: float
    wait_longest_seconds: float
    vendor_call_seconds: float
    unreachable_task_seconds: float
    callback_base: str = ""

    def wait(self, tries: int) -> timedelta:
        """The back-off after so many tries."""
        return timedelta(seconds=min(self.wait_first_seconds * 2 ** min(tries, 6), self.wait_longest_seconds))

    def wait_asked(self, asked_seconds: float | None, tries: int) -> timedelta:
        """As long as the vendor asks for, though not for a day; less than a second is no patience to be asked for."""
        if asked_seconds is None or asked_seconds < 1:
            return self.wait(tries)
        return timedelta(seconds=min(asked_seconds, _LONGEST_ASKED_SECONDS))


@dataclass(frozen=True, slots=True)
class Stored:
    """The output is kept."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Look again after a delay."""

    delay: timedelta
    percent: int = 0
    stage: Stage = Stage.GENERATING


@dataclass(frozen=True, slots=True)
class Lost:
    """The output will not be made."""

    reason: FailureReason


@dataclass(frozen=True, slots=True)
class Stopped:
    """The output was cancelled, free of charge."""


Outcome = Stored | Waiting | Lost | Stopped
