"""Decides who may send now: priorities, an overall rate, a pace for each chat, pauses.

It knows neither asyncio nor Telegram. Time is handed in (seconds of a monotonic clock), so that the rules can be tested
without waiting.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import Final

# Allowed at once before the overall rate bites, as seconds of that rate.
_OVERALL_BURST_SECONDS: Final = 0.2
# Three in a row read as a conversation; Telegram tolerates such bursts (Bot FAQ, "My bot is hitting limits").
_CHAT_BURST: Final = 3
# Of one priority. Whoever comes later is told to come back, and the outbox does.
_LONGEST_QUEUE: Final = 5_000
# Chats that nobody waits for are forgotten whenever this many have gathered.
_FORGET_AT: Final = 2_000


@dataclass(eq=False, slots=True)
class Ticket:
    """A place in the queue. `rank` 0 goes first; `weight` is the number of messages; a paceless one spares its chat."""

    chat_id: int
    rank: int
    weight: int = 1
    counts_for_chat: bool = True
    is_withdrawn: bool = False


@dataclass(eq=False, slots=True)
class _Chat:
    """`paid_until` runs ahead of now by one interval a message; `opens_at` is when the next one may go."""

    paid_until: float = 0.0
    paused_until: float = 0.0
    waiting: dict[int, deque[Ticket]] = field(default_factory=dict)
    listed: set[int] = field(default_factory=set)
    is_blocked: bool = False


class Pacer:
    """The queues of one process. Chats of one rank take turns: nobody's hundred messages delay another's one."""

    def __init__(self, *, per_second: float, chat_per_second: float, ranks: int) -> None:
        self._per_second = per_second
        self._chat_interval = 1.0 / chat_per_second
        self._processes = 1
        self._paid_until = 0.0
        self._paused_until = 0.0
        self._chats: dict[int, _Chat] = {}
        self._ready: tuple[deque[int], ...] = tuple(deque() for _ in range(ranks))
        self._blocked: list[tuple[float, int]] = []
        self._sizes = [0] * ranks

    def set_share(self, processes: int) -> None:
        """So many processes share the bot's overall rate."""
        self._processes = max(1, processes)

    def is_full(self, rank: int) -> bool:
        """Whether nobody more may wait at this rank."""
        return self._sizes[rank] >= _LONGEST_QUEUE

    def pause_left(self, chat_id: int, now: float) -> float:
        """Seconds until this chat may be written to at all; 0 when only the pace decides."""
        chat = self._chats.get(chat_id)
        return max(0.0, max(self._paused_until, chat.paused_until if chat else 0.0) - now)

    def join(self, ticket: Ticket, now: float) -> None:
        """Queue behind those of the same chat and rank."""
        chat = self._chats.setdefault(ticket.chat_id, _Chat())
        chat.waiting.setdefault(ticket.rank, deque()).append(ticket)
        self._sizes[ticket.rank] += 1
        self._list(ticket.chat_id, chat, now)

    def withdraw(self, ticket: Ticket) -> None:
        """Leave the queue; harmless when the ticket was let through meanwhile."""
        chat = self._chats.get(ticket.chat_id)
        if chat is None or ticket not in chat.waiting.get(ticket.rank, ()):
            return
        ticket.is_withdrawn = True
        self._sizes[ticket.rank] -= 1

    def pause(self, chat_id: int, until: float) -> None:
        """Telegram wants silence in one chat."""
        chat = self._chats.setdefault(chat_id, _Chat())
        chat.paused_until = max(chat.paused_until, until)

    def pause_all(self, until: float) -> None:
        """Telegram wants silence."""
        self._paused_until = max(self._paused_until, until)

    def advance(self, now: float) -> list[Ticket]:
        """Let through whoever may send now, in order."""
        while self._blocked and self._blocked[0][0] <= now:
            _, chat_id = heapq.heappop(self._blocked)
            chat = self._chats[chat_id]
            chat.is_blocked = False
            self._list(chat_id, chat, now)
        passed: list[Ticket] = []
        while now >= self._opens_at() and (ticket := self._next(now)) is not None:
            self._charge(ticket, now)
            passed.append(ticket)
        if len(self._chats) > _FORGET_AT:
            self._forget(now)
        return passed

    def next_at(self) -> float | None:
        """When `advance` has something to do again; None while nobody waits."""
        if any(self._ready):
            return self._opens_at()
        return self._blocked[0][0] if self._blocked else None

    def _opens_at(self) -> float:
        return max(self._paused_until, self._paid_until - _OVERALL_BURST_SECONDS)

    def _chat_opens_at(self, chat: _Chat, ticket: Ticket) -> float:
        if not ticket.counts_for_chat:
            return chat.paused_until
        return max(chat.paused_until, chat.paid_until - (_CHAT_BURST - 1) * self._chat_interval)

    def _list(self, chat_id: int, chat: _Chat, now: float) -> None:
        """Put a chat where it belongs: among those that may be written to, by rank, or among those that may not yet."""
        opens_at: list[float] = []
        for rank in range(len(self._ready)):
            ticket = _first(chat, rank)
            if ticket is None or rank in chat.listed:
                continue
            ticket_opens_at = self._chat_opens_at(chat, ticket)
            if ticket_opens_at <= now:
                chat.listed.add(rank)
                self._ready[rank].append(chat_id)
            else:
                opens_at.append(ticket_opens_at)
        if opens_at and not chat.is_blocked:
            chat.is_blocked = True
            heapq.heappush(self._blocked, (min(opens_at), chat_id))

    def _next(self, now: float) -> Ticket | None:
        for rank, ready in enumerate(self._ready):
            while ready:
                chat_id = ready.popleft()
                chat = self._chats[chat_id]
                chat.listed.discard(rank)
                ticket = _first(chat, rank)
                if ticket is None:
                    continue
                if self._chat_opens_at(chat, ticket) > now:
                    # Another rank has used up the chat's pace since it was listed.
                    self._list(chat_id, chat, now)
                    continue
                chat.waiting[rank].popleft()
                self._sizes[rank] -= 1
                return ticket
        return None

    def _charge(self, ticket: Ticket, now: float) -> None:
        # An album may go into debt: it cannot be sent in parts.
        rate = self._per_second / self._processes
        self._paid_until = max(self._paid_until, now) + ticket.weight / rate
        chat = self._chats[ticket.chat_id]
        if ticket.counts_for_chat:
            chat.paid_until = max(chat.paid_until, now) + ticket.weight * self._chat_interval
        self._list(ticket.chat_id, chat, now)

    def _forget(self, now: float) -> None:
        for chat_id, chat in list(self._chats.items()):
            is_idle = not chat.is_blocked and not chat.listed and not any(chat.waiting.values())
            if is_idle and max(chat.paid_until, chat.paused_until) <= now:
                del self._chats[chat_id]


def _first(chat: _Chat, rank: int) -> Ticket | None:
    queue = chat.waiting.get(rank)
    while queue:
        if not queue[0].is_withdrawn:
            return queue[0]
        queue.popleft()
    return None
