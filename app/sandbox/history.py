"""The messages of every chat, edits and deletions applied, and the reply keyboard shown below each."""

import json
from typing import Final

from app.sandbox.live import LiveChats, LiveKind
from app.sandbox.store import Json, Store

_FIRST_MESSAGE_ID: Final = 1


class History:
    """Bot API `Message` objects, one number line for all chats as in a bot's private chats."""

    def __init__(self, store: Store, live: LiveChats) -> None:
        self._store = store
        self._live = live

    def add(self, chat_id: int, body: Json) -> Json:
        """Give the message its id, keep it and show it."""
        message_id = self._store.next_number("message_id", first=_FIRST_MESSAGE_ID)
        message = {"message_id": message_id, **body}
        self._store.execute(
            "INSERT INTO messages (message_id, chat_id, body) VALUES (?, ?, ?)",
            (message_id, chat_id, json.dumps(message)),
        )
        self._live.publish(chat_id, LiveKind.MESSAGE, message)
        return message

    def find(self, chat_id: int, message_id: int) -> Json | None:
        row = self._store.first("SELECT body FROM messages WHERE chat_id = ? AND message_id = ?", (chat_id, message_id))
        return None if row is None else _loaded(row["body"])

    def replace(self, chat_id: int, message: Json) -> None:
        """Put an edited message in the place of the one it was; the buttons that it had are remembered."""
        message_id = message["message_id"]
        former = self.find(chat_id, message_id)
        with self._store.transaction():
            for data in callback_data_of(former or {}):
                self._store.execute(
                    "INSERT OR IGNORE INTO former_buttons (message_id, data) VALUES (?, ?)", (message_id, data)
                )
            self._store.execute(
                "UPDATE messages SET body = ? WHERE chat_id = ? AND message_id = ?",
                (json.dumps(message), chat_id, message_id),
            )
        self._live.publish(chat_id, LiveKind.EDITED, message)

    def had_button(self, message_id: int, data: str) -> bool:
        """Whether a button with this callback data was under the message before an edit."""
        found = self._store.first("SELECT 1 FROM former_buttons WHERE message_id = ? AND data = ?", (message_id, data))
        return found is not None

    def delete(self, chat_id: int, message_id: int) -> None:
        """Make it vanish on both sides."""
        self._store.execute("DELETE FROM messages WHERE chat_id = ? AND message_id = ?", (chat_id, message_id))
        self._store.execute("DELETE FROM former_buttons WHERE message_id = ?", (message_id,))
        self._live.publish(chat_id, LiveKind.DELETED, {"message_ids": [message_id]})

    def list_after(self, chat_id: int, message_id: int) -> list[Json]:
        """The chat's messages with a greater id, oldest first."""
        rows = self._store.all(
            "SELECT body FROM messages WHERE chat_id = ? AND message_id > ? ORDER BY message_id", (chat_id, message_id)
        )
        return [_loaded(row["body"]) for row in rows]

    def list_newest(self) -> list[Json]:
        """The newest message of every chat."""
        rows = self._store.all(
            "SELECT body FROM messages WHERE message_id IN (SELECT max(message_id) FROM messages GROUP BY chat_id)"
        )
        return [_loaded(row["body"]) for row in rows]

    def put_keyboard(self, chat_id: int, markup: Json) -> None:
        """Show a reply keyboard below the chat, or take it away (`remove_keyboard`)."""
        if markup.get("remove_keyboard"):
            self._store.execute("DELETE FROM keyboards WHERE chat_id = ?", (chat_id,))
        else:
            self._store.execute(
                "INSERT INTO keyboards (chat_id, markup) VALUES (?, ?)"
                " ON CONFLICT (chat_id) DO UPDATE SET markup = excluded.markup",
                (chat_id, json.dumps(markup)),
            )
        self._live.publish(chat_id, LiveKind.KEYBOARD, {"reply_keyboard": self.find_keyboard(chat_id)})

    def find_keyboard(self, chat_id: int) -> Json | None:
        """The reply keyboard shown below the chat, or None."""
        row = self._store.first("SELECT markup FROM keyboards WHERE chat_id = ?", (chat_id,))
        return None if row is None else _loaded(row["markup"])


def callback_data_of(message: Json) -> list[str]:
    """The callback data of the message's buttons."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", ())
    return [button["callback_data"] for row in rows for button in row if "callback_data" in button]


def _loaded(text: str) -> Json:
    value: Json = json.loads(text)
    return value
