"""Rings for work after a commit, on the shortest way that does not let this process take everything.

While its own pool is lightly used, a process starts what it has just committed itself: nothing is quicker, and Redis
need not be there. Beyond that it rings the queue, where every process listens.
"""

from collections.abc import Sequence

from app.core.jobs import Job, Ring, Ringer
from app.worker.jobs import Jobs


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
        return isinstance(ring, Job) and ring.delay_seconds == 0 and self._jobs.start_if_idle(ring)
