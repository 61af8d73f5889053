"""Rings for work after a commit, on the shortest way that does not let this process take everything.

While its own pool is lightly used, a process starts what it has just committed itself: nothing is quicker, and Redis
need not be there. Beyond that it rings the queue, where every process listens.
"""

from collections.abc import Sequence
from typing import Final

from app.core.jobs import Job, Queue, Ring, Ringer
from app.worker.jobs import Jobs

# A delivery that may wait so little is one that is mostly not needed any more once it has waited.
_SOON_SECONDS: Final = 1.0


class Bell:
    """The Ringer of a process that works."""

    def __init__(self, queue: Ringer, jobs: Jobs) -> None:
        self._queue = queue
        self._jobs = jobs

    async def ring(self, rings: Sequence[Ring]) -> bool:
        """Start or ring; False when the queue was needed and could not be reached."""
        others = [ring for ring in rings if not self._starts(ring)]
        return not others or await self._queue.ring(others)

    def _starts(self, ring: Ring) -> bool:
        if not isinstance(ring, Job):
            return False
        if ring.delay_seconds == 0:
            return self._jobs.start_if_idle(ring)
        if ring.queue is not Queue.DELIVERY or ring.delay_seconds > _SOON_SECONDS:
            return False
        # A busy process leaves it to the sweep, which rings within seconds for what is still owed then.
        if self._jobs.is_lightly_used:
            self._jobs.try_start(ring)
        return True
