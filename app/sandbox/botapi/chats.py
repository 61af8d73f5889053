"""Which chat a call means, and whether the bot may write there; getChat and its neighbours."""

from typing import Final

from app.sandbox.botapi.call import Call
from app.sandbox.botapi.errors import bad_request, forbidden, too_many
from app.sandbox.botapi.method import Method
from app.sandbox.live import LiveKind
from app.sandbox.store import Json
from app.sandbox.world import World

_ACTIONS: Final = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)


def find_chat(world: World, call: Call, *, field: str = "chat_id") -> Json:
    """The chat of a call, to be read.

    Raises: Refusal.
    """
    if not call.text(field):
        reason = f"{field} is empty"
        raise bad_request(reason)
    chat_id = call.integer(field)
    chat = None if chat_id is None else world.people.find_chat(chat_id)
    if chat is None:
        reason = "chat not found"
        raise bad_request(reason)
    return chat


def find_writable_chat(world: World, call: Call) -> Json:
    """The chat of a call, to be written to.

    Raises: Refusal, 403 for a user who has blocked the bot or never started it.
    """
    chat = find_chat(world, call)
    person = world.people.find(chat["id"])
    if person is not None and person.blocked:
        reason = "bot was blocked by the user"
        raise forbidden(reason)
    if person is not None and not person.started:
        reason = "bot can't initiate conversation with a user"
        raise forbidden(reason)
    return chat


def admit_message(world: World, chat: Json) -> None:
    """Count a message against the limits of sending.

    Raises: Refusal 429.
    """
    if retry_after := world.flood.admit(chat["id"]):
        raise too_many(retry_after)


async def send_chat_action(world: World, call: Call) -> bool:
    """SendChatAction: shown to whoever watches the chat."""
    chat = find_writable_chat(world, call)
    action = call.text("action")
    if action not in _ACTIONS:
        reason = "wrong parameter action in request"
        raise bad_request(reason)
    world.live.publish(chat["id"], LiveKind.ACTION, {"action": action})
    return True


async def get_chat(world: World, call: Call) -> Json:
    """GetChat, as `ChatFullInfo`."""
    chat = find_chat(world, call)
    accepted = dict.fromkeys(
        ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), True
    )
    full: Json = {**chat, "accent_color_id": chat["id"] % 7, "max_reaction_count": 11, "accepted_gift_types": accepted}
    if chat["type"] == "group":
        full["permissions"] = {"can_send_messages": True}
    return full


async def get_user_profile_photos(world: World, call: Call) -> Json:
    """GetUserProfilePhotos: nobody here has any."""
    user_id = call.integer("user_id")
    if user_id is None or world.people.find(user_id) is None:
        reason = "user not found"
        raise bad_request(reason)
    return {"total_count": 0, "photos": []}


METHODS: Final[dict[str, Method]] = {
    "sendchataction": send_chat_action,
    "getchat": get_chat,
    "getuserprofilephotos": get_user_profile_photos,
}
