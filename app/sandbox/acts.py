"""What users do in the chat with the bot: write, tap, block. Each act becomes a message and an update."""

import secrets
from dataclasses import dataclass
from typing import Final

from app.sandbox.botapi.outgoing import check_caption
from app.sandbox.botapi.richtext import RichText, compose
from app.sandbox.files import Upload
from app.sandbox.history import callback_data_of
from app.sandbox.live import LiveKind
from app.sandbox.people import Person
from app.sandbox.store import Json
from app.sandbox.world import World

# A bot answers a tap within its handler's limit, or not at all.
_ANSWER_LIMIT_SECONDS: Final = 10.0
_TEXT_LIMIT: Final = 4096


class ActRefused(Exception):
    """A user of Telegram could not do this; the text says why."""


@dataclass(frozen=True, slots=True)
class Written:
    """A message of a user's, and the update that tells the bot; None when the bot did not ask for it."""

    update_id: int | None
    message: Json


def write_text(world: World, person: Person, text: str, *, reply_to_message_id: int | None = None) -> Written:
    """Send a text message.

    Raises: ActRefused.
    """
    rich = compose(text, "", None)
    if not rich.text or rich.length > _TEXT_LIMIT:
        reason = "a text message has 1 to 4,096 characters"
        raise ActRefused(reason)
    _open_chat(world, person, restart=rich.text.startswith("/start"))
    return _write(world, person, rich.as_fields("text", "entities"), _find_replied(world, person, reply_to_message_id))


async def write_photos(
    world: World, person: Person, photos: list[Upload], caption: str, *, reply_to_message_id: int | None = None
) -> list[Written]:
    """Send a photo, or an album of several; the caption belongs to the first.

    Raises: ActRefused; PhotoRefused for what is no photo.
    """
    rich = _prepare_caption(world, person, caption)
    contents: list[Json] = [{"photo": await world.files.keep_photo(photo)} for photo in photos]
    return _write_group(world, person, contents, rich, _find_replied(world, person, reply_to_message_id))


async def write_documents(
    world: World, person: Person, documents: list[Upload], caption: str, *, reply_to_message_id: int | None = None
) -> list[Written]:
    """Send a file, or an album of several; the caption belongs to the first.

    Raises: ActRefused.
    """
    rich = _prepare_caption(world, person, caption)
    contents: list[Json] = [{"document": await world.files.keep_document(document)} for document in documents]
    return _write_group(world, person, contents, rich, _find_replied(world, person, reply_to_message_id))


@dataclass(frozen=True, slots=True)
class Tap:
    """A tapped button."""

    update_id: int | None
    query_id: str


def tap(world: World, person: Person, message_id: int, data: str) -> Tap:
    """Tap the button of a message that carries this callback data, or carried it before an edit.

    A phone may still show the old buttons: the second tap of a double tap reaches the bot after its edit.
    Raises: ActRefused when there is and was no such button.
    """
    message = world.history.find(person.user_id, message_id)
    if message is None:
        reason = f"there is no message {message_id} in this chat"
        raise ActRefused(reason)
    if data not in callback_data_of(message) and not world.history.had_button(message_id, data):
        reason = f"message {message_id} has and had no button with this data"
        raise ActRefused(reason)
    _open_chat(world, person, restart=False)
    query_id = world.callbacks.open(person.user_id)
    query = {
        "id": query_id,
        "from": person.as_user(),
        "message": message,
        "chat_instance": str(_chat_instance(world, person.user_id)),
        "data": data,
    }
    return Tap(world.tell_bot(person.user_id, "callback_query", query), query_id)


async def wait_answer(world: World, tapped: Tap) -> Json | None:
    """What the bot answered to a tap; None when it did not."""
    # A bot that was not told cannot answer.
    limit_seconds = 0.0 if tapped.update_id is None else _ANSWER_LIMIT_SECONDS
    return await world.callbacks.wait_answer(tapped.query_id, limit_seconds=limit_seconds)


def set_blocked(world: World, person: Person, *, blocked: bool) -> int | None:
    """Block the bot or let it in again; answers the id of the update, None when nothing changed."""
    if person.blocked == blocked:
        return None
    world.people.mark_blocked(person.user_id, blocked=blocked)
    world.live.publish(person.user_id, LiveKind.STATUS, {"blocked": blocked})
    bot = world.people.bot_user()
    was, becomes = ("member", "kicked") if blocked else ("kicked", "member")
    change = {
        "chat": person.as_chat(),
        "from": person.as_user(),
        "date": world.clock.unix(),
        "old_chat_member": _member(bot, was),
        "new_chat_member": _member(bot, becomes),
    }
    return world.tell_bot(person.user_id, "my_chat_member", change)


def _member(bot: Json, status: str) -> Json:
    # A ban without an end, which is what blocking is, has the date 0.
    return {"user": bot, "status": status, **({"until_date": 0} if status == "kicked" else {})}


def _chat_instance(world: World, user_id: int) -> int:
    return (user_id * 2_654_435_761 + world.config.bot_id * 40_503) % 2**62


def _open_chat(world: World, person: Person, *, restart: bool) -> None:
    """Whoever writes has pressed Start. The button Restart of a blocked bot unblocks it and sends /start."""
    if person.blocked and not restart:
        reason = "the user has blocked the bot: unblock it first, or send /start"
        raise ActRefused(reason)
    if person.blocked:
        set_blocked(world, person, blocked=False)
    world.people.mark_started(person.user_id)


def _prepare_caption(world: World, person: Person, caption: str) -> RichText:
    _open_chat(world, person, restart=False)
    return check_caption(compose(caption, "", None))


def _find_replied(world: World, person: Person, message_id: int | None) -> Json | None:
    if message_id is None:
        return None
    message = world.history.find(person.user_id, message_id)
    if message is None:
        reason = f"there is no message {message_id} to reply to"
        raise ActRefused(reason)
    return {key: value for key, value in message.items() if key != "reply_to_message"}


def _write_group(
    world: World, person: Person, contents: list[Json], caption: RichText, reply_to: Json | None
) -> list[Written]:
    contents[0].update(caption.as_fields("caption", "caption_entities"))
    if len(contents) > 1:
        group = str(14_000_000_000_000_000 + secrets.randbelow(10**15))
        contents = [{"media_group_id": group, **content} for content in contents]
    return [_write(world, person, content, reply_to) for content in contents]


def _write(world: World, person: Person, content: Json, reply_to: Json | None) -> Written:
    body: Json = {"from": person.as_user(), "chat": person.as_chat(), "date": world.clock.unix()}
    if reply_to is not None:
        body["reply_to_message"] = reply_to
    message = world.history.add(person.user_id, {**body, **content})
    return Written(world.tell_bot(person.user_id, "message", message), message)
