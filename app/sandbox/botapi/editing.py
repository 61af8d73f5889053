"""Methods that change or delete messages of a chat."""

from typing import Final

from app.sandbox.botapi.call import Call
from app.sandbox.botapi.chats import find_chat, find_writable_chat
from app.sandbox.botapi.errors import bad_request
from app.sandbox.botapi.markup import read_inline_markup
from app.sandbox.botapi.media import KINDS, media_of_item, show
from app.sandbox.botapi.method import Method
from app.sandbox.botapi.outgoing import link_preview, read_caption, read_text
from app.sandbox.botapi.sending import item_caption
from app.sandbox.store import Json
from app.sandbox.world import World

# A bot may delete messages of a private chat for 48 hours (Bot API, deleteMessage).
_DELETABLE_SECONDS: Final = 48 * 3600
_DELETED_AT_ONCE: Final = 100
_TEXT_FIELDS: Final = ("text", "entities", "link_preview_options")
_CAPTION_FIELDS: Final = ("caption", "caption_entities")
_MEDIA_FIELDS: Final = (*KINDS, *_CAPTION_FIELDS, "has_media_spoiler")


async def edit_message_text(world: World, call: Call) -> Json:
    """EditMessageText."""
    message = _find_editable(world, call)
    if "text" not in message:
        reason = "there is no text in the message to edit"
        raise bad_request(reason)
    text = read_text(call)
    return _edit(world, call, message, _TEXT_FIELDS, {**text.as_fields("text", "entities"), **link_preview(call)})


async def edit_message_caption(world: World, call: Call) -> Json:
    """EditMessageCaption; without a caption it is taken away."""
    message = _find_editable(world, call)
    if not any(kind in message for kind in KINDS):
        reason = "there is no caption in the message to edit"
        raise bad_request(reason)
    return _edit(world, call, message, _CAPTION_FIELDS, read_caption(call).as_fields("caption", "caption_entities"))


async def edit_message_media(world: World, call: Call) -> Json:
    """EditMessageMedia; the caption comes with the media."""
    message = _find_editable(world, call)
    if "invoice" in message:
        reason = "message can't be edited"
        raise bad_request(reason)
    item = call.structure("media")
    media = media_of_item(call, item)
    caption = item_caption(item)
    content = {**await show(world, media), **caption.as_fields("caption", "caption_entities")}
    return _edit(world, call, message, (*_TEXT_FIELDS, *_MEDIA_FIELDS), content)


async def edit_message_reply_markup(world: World, call: Call) -> Json:
    """EditMessageReplyMarkup; without a keyboard it is taken away."""
    return _edit(world, call, _find_editable(world, call), (), {})


async def delete_message(world: World, call: Call) -> bool:
    """DeleteMessage."""
    chat = find_chat(world, call)
    message = world.history.find(chat["id"], call.integer("message_id") or 0)
    if message is None:
        reason = "message to delete not found"
        raise bad_request(reason)
    if not _is_deletable(world, message):
        reason = "message can't be deleted for everyone"
        raise bad_request(reason)
    world.history.delete(chat["id"], message["message_id"])
    return True


async def delete_messages(world: World, call: Call) -> bool:
    """DeleteMessages; those that are gone are passed over."""
    chat = find_chat(world, call)
    wanted = call.structure("message_ids")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= _DELETED_AT_ONCE:
        reason = "message identifiers are not specified" if not wanted else "too many message identifiers specified"
        raise bad_request(reason)
    found = [world.history.find(chat["id"], int(message_id)) for message_id in wanted]
    for message in found:
        # Those that are gone are skipped, as the method's description says.
        if message is not None and _is_deletable(world, message):
            world.history.delete(chat["id"], message["message_id"])
    return True


def _is_deletable(world: World, message: Json) -> bool:
    return world.clock.unix() - int(message["date"]) < _DELETABLE_SECONDS


def _find_editable(world: World, call: Call) -> Json:
    if call.text("inline_message_id"):
        # No inline mode, so there are no such messages.
        reason = "MESSAGE_ID_INVALID"
        raise bad_request(reason)
    chat = find_writable_chat(world, call)
    if not call.text("message_id"):
        reason = "message identifier is not specified"
        raise bad_request(reason)
    message = world.history.find(chat["id"], call.integer("message_id") or 0)
    if message is None:
        reason = "message to edit not found"
        raise bad_request(reason)
    if message["from"]["id"] != world.config.bot_id or "forward_origin" in message:
        reason = "message can't be edited"
        raise bad_request(reason)
    return message


def _edit(world: World, call: Call, message: Json, fields: tuple[str, ...], content: Json) -> Json:
    """Replace `fields` by `content` and the keyboard by the one sent, or by none."""
    markup = read_inline_markup(call, in_invoice="invoice" in message)
    kept = {key: value for key, value in message.items() if key not in {*fields, "reply_markup"}}
    edited = {**kept, **content, **({} if markup is None else {"reply_markup": markup})}
    if edited == message:
        reason = (
            "message is not modified: specified new message content and reply markup are exactly the same"
            " as a current content and reply markup of the message"
        )
        raise bad_request(reason)
    edited["edit_date"] = world.clock.unix()
    world.history.replace(message["chat"]["id"], edited)
    return edited


METHODS: Final[dict[str, Method]] = {
    "editmessagetext": edit_message_text,
    "editmessagecaption": edit_message_caption,
    "editmessagemedia": edit_message_media,
    "editmessagereplymarkup": edit_message_reply_markup,
    "deletemessage": delete_message,
    "deletemessages": delete_messages,
}
