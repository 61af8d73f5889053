"""The one paced sender of a process: every message, edit and deletion waits here for its turn."""

import asyncio
from collections import deque
from typing import Final

import structlog

from app.adapters.telegram.pacing import Pacer, Ticket
from app.domain.ports import Priority, SendLater

log = structlog.get_logger(__name__)

_RANKS: Final = {Priority.REPLY: 0, Priority.RESULT: 1, Priority.NOTICE: 2, Priority.BROADCAST: 3}
# A handler must answer Telegram's webhook within seconds; the others hold a place in a pool, not a person's patience.
_PATIENCE_SECONDS: Final = {
    Priority.REPLY: 2.5,
    Priority.RESULT: 30.0,
    Priority.NOTICE: 20.0,
    Priority.BROADCAST: 20.0,
}
# Who did not get their turn comes back after this long.
_COME_BACK_SECONDS: Final = 2.0
# Telegram does not say whether a 429 is for one chat or for the bot: so many chats within so many seconds mean the bot.
_GLOBAL_CHATS: Final = 3
_GLOBAL_WINDOW_SECONDS: Final = 5.0


class PacedSender:
    """Hands out turns to send, by priority, within Telegram's limits; pauses when Telegram asks for it.

    Nothing runs while nobody waits: one timer stands for the whole queue.
    """

    def __init__(self, *, per_second: float, chat_per_second: float) -> None:
        self._pacer = Pacer(per_second=per_second, chat_per_second=chat_per_second, ranks=len(_RANKS))
        self._waiting: dict[Ticket, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._refusals: deque[tuple[float, int]] = deque()

    def set_share(self, processes: int) -> None:
        """So many living processes share the bot's overall rate."""
        self._pacer.set_share(processes)

    async def turn(self, chat_id: int, priority: Priority, *, weight: int = 1, counts_for_chat: bool = True) -> None:
        """Return when it is this message's turn; `weight` counts the parts of an album.

        Raises: SendLater when the chat is paused, the queue is full, or the turn does not come soon enough.
        """
        now = self._time()
        if (left := self._pacer.pause_left(chat_id, now)) > 0:
            raise SendLater("paused by flood control", retry_after_seconds=left)
        if self._pacer.is_full(_RANKS[priority]):
            raise SendLater("queue full", retry_after_seconds=_COME_BACK_SECONDS)
        ticket = Ticket(chat_id, _RANKS[priority], weight, counts_for_chat)
        self._pacer.join(ticket, now)
        if ticket in self._pump():
            return
        future = self._waiting[ticket] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS[priority]):
                await future
        except TimeoutError:
            raise SendLater("no turn in time", retry_after_seconds=_COME_BACK_SECONDS) from None
        finally:
            self._waiting.pop(ticket, None)
            self._pacer.withdraw(ticket)

    def pause(self, chat_id: int, seconds: float) -> None:
        """Telegram answered 429 in this chat; when it does so in several at once, everything pauses."""
        now = self._time()
        self._refusals.append((now, chat_id))
        while self._refusals[0][0] < now - _GLOBAL_WINDOW_SECONDS:
            self._refusals.popleft()
        if len({refused for _, refused in self._refusals}) >= _GLOBAL_CHATS:
            self._pacer.pause_all(now + seconds)
            log.warning("sending_paused", seconds=seconds)
        else:
            self._pacer.pause(chat_id, now + seconds)
            log.info("chat_paused", chat_id=chat_id, seconds=seconds)
        self._turn_away(now)

    def _turn_away(self, now: float) -> None:
        """Whoever waits for a paused chat is told at once, instead of at the end of their patience."""
        for ticket, future in self._waiting.items():
            left = self._pacer.pause_left(ticket.chat_id, now)
            if left > 0 and not future.done():
                future.set_exception(SendLater("paused by flood control", retry_after_seconds=left))

    def _pump(self) -> list[Ticket]:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._time()
        passed = self._pacer.advance(now)
        for ticket in passed:
            future = self._waiting.get(ticket)
            if future is not None and not future.done():
                future.set_result(None)
        next_at = self._pacer.next_at()
        if next_at is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, next_at - now), self._pump)
        return passed

    @staticmethod
    def _time() -> float:
        return asyncio.get_running_loop().time()
