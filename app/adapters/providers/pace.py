"""How fast a vendor may be asked by this process: nothing waits here, the caller is told when to come back."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from app.domain.ports import ProviderHeldBack

# A vendor may ask for patience, though its word must not stop all of its routes for an hour.
_LONGEST_REST_SECONDS: Final = 60.0


class Pace:
    """At most `limit` requests in any `window_seconds`, and none while the vendor wants to be left alone."""

    def __init__(self, *, limit: int, window_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._window_seconds = window_seconds
        self._clock = clock
        self._taken: deque[float] = deque()
        self._resting_until = 0.0

    def take(self) -> None:
        """Count one request. Raises: ProviderHeldBack, saying when the next one is due."""
        now = self._clock()
        if now < self._resting_until:
            self._refuse(self._resting_until - now)
        while self._taken and self._taken[0] <= now - self._window_seconds:
            self._taken.popleft()
        if len(self._taken) >= self._limit:
            self._refuse(self._taken[0] + self._window_seconds - now)
        self._taken.append(now)

    def rest(self, seconds: float) -> None:
        """Send nothing for so long (at most a minute)."""
        self._resting_until = max(self._resting_until, self._clock() + min(seconds, _LONGEST_REST_SECONDS))

    @staticmethod
    def _refuse(seconds: float) -> None:
        message = "held back by our own pace"
        raise ProviderHeldBack(message, retry_after_seconds=seconds)
