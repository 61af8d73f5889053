"""/pack: which photo pack, whom it is to show, and one's people. The card that follows is like every other."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from app.adapters.telegram.callbacks import Action, Tap
from app.bot.cards import edit_card
from app.bot.conversation import Conversation
from app.bot.taps import OnTap
from app.domain.avatars.service import MOST_AVATARS, MOST_PHOTOS
from app.domain.avatars.views import AvatarView
from app.domain.generations.models import Awaits, Kind
from app.domain.generations.requests import NewDraft


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="packs")
    router.message.register(show, Command("pack"))
    router.callback_query.register(back, OnTap(Action.PACKS, with_id=False))
    router.callback_query.register(choose, OnTap(Action.PACK, with_id=False))
    router.callback_query.register(choose_person, OnTap(Action.PACK_OF))
    router.callback_query.register(show_people, OnTap(Action.AVATARS, with_id=False))
    router.callback_query.register(ask_before_deletion, OnTap(Action.AVATAR_DELETE))
    router.callback_query.register(delete_person, OnTap(Action.AVATAR_DELETE_SURELY))
    return router


async def show(_message: Message, conversation: Conversation) -> None:
    """Every pack on sale."""
    params = await _packs(conversation)
    if params["packs"]:
        await conversation.show("packs", params)
    else:
        await conversation.say("packs-none")


async def back(_query: CallbackQuery, conversation: Conversation) -> None:
    """The packs again, in place of what was shown; photos that come now are about something else."""
    await conversation.services.drafts.wait_no_more(conversation.actor)
    await conversation.edit("packs", await _packs(conversation))


async def choose(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Ask whom it is to show. The photos that come next are that person, unless a known one is tapped."""
    services, actor = conversation.services, conversation.actor
    known = await services.avatars.list_(actor)
    draft = await services.drafts.create(
        actor,
        NewDraft("", kind=Kind.PACK, style_key=tap.value, awaits=Awaits.PHOTO, update_id=conversation.update_id),
    )
    is_full = len(known) >= MOST_AVATARS
    if is_full:
        await services.drafts.wait_no_more(actor)
    pack = await services.catalog.get_pack(tap.value)
    await conversation.edit(
        "pack-person",
        {
            "key": pack.key,
            "title": pack.title(conversation.language),
            "shots": len(pack.shots),
            "price": draft.price_credits,
            "most": MOST_PHOTOS,
            "people": [_person(avatar) for avatar in known],
            "is_full": is_full,
        },
    )


async def choose_person(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """The card of a pack of somebody known, in place of the question."""
    drafts, actor = conversation.services.drafts, conversation.actor
    draft = await drafts.create(
        actor,
        NewDraft("", kind=Kind.PACK, style_key=tap.value, avatar_id=tap.subject, update_id=conversation.update_id),
    )
    await drafts.wait_no_more(actor)
    await edit_card(conversation, draft)


async def show_people(_query: CallbackQuery, conversation: Conversation) -> None:
    """One's people, in place of what was shown."""
    await conversation.edit("people", await _people(conversation))


async def ask_before_deletion(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Ask once more: the photos go as well."""
    avatar = await conversation.services.avatars.get(conversation.actor, tap.subject)
    await conversation.edit("person-delete", {"id": str(avatar.id), "name": avatar.name})


async def delete_person(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Delete somebody with all their photos; those that come now are about something else."""
    await conversation.services.avatars.delete(conversation.actor, tap.subject)
    await conversation.services.drafts.forget_person(conversation.actor, tap.subject)
    await conversation.edit("people", await _people(conversation))
    await conversation.answer("toast-deleted")


async def _packs(conversation: Conversation) -> dict[str, object]:
    catalog = conversation.services.catalog
    packs = await catalog.list_packs()
    model = await catalog.get_first(Kind.PACK.value, None) if packs else None
    return {
        "packs": [
            {
                "key": pack.key,
                "title": pack.title(conversation.language),
                "shots": len(pack.shots),
                "price": model.price(len(pack.shots)) if model else 0,
            }
            for pack in packs
        ],
        "people": len(await conversation.services.avatars.list_(conversation.actor)),
    }


async def _people(conversation: Conversation) -> dict[str, object]:
    return {"people": [_person(avatar) for avatar in await conversation.services.avatars.list_(conversation.actor)]}


def _person(avatar: AvatarView) -> dict[str, object]:
    return {"id": str(avatar.id), "name": avatar.name, "photos": len(avatar.photos)}
