"""What is rung after a commit: jobs for the worker pool and signals for open event streams.

PostgreSQL holds the work; a ring only says "look now". A lost ring costs seconds, never work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Queue(StrEnum):
    """One queue a class of work, so that a flood of one does not delay the others."""

    GENERATION = "generation"
    DELIVERY = "delivery"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Job:
    """Ring the worker pool: run `name` for `subject`.

    `ring_number` makes the queue's job id unique a ring: arq refuses an id whose key of a crashed run still lives.
    """

    queue: Queue
    name: str
    subject: str
    ring_number: int = 0
    delay_seconds: float = 0.0

    @property
    def id(self) -> str:
        return f"{self.name}:{self.subject}:{self.ring_number}"


@dataclass(frozen=True, slots=True)
class Signal:
    """Tell the open event streams of a user, in every process, to look at the database."""

    user_id: int


Ring = Job | Signal


class Ringer(Protocol):
    """Delivers rings after a commit. Never raises: what is lost is rung again by the sweep."""

    async def ring(self, rings: Sequence[Ring]) -> bool:
        """Ring them; False when the queue could not be reached."""
        ...
