"""What the bot says of itself: names, descriptions, commands and menu buttons, by language and scope."""

import json
from typing import Final

from app.sandbox.store import Json, Store

DEFAULT_MENU_BUTTON: Final[Json] = {"type": "commands"}


class Profile:
    """Kept in the settings, since a reset does not take it back: the bot sets it once, when it starts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put_text(self, field: str, language_code: str, text: str) -> None:
        """Set `bot_name`, `bot_description` or `bot_short_description`; empty takes it back."""
        key = f"{field}:{language_code}"
        if text:
            self._store.put_setting(key, text)
        else:
            self._store.drop_setting(key)

    def find_text(self, field: str, language_code: str) -> str:
        """The text in this language, else the one for all, else empty."""
        found = self._store.find_setting(f"{field}:{language_code}") or self._store.find_setting(f"{field}:")
        return str(found or "")

    def put_commands(self, scope: Json, language_code: str, commands: list[Json]) -> None:
        """Set the commands of a scope and language."""
        self._store.put_setting(_commands_key(scope, language_code), commands)

    def drop_commands(self, scope: Json, language_code: str) -> None:
        """Take them back."""
        self._store.drop_setting(_commands_key(scope, language_code))

    def list_commands(self, scope: Json, language_code: str) -> list[Json]:
        """What was set for exactly this scope and language."""
        found: list[Json] | None = self._store.find_setting(_commands_key(scope, language_code))
        return found or []

    def list_commands_shown(self, user_id: int, language_code: str | None) -> list[Json]:
        """What this user's app shows in the private chat, by Telegram's order of precedence."""
        scopes: list[Json] = [{"type": "chat", "chat_id": user_id}, {"type": "all_private_chats"}, {"type": "default"}]
        for scope in scopes:
            for language in (language_code or "", ""):
                commands = self.list_commands(scope, language)
                if commands:
                    return commands
        return []

    def put_menu_button(self, chat_id: int | None, button: Json) -> None:
        """Set the button of one chat, or with None of all that have none of their own."""
        key = _menu_key(chat_id)
        if button["type"] == "default":
            self._store.drop_setting(key)
        else:
            self._store.put_setting(key, button)

    def find_menu_button(self, chat_id: int | None) -> Json:
        """The button that is shown there."""
        found: Json | None = self._store.find_setting(_menu_key(chat_id)) or self._store.find_setting(_menu_key(None))
        return found or DEFAULT_MENU_BUTTON


def _commands_key(scope: Json, language_code: str) -> str:
    return f"commands:{json.dumps(scope, sort_keys=True)}:{language_code}"


def _menu_key(chat_id: int | None) -> str:
    return "menu_button:" if chat_id is None else f"menu_button:{chat_id}"
