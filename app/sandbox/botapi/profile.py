"""Methods about the bot itself: who it is, its names, commands and menu button."""

import re
from functools import partial
from typing import Final

from app.sandbox.botapi.call import Call
from app.sandbox.botapi.chats import find_chat
from app.sandbox.botapi.errors import bad_request
from app.sandbox.botapi.method import Method
from app.sandbox.store import Json
from app.sandbox.world import World

_COMMANDS_LIMIT: Final = 100
_COMMAND: Final = re.compile(r"[a-z0-9_]{1,32}")
_DESCRIPTION_LIMIT: Final = 256
_MENU_BUTTONS: Final = ("commands", "web_app", "default")


async def get_me(world: World, _call: Call) -> Json:
    """GetMe."""
    abilities = {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": False,
        "allows_users_to_create_topics": False,
        "can_manage_bots": False,
    }
    return {**world.people.bot_user(), **abilities}


async def confirm(_world: World, _call: Call) -> bool:
    """LogOut and close: there is no other server to go to, so nothing is to be done."""
    return True


async def set_my_commands(world: World, call: Call) -> bool:
    """SetMyCommands, by scope and language."""
    listed = call.structure("commands")
    if not isinstance(listed, list):
        reason = "can't parse commands JSON object"
        raise bad_request(reason)
    if len(listed) > _COMMANDS_LIMIT:
        reason = "BOT_COMMANDS_TOO_MUCH"
        raise bad_request(reason)
    commands = [_read_command(command) for command in listed]
    world.profile.put_commands(_scope(call), call.text("language_code"), commands)
    return True


async def get_my_commands(world: World, call: Call) -> list[Json]:
    """GetMyCommands of exactly this scope and language."""
    return world.profile.list_commands(_scope(call), call.text("language_code"))


async def delete_my_commands(world: World, call: Call) -> bool:
    """DeleteMyCommands."""
    world.profile.drop_commands(_scope(call), call.text("language_code"))
    return True


async def set_chat_menu_button(world: World, call: Call) -> bool:
    """SetChatMenuButton."""
    button = call.structure("menu_button") or {"type": "default"}
    if not isinstance(button, dict) or button.get("type") not in _MENU_BUTTONS:
        reason = "MenuButton has unsupported type"
        raise bad_request(reason)
    world.profile.put_menu_button(_menu_chat(world, call), button)
    return True


async def get_chat_menu_button(world: World, call: Call) -> Json:
    """GetChatMenuButton."""
    return world.profile.find_menu_button(_menu_chat(world, call))


async def set_my_text(name: str, limit: int, world: World, call: Call) -> bool:
    """SetMyName, setMyDescription, setMyShortDescription."""
    text = call.text(name)
    if len(text) > limit:
        reason = f"{name.replace('_', ' ')} is too long"
        raise bad_request(reason)
    world.profile.put_text(f"bot_{name}", call.text("language_code"), text)
    return True


async def get_my_text(name: str, world: World, call: Call) -> Json:
    """GetMyName, getMyDescription, getMyShortDescription."""
    text = world.profile.find_text(f"bot_{name}", call.text("language_code"))
    return {name: text or (world.people.bot_user()["first_name"] if name == "name" else "")}


def _scope(call: Call) -> Json:
    scope = call.structure("scope") or {"type": "default"}
    if not isinstance(scope, dict) or not isinstance(scope.get("type"), str):
        reason = "can't parse BotCommandScope"
        raise bad_request(reason)
    return {key: value for key, value in scope.items() if value is not None}


def _read_command(command: object) -> Json:
    if not isinstance(command, dict):
        reason = "can't parse BotCommand: expected an Object"
        raise bad_request(reason)
    name = str(command.get("command") or "").removeprefix("/")
    description = str(command.get("description") or "").strip()
    if not _COMMAND.fullmatch(name):
        reason = "BOT_COMMAND_INVALID"
        raise bad_request(reason)
    if not 1 <= len(description) <= _DESCRIPTION_LIMIT:
        reason = "BOT_COMMAND_DESCRIPTION_INVALID"
        raise bad_request(reason)
    return {"command": name, "description": description}


def _menu_chat(world: World, call: Call) -> int | None:
    if not call.text("chat_id"):
        return None
    chat_id: int = find_chat(world, call)["id"]
    return chat_id


METHODS: Final[dict[str, Method]] = {
    "getme": get_me,
    "logout": confirm,
    "close": confirm,
    "setmycommands": set_my_commands,
    "getmycommands": get_my_commands,
    "deletemycommands": delete_my_commands,
    "setchatmenubutton": set_chat_menu_button,
    "getchatmenubutton": get_chat_menu_button,
    "setmyname": partial(set_my_text, "name", 64),
    "getmyname": partial(get_my_text, "name"),
    "setmydescription": partial(set_my_text, "description", 512),
    "getmydescription": partial(get_my_text, "description"),
    "setmyshortdescription": partial(set_my_text, "short_description", 120),
    "getmyshortdescription": partial(get_my_text, "short_description"),
}
