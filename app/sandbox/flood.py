"""Telegram's limits of sending, switched on by the configuration: about 30 messages a second, 1 a second and chat."""

import math
import time
from dataclasses import dataclass
from typing import Final

_OVERALL_PER_SECOND: Final = 30.0
_CHAT_PER_SECOND: Final = 1.0
# Short bursts into one chat are let through; the number is observed, not promised.
_CHAT_BURST: Final = 5.0
# Buckets that have filled up again are forgotten when there are so many.
_CHATS_KEPT: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    rate: float
    burst: float
    level: float
    at: float

    def refill(self, now: float) -> None:
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now

    def shortage_seconds(self) -> float:
        return max(0.0, (1.0 - self.level) / self.rate)


class FloodGate:
    """Token buckets, overall and by chat."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._chats: dict[int, _Bucket] = {}
        self._overall = _Bucket(_OVERALL_PER_SECOND, _OVERALL_PER_SECOND, _OVERALL_PER_SECOND, time.monotonic())

    def clear(self) -> None:
        """Forget what was sent."""
        self._chats.clear()
        self._overall.level = self._overall.burst

    def admit(self, chat_id: int) -> int:
        """Count one message; answers 0, or the seconds after which it may be tried again."""
        if not self._enabled:
            return 0
        now = time.monotonic()
        if len(self._chats) > _CHATS_KEPT:
            self._chats.clear()
        chat = self._chats.setdefault(chat_id, _Bucket(_CHAT_PER_SECOND, _CHAT_BURST, _CHAT_BURST, now))
        for bucket in (chat, self._overall):
            bucket.refill(now)
        shortage = max(chat.shortage_seconds(), self._overall.shortage_seconds())
        if shortage > 0:
            return max(1, math.ceil(shortage))
        chat.level -= 1
        self._overall.level -= 1
        return 0
