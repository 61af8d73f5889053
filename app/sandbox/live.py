"""What happens in a chat, as it happens: feeds the playground's event stream. Nothing is kept."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.sandbox.store import Json

# A page that reads nothing for so long is cut off and starts again from the whole chat.
_QUEUE_LIMIT: Final = 1_000

# Watching this watches every chat at once, since a browser keeps no more than six connections; no chat has this id.
EVERY_CHAT: Final = 0


class LiveKind(StrEnum):
    """Names of the events, as the stream sends them."""

    MESSAGE = "message"
    EDITED = "edited"
    DELETED = "deleted"
    ACTION = "action"
    ANSWER = "answer"
    KEYBOARD = "keyboard"
    STATUS = "status"
    WALLET = "wallet"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One thing that happened."""

    kind: LiveKind
    data: Json


Feed = asyncio.Queue[LiveEvent | None]


class LiveChats:
    """Fan-out of events to whoever watches a chat."""

    def __init__(self) -> None:
        self._feeds: defaultdict[int, set[Feed]] = defaultdict(set)

    def publish(self, chat_id: int, kind: LiveKind, data: Json) -> None:
        """Tell the watchers of one chat, and those of every chat, who are told which one it was."""
        for feed in tuple(self._feeds.get(chat_id, ())):
            self._put(feed, LiveEvent(kind, data))
        for feed in tuple(self._feeds.get(EVERY_CHAT, ())):
            self._put(feed, LiveEvent(kind, {"chat_id": chat_id, "data": data}))

    def publish_to_all(self, kind: LiveKind, data: Json) -> None:
        """Tell every watcher."""
        for feeds in tuple(self._feeds.values()):
            for feed in tuple(feeds):
                self._put(feed, LiveEvent(kind, data))

    def close(self) -> None:
        """End every stream, since the process is about to stop."""
        for feeds in self._feeds.values():
            for feed in feeds:
                self._end(feed)

    @contextmanager
    def watch(self, chat_id: int) -> Iterator[Feed]:
        """A feed of the chat's events, or of EVERY_CHAT's, for as long as the block lasts; None is its end."""
        feed: Feed = asyncio.Queue(_QUEUE_LIMIT)
        self._feeds[chat_id].add(feed)
        try:
            yield feed
        finally:
            self._feeds[chat_id].discard(feed)
            if not self._feeds[chat_id]:
                del self._feeds[chat_id]

    def _put(self, feed: Feed, event: LiveEvent) -> None:
        try:
            feed.put_nowait(event)
        except asyncio.QueueFull:
            self._end(feed)

    @staticmethod
    def _end(feed: Feed) -> None:
        while feed.full():
            feed.get_nowait()
        feed.put_nowait(None)
