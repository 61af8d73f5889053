"""Who may not, and whose it is not."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.adapters.telegram.callbacks import Action, pack
from app.container import Container
from app.domain.actors import Actor
from tests.bot.conftest import NewPhone
from tests.bot.phone import Json, Phone, button_of, until, words_of
from tests.bot.updates import post, private_message
from tests.sandbox.rig import Sandbox, picture

OPERATOR = Actor.operator("tests")


async def with_buttons(sandbox: Sandbox, phone: Phone, *datas: str) -> Json:
    """A message with these buttons, as a forger would like to have it."""
    markup = {"inline_keyboard": [[{"text": data, "callback_data": data}] for data in datas]}
    sent = await sandbox.call("sendMessage", chat_id=phone.id, text="buttons", reply_markup=markup)
    return dict(sent.json()["result"])


async def test_a_banned_user_gets_a_sentence_and_the_support_pages(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    card = await phone.ask("a kite")
    await container.services.users.ban(OPERATOR, phone.id, reason="spam")
    for text in ("another kite", "/balance", "/history", "/start"):
        assert "Your account is blocked" in words_of(await phone.ask(text))
    answer = await phone.tap(card, "Create") or {}
    assert answer["show_alert"]
    assert "Your account is blocked" in answer["text"]
    for command in ("paysupport", "terms", "privacy", "help"):
        assert "blocked" not in words_of(await phone.ask(f"/{command}"))[:60]
    assert "Nothing is being made" in words_of(await phone.ask("/cancel"))


async def test_a_banned_users_album_is_refused_once(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    await container.services.users.ban(OPERATOR, phone.id, reason="spam")
    for _ in range(2):
        sent = await phone.upload(*(f"{at}.jpg" for at in range(5)), data=picture())
        await phone.find("Your account is blocked", after=sent["messages"][-1]["message_id"])
        # Updates of a chat come in order: whatever the album brings has been said by now.
        await phone.ask("/terms")
        said = [words_of(message) for message in await phone.said(after=sent["messages"][0]["message_id"])]
        assert sum("Your account is blocked" in words for words in said) == 1


async def test_a_banned_user_may_cancel_what_is_open(new_phone: NewPhone, container: Container) -> None:
    """It only gives credits back."""
    phone = await new_phone()
    await phone.tap(await phone.ask("a kite"), "Create")
    await container.services.users.ban(OPERATOR, phone.id, reason="spam")
    await phone.write("/cancel")

    async def is_returned() -> bool:
        user = await container.services.users.get_by_telegram_id(phone.id)
        return (user.credits, user.held, user.active_generations) == (20, 0, 0)

    await until(is_returned)


async def test_a_suspended_user_is_told_until_when_and_why(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    until = datetime.now(UTC) + timedelta(days=1)
    await container.services.users.suspend(OPERATOR, phone.id, until=until, reason="too many <bots>")
    said = words_of(await phone.ask("a kite"))
    assert until.strftime("%d.%m.%Y %H:%M UTC") in said
    assert "too many <bots>" in said


async def test_nobody_starts_sees_cancels_or_deletes_what_is_anothers(
    new_phone: NewPhone, container: Container, sandbox: Sandbox
) -> None:
    owner, stranger = await new_phone(), await new_phone(name="Eve")
    card = await owner.ask("a kite")
    start = button_of(card, "Create")["callback_data"]
    await owner.tap(card, "Create")
    user = await container.services.users.get_by_telegram_id(owner.id)
    (view,) = await container.services.generations.list_active(Actor.user(user.id))
    actions = (
        Action.CANCEL,
        Action.ORIGINAL,
        Action.ENLARGE,
        Action.ANIMATE,
        Action.OPEN,
        Action.REPEAT,
        Action.DELETE_SURELY,
        Action.KEEP,
    )
    forged = await with_buttons(sandbox, stranger, start, *(pack(action, view.id) for action in actions))
    for row in forged["reply_markup"]["inline_keyboard"]:
        answer = await stranger.tap_data(forged, row[0]["callback_data"])
        assert (answer or {})["text"] in {
            "There is nothing like this in your history.",
            "It is not there (any more).",
        }, row
    assert (await container.services.generations.get(Actor.user(user.id), view.id)).is_open


# No draft has it, and it is the same in every process that collects the tests.
_NOTHING = UUID("018f0000-0000-7000-8000-000000000000")


@pytest.mark.parametrize(
    "data",
    [
        pack(Action.COUNT, _NOTHING, "9"),
        pack(Action.START, _NOTHING, "4"),
        pack(Action.HISTORY, value="nonsense.-1"),
        pack(Action.BALANCE, value="9999999"),
        pack(Action.LANGUAGE, value="xx"),
        pack(Action.QUICK, value="maybe"),
        "s::",
        "💎" * 16,
    ],
)
async def test_made_up_buttons_do_no_harm(
    new_phone: NewPhone, container: Container, sandbox: Sandbox, data: str
) -> None:
    phone = await new_phone()
    forged = await with_buttons(sandbox, phone, data)
    await phone.tap_data(forged, data)
    assert (
        container.metrics.value("starbrush_webhook_updates_total", [("kind", "callback_query"), ("outcome", "stored")])
        == 0
    )


async def test_choices_beyond_the_model_are_refused(new_phone: NewPhone, sandbox: Sandbox) -> None:
    phone = await new_phone()
    card = await phone.ask("a kite")
    draft = button_of(card, "Create")["callback_data"].split(":")[1]
    for data in (f"n:{draft}:9", f"n:{draft}:", f"r:{draft}:7:1", f"m:{draft}:nothing"):
        forged = await with_buttons(sandbox, phone, data)
        answer = await phone.tap_data(forged, data)
        assert (answer or {}).get("show_alert") or data.endswith(":"), data


async def test_groups_are_not_listened_to(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    before = len(await phone.said())
    update = private_message(phone.id, "kite")
    update["message"]["chat"] = {"id": -100, "type": "group", "title": "Friends"}
    assert await post(container.settings, update) == 200
    assert len(await phone.said()) == before
