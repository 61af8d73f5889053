"""Who talks to the bot: users, the bot itself and the alert chat, as Bot API objects."""

import sqlite3
from dataclasses import dataclass
from typing import Final

from app.sandbox.config import SandboxConfig
from app.sandbox.store import Json, Store

_FIRST_USER_ID: Final = 700_000_001
_BOT_NAME: Final = "Starbrush"


class UserNotFound(Exception):
    """No user has this id."""


@dataclass(frozen=True, slots=True)
class Person:
    """A Telegram user. `started`: has written to the bot, so that the bot may write back."""

    user_id: int
    first_name: str
    last_name: str | None
    username: str | None
    language_code: str | None
    started: bool
    blocked: bool

    def as_user(self) -> Json:
        """Bot API `User`."""
        named = {"last_name": self.last_name, "username": self.username, "language_code": self.language_code}
        return {
            "id": self.user_id,
            "is_bot": False,
            "first_name": self.first_name,
            **{key: value for key, value in named.items() if value is not None},
        }

    def as_chat(self) -> Json:
        """Bot API `Chat` of the private chat with this user."""
        named = {"last_name": self.last_name, "username": self.username}
        return {
            "id": self.user_id,
            "type": "private",
            "first_name": self.first_name,
            **{key: value for key, value in named.items() if value is not None},
        }


class People:
    """The users, the bot and the chats that exist without having been made by anybody."""

    def __init__(self, store: Store, config: SandboxConfig) -> None:
        self._store = store
        self._config = config
        self.settle()

    def settle(self) -> None:
        """Make sure that the administrators and the alert chat exist."""
        for admin_id in self._config.admin_ids:
            self._insert(admin_id, first_name="Operator", started=False)
        alert_chat_id = self._config.alert_chat_id
        if alert_chat_id is not None and alert_chat_id > 0:
            self._insert(alert_chat_id, first_name="Alerts", started=True)
            self._store.execute("UPDATE users SET started = 1 WHERE user_id = ?", (alert_chat_id,))

    def create(
        self, *, first_name: str, language_code: str | None, last_name: str | None, username: str | None
    ) -> Person:
        """A new user who has not written to the bot yet."""
        user_id = self._store.next_number("user_id", first=_FIRST_USER_ID)
        self._insert(
            user_id, first_name=first_name, last_name=last_name, username=username, language_code=language_code
        )
        return self.get(user_id)

    def get(self, user_id: int) -> Person:
        """Raises: UserNotFound."""
        person = self.find(user_id)
        if person is None:
            message = f"there is no user {user_id}"
            raise UserNotFound(message)
        return person

    def find(self, user_id: int) -> Person | None:
        row = self._store.first("SELECT * FROM users WHERE user_id = ?", (user_id,))
        return None if row is None else _person(row)

    def list_all(self) -> list[Person]:
        """Everybody, in the order of their ids."""
        return [_person(row) for row in self._store.all("SELECT * FROM users ORDER BY user_id")]

    def mark_started(self, user_id: int) -> None:
        """The user has pressed Start."""
        self._store.execute("UPDATE users SET started = 1 WHERE user_id = ?", (user_id,))

    def mark_blocked(self, user_id: int, *, blocked: bool) -> None:
        """The user has blocked the bot, or let it in again."""
        self._store.execute("UPDATE users SET blocked = ? WHERE user_id = ?", (int(blocked), user_id))

    def find_chat(self, chat_id: int) -> Json | None:
        """Bot API `Chat`, or None when there is no such chat."""
        if chat_id < 0:
            is_alert_chat = chat_id == self._config.alert_chat_id
            return {"id": chat_id, "type": "group", "title": "Alerts"} if is_alert_chat else None
        person = self.find(chat_id)
        return None if person is None else person.as_chat()

    def bot_user(self) -> Json:
        """Bot API `User` of the bot."""
        return {
            "id": self._config.bot_id,
            "is_bot": True,
            "first_name": self._store.find_setting("bot_name:") or _BOT_NAME,
            "username": self._config.bot_username,
        }

    def _insert(
        self,
        user_id: int,
        *,
        first_name: str,
        last_name: str | None = None,
        username: str | None = None,
        language_code: str | None = "en",
        started: bool = False,
    ) -> None:
        self._store.execute(
            "INSERT INTO users (user_id, first_name, last_name, username, language_code, started, blocked)"
            " VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING",
            (user_id, first_name, last_name, username, language_code, int(started)),
        )


def _person(row: sqlite3.Row) -> Person:
    return Person(
        user_id=row["user_id"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        username=row["username"],
        language_code=row["language_code"],
        started=bool(row["started"]),
        blocked=bool(row["blocked"]),
    )
