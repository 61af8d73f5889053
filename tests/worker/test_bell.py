"""What a process starts itself, what it rings for, and what it leaves to the sweep."""

from collections.abc import Sequence
from typing import cast

import pytest

from app.core.jobs import Job, Queue, Ring, Signal
from app.worker.bell import Bell
from app.worker.jobs import Jobs

RESULT = Job(Queue.DELIVERY, "deliver", "1")
MAY_WAIT = Job(Queue.DELIVERY, "deliver", "2", delay_seconds=0.7)
LATER = Job(Queue.DELIVERY, "deliver", "3", ring_number=1, delay_seconds=5.0)
GENERATION = Job(Queue.GENERATION, "generate", "4")
SIGNAL = Signal(7)


class SomeJobs:
    """Stands where the jobs of a process stand."""

    def __init__(self, *, is_lightly_used: bool, has_room: bool = True) -> None:
        self.is_lightly_used = is_lightly_used
        self.has_room = has_room
        self.started: list[Ring] = []

    def try_start(self, job: Job) -> bool:
        if self.has_room:
            self.started.append(job)
        return self.has_room

    def start_if_idle(self, job: Job) -> bool:
        return (job.queue is Queue.DELIVERY or self.is_lightly_used) and self.try_start(job)


class SomeQueue:
    def __init__(self, *, is_away: bool = False) -> None:
        self.is_away = is_away
        self.rung: list[Ring] = []

    async def ring(self, rings: Sequence[Ring]) -> bool:
        self.rung.extend(rings)
        return not self.is_away


@pytest.mark.parametrize(
    ("is_lightly_used", "has_room", "started", "rung"),
    [
        (True, True, [RESULT, MAY_WAIT, GENERATION], [LATER, SIGNAL]),
        (False, True, [RESULT], [LATER, GENERATION, SIGNAL]),
        (False, False, [], [RESULT, LATER, GENERATION, SIGNAL]),
    ],
)
async def test_a_busy_process_starts_results_and_shares_the_rest(
    is_lightly_used: bool, has_room: bool, started: list[Ring], rung: list[Ring]
) -> None:
    jobs, queue = SomeJobs(is_lightly_used=is_lightly_used, has_room=has_room), SomeQueue()
    assert await Bell(queue, cast(Jobs, jobs)).ring([RESULT, MAY_WAIT, LATER, GENERATION, SIGNAL])
    assert (jobs.started, queue.rung) == (started, rung)


async def test_a_queue_that_is_not_needed_may_be_away() -> None:
    bell = Bell(SomeQueue(is_away=True), cast(Jobs, SomeJobs(is_lightly_used=True)))
    assert await bell.ring([RESULT, MAY_WAIT])
    assert not await bell.ring([LATER])
