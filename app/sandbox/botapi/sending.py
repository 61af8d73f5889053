"""Methods that put new messages into a chat."""

import secrets
from functools import partial
from typing import Final

from app.sandbox.botapi.call import Call
from app.sandbox.botapi.chats import find_chat, find_writable_chat
from app.sandbox.botapi.errors import Refusal, bad_request
from app.sandbox.botapi.markup import Markup, read_markup
from app.sandbox.botapi.media import MediaRequest, media_of_call, media_of_item, show
from app.sandbox.botapi.method import Method
from app.sandbox.botapi.outgoing import check_caption, find_replied, link_preview, post, read_caption, read_text
from app.sandbox.botapi.richtext import RichText, compose
from app.sandbox.store import Json
from app.sandbox.world import World

_ALBUM_LEAST: Final = 2
_ALBUM_MOST: Final = 10
# What a copy or a forward takes over of a message.
_CONTENT: Final[tuple[str, ...]] = (
    "text",
    "entities",
    "photo",
    "video",
    "animation",
    "document",
    "invoice",
    "caption",
    "caption_entities",
    "has_media_spoiler",
    "link_preview_options",
)
_SERVICE: Final = ("successful_payment", "refunded_payment")


async def send_message(world: World, call: Call) -> Json:
    """SendMessage."""
    chat = find_writable_chat(world, call)
    text = read_text(call)
    content = {**text.as_fields("text", "entities"), **link_preview(call)}
    return post(world, chat, content, reply_to=find_replied(world, call, chat), markup=read_markup(call))


async def send_media(kind: str, world: World, call: Call) -> Json:
    """SendPhoto, sendVideo, sendAnimation, sendDocument."""
    chat = find_writable_chat(world, call)
    caption = read_caption(call)
    markup = read_markup(call)
    reply_to = find_replied(world, call, chat)
    shown = await show(world, media_of_call(call, kind))
    content = {**shown, **caption.as_fields("caption", "caption_entities")}
    return post(world, chat, content, reply_to=reply_to, markup=markup)


async def send_media_group(world: World, call: Call) -> list[Json]:
    """SendMediaGroup: two to ten messages of one group."""
    chat = find_writable_chat(world, call)
    if call.values.get("reply_markup"):
        # The method has no such parameter; a bot that sends one expects what it will not get.
        reason = "reply markup can't be used in an album"
        raise bad_request(reason)
    items = _album_items(call)
    reply_to = find_replied(world, call, chat)
    contents = [
        {**await show(world, media), **caption.as_fields("caption", "caption_entities")} for media, caption in items
    ]
    group = {"media_group_id": str(13_000_000_000_000_000 + secrets.randbelow(10**15))}
    return [post(world, chat, {**group, **content}, reply_to=reply_to, markup=Markup()) for content in contents]


async def copy_message(world: World, call: Call) -> Json:
    """CopyMessage: the content without its origin."""
    message = _find_source(world, call, "copy")
    if "invoice" in message:
        raise _not_movable("copied")
    chat = find_writable_chat(world, call)
    content: Json = {key: message[key] for key in _CONTENT if key in message}
    if "caption" in call.values and "text" not in content:
        content = {key: value for key, value in content.items() if not key.startswith("caption")}
        content.update(read_caption(call).as_fields("caption", "caption_entities"))
    sent = post(world, chat, content, reply_to=find_replied(world, call, chat), markup=read_markup(call))
    return {"message_id": sent["message_id"]}


async def forward_message(world: World, call: Call) -> Json:
    """ForwardMessage: the content with its origin."""
    message = _find_source(world, call, "forward")
    chat = find_writable_chat(world, call)
    origin = {"type": "user", "date": message["date"], "sender_user": message["from"]}
    content: Json = {"forward_origin": origin, **{key: message[key] for key in _CONTENT if key in message}}
    invoice = world.invoices.find_by_message(message["message_id"])
    with world.store.transaction():
        sent = post(world, chat, content, reply_to=None, markup=Markup())
        # A forwarded invoice can be paid there as well, unless its start parameter leads to the bot instead.
        if invoice is not None and not message["invoice"]["start_parameter"]:
            world.invoices.add(invoice.terms, message_id=sent["message_id"])
    return sent


def _find_source(world: World, call: Call, verb: str) -> Json:
    source = find_chat(world, call, field="from_chat_id")
    message = world.history.find(source["id"], call.integer("message_id") or 0)
    if message is None:
        reason = f"message to {verb} not found"
        raise bad_request(reason)
    if any(kind in message for kind in _SERVICE):
        raise _not_movable("copied" if verb == "copy" else "forwarded")
    return message


def _not_movable(done: str) -> Refusal:
    return bad_request(f"message can't be {done}")


def _album_items(call: Call) -> list[tuple[MediaRequest, RichText]]:
    listed = call.structure("media")
    if not isinstance(listed, list) or not listed:
        reason = "there are no messages to send"
        raise bad_request(reason)
    if not _ALBUM_LEAST <= len(listed) <= _ALBUM_MOST:
        reason = f"too {'many' if len(listed) > _ALBUM_MOST else 'few'} messages to send as an album"
        raise bad_request(reason)
    items = [(media_of_item(call, item), item_caption(item)) for item in listed]
    kinds = {media.kind for media, _ in items}
    if "animation" in kinds or ("document" in kinds and len(kinds) > 1):
        reason = "can't use the media of the specified type in the album"
        raise bad_request(reason)
    return items


def item_caption(item: Json) -> RichText:
    """The caption of an `InputMedia` object.

    Raises: Refusal.
    """
    caption, mode = str(item.get("caption") or ""), str(item.get("parse_mode") or "")
    return check_caption(compose(caption, mode, item.get("caption_entities")))


METHODS: Final[dict[str, Method]] = {
    "sendmessage": send_message,
    "sendphoto": partial(send_media, "photo"),
    "sendvideo": partial(send_media, "video"),
    "sendanimation": partial(send_media, "animation"),
    "senddocument": partial(send_media, "document"),
    "sendmediagroup": send_media_group,
    "copymessage": copy_message,
    "forwardmessage": forward_message,
}
