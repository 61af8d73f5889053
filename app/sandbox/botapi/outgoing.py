"""Putting a message of the bot's into a chat: what every sending method has in common."""

from app.sandbox.botapi.call import Call
from app.sandbox.botapi.chats import admit_message
from app.sandbox.botapi.errors import bad_request
from app.sandbox.botapi.markup import Markup
from app.sandbox.botapi.richtext import RichText, formatted
from app.sandbox.store import Json
from app.sandbox.world import World

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024


def post(world: World, chat: Json, content: Json, *, reply_to: Json | None, markup: Markup) -> Json:
    """Show a message of the bot's; answers the Bot API `Message`.

    Raises: Refusal 429 when the limits of sending are on and reached.
    """
    admit_message(world, chat)
    body: Json = {"from": world.people.bot_user(), "chat": chat, "date": world.clock.unix()}
    if reply_to is not None:
        body["reply_to_message"] = {key: value for key, value in reply_to.items() if key != "reply_to_message"}
    body.update(content)
    if markup.inline is not None:
        body["reply_markup"] = markup.inline
    message = world.history.add(chat["id"], body)
    if markup.reply is not None:
        world.history.put_keyboard(chat["id"], markup.reply)
    return message


def find_replied(world: World, call: Call, chat: Json) -> Json | None:
    """The message that a call replies to.

    Raises: Refusal when it is gone and the call does not say that this does not matter.
    """
    parameters = call.structure("reply_parameters") or {}
    wanted = parameters.get("message_id") or call.integer("reply_to_message_id")
    if not wanted:
        return None
    message = world.history.find(chat["id"], int(wanted))
    may_miss = parameters.get("allow_sending_without_reply") or call.flag("allow_sending_without_reply")
    if message is None and not may_miss:
        reason = "message to be replied not found"
        raise bad_request(reason)
    return message


def read_text(call: Call) -> RichText:
    """The text of a message.

    Raises: Refusal when it is empty or longer than 4,096 characters after its markup was taken out.
    """
    text = formatted(call, "text")
    if not text.text:
        reason = "message text is empty"
        raise bad_request(reason)
    if text.length > TEXT_LIMIT:
        reason = "message is too long"
        raise bad_request(reason)
    return text


def read_caption(call: Call) -> RichText:
    """The caption of a message, which may be empty.

    Raises: Refusal when it is longer than 1,024 characters after its markup was taken out.
    """
    return check_caption(formatted(call, "caption"))


def check_caption(caption: RichText) -> RichText:
    """Raises: Refusal when it is too long."""
    if caption.length > CAPTION_LIMIT:
        reason = "message caption is too long"
        raise bad_request(reason)
    return caption


def link_preview(call: Call) -> Json:
    """The choice of link preview, as the message carries it."""
    options = call.structure("link_preview_options")
    if options is None and call.flag("disable_web_page_preview"):
        options = {"is_disabled": True}
    return {"link_preview_options": options} if options else {}
