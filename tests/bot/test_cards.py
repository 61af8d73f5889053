"""The card: what is chosen is what is charged, and one wish is one generation, however often it is tapped."""

import asyncio

from app.container import Container
from app.core.app_settings import put_setting
from app.core.clock import OFFSET_KEY
from app.domain.actors import Actor
from app.domain.generations.views import GenerationView
from tests.bot.conftest import NewPhone
from tests.bot.phone import Json, Phone, button_of, buttons_of, words_of
from tests.sandbox.rig import Sandbox

OPERATOR = Actor.operator("tests")


async def generations(container: Container, phone: Phone) -> tuple[GenerationView, ...]:
    user = await container.services.users.get_by_telegram_id(phone.id)
    return (await container.services.generations.list_(Actor.user(user.id), limit=50)).items


async def now(phone: Phone, message: Json) -> Json:
    found = await phone.look(message)
    assert found is not None
    return found


async def advance(container: Container, hours: int) -> None:
    async with container.db.transaction() as tx:
        await put_setting(tx, OFFSET_KEY, hours * 3_600)


def labels(message: Json) -> list[str]:
    return [button["text"] for button in buttons_of(message)]


async def test_text_becomes_a_card_whose_first_button_starts(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    card = await phone.ask("a <red> kite & a cat")
    assert "a <red> kite & a cat" in words_of(card)
    assert "Price: 4 💎 · you have 20 💎" in words_of(card)
    assert labels(card)[0] == "▶️ Create · 4 💎"
    answer = await phone.tap_data(card, buttons_of(card)[0]["callback_data"])
    assert (answer or {})["text"] == "🚀 Started"
    (view,) = await generations(container, phone)
    assert "you have 16 💎" in words_of(await now(phone, card))
    assert (view.prompt, view.price_credits, view.is_open) == ("a <red> kite & a cat", 4, True)


async def test_choices_change_the_price_and_are_remembered(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    card = await phone.ask("a kite")
    for label in ("Standard · change", "9:16", "×2"):
        await phone.tap(card, label)
        card = await now(phone, card)
    assert labels(card)[0] == "▶️ Create · 20 💎"
    assert {"🎨 Pro · change", "✓9:16", "✓×2"} <= set(labels(card))
    following = await phone.ask("another kite")
    assert labels(following)[0] == "▶️ Create · 20 💎"
    await phone.tap(following, "Create")
    (view,) = await generations(container, phone)
    assert (view.model_key, view.options.aspect_ratio, view.options.count) == ("image-pro", "9:16", 2)


async def test_a_double_tap_is_one_generation(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    card = await phone.ask("a kite")
    data = button_of(card, "Create")["callback_data"]
    tap = {"message_id": card["message_id"], "data": data}
    answers = await asyncio.gather(*(phone.control.post(f"/users/{phone.id}/callbacks", json=tap) for _ in range(2)))
    assert sorted(answer.json()["answer"]["text"] for answer in answers) == [
        "It has been started already.",
        "🚀 Started",
    ]
    assert len(await generations(container, phone)) == 1


async def test_the_next_tap_on_the_card_is_another_order(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    card = await phone.ask("a kite")
    await phone.tap(card, "Create")
    assert (await phone.start_again(card))["text"] == "🚀 Started"
    assert len(await generations(container, phone)) == 2


async def test_a_slow_double_tap_is_one_generation(new_phone: NewPhone, container: Container) -> None:
    """The second tap reaches the new button, or the old one, after the first was answered."""
    phone = await new_phone()
    card = await phone.ask("a kite")
    old = button_of(card, "Create")["callback_data"]
    await phone.tap(card, "Create")
    new = button_of(await now(phone, card), "Create")["callback_data"]
    assert new != old
    for data in (new, old):
        assert (await phone.tap_data(card, data) or {})["text"] == "It has been started already."
    assert len(await generations(container, phone)) == 1


async def test_a_repeated_update_changes_nothing(new_phone: NewPhone, container: Container, sandbox: Sandbox) -> None:
    phone = await new_phone()
    card = await phone.ask("a kite")
    body = {"message_id": card["message_id"], "data": button_of(card, "Create")["callback_data"]}
    tapped = (await phone.control.post(f"/users/{phone.id}/callbacks", json=body)).json()
    repeated = await sandbox.control.post(f"/updates/{tapped['update_id']}/redeliver", json={"times": 5})
    assert repeated.json()["status_codes"] == [200] * 5
    assert len(await generations(container, phone)) == 1


async def test_an_old_card_can_still_be_changed_and_started(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    card = await phone.ask("a kite")
    old = {label: button_of(card, label)["callback_data"] for label in ("Create", "×2")}
    await phone.tap(card, "Create")
    await advance(container, 48)
    card = await now(phone, card)
    assert "That offer had run out" in (await phone.start_again(card))["text"]
    assert len(await generations(container, phone)) == 1
    assert old["Create"] not in [button["callback_data"] for button in buttons_of(await now(phone, card))]
    await phone.tap(await now(phone, card), "×2")
    await phone.start_again(card)
    assert sorted(view.options.count for view in await generations(container, phone)) == [1, 2]


async def test_a_price_that_is_not_the_one_shown_is_said_and_not_charged(
    new_phone: NewPhone, container: Container, sandbox: Sandbox
) -> None:
    phone = await new_phone()
    card = await phone.ask("a kite")
    # The choice is kept, but Telegram does not take the edit that shows it.
    await sandbox.fault("editMessageText", "500", times=1)
    await phone.tap(card, "×4")
    assert labels(await now(phone, card))[0] == "▶️ Create · 4 💎"
    answer = await phone.tap(card, "Create")
    assert (answer or {})["show_alert"]
    assert "16 💎" in (answer or {})["text"]
    assert await generations(container, phone) == ()
    assert labels(await now(phone, card))[0] == "▶️ Create · 16 💎"


async def test_short_credits_are_told_with_both_figures(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone(language="ru")
    card = await phone.ask("воздушный змей")
    await container.services.credits.adjust(OPERATOR, phone.id, -19, reason="a test")
    answer = await phone.tap(card, "Создать") or {}
    assert answer["show_alert"]
    assert answer["text"] == "Не хватает кредитов: нужно 4 💎, доступно 1 💎. Ничего не списано."
    assert await generations(container, phone) == ()


async def test_a_forbidden_prompt_is_refused_and_costs_nothing(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    await container.services.moderation.replace(OPERATOR, {"words": {"test": ["forbiddenword"]}}, reason="a test")
    card = await phone.ask("a forbiddenword kite")
    answer = await phone.tap(card, "Create") or {}
    assert "content rules" in answer["text"]
    assert "You were not charged" in answer["text"]
    assert await generations(container, phone) == ()


async def test_what_is_free_is_refused_for_the_reason_that_holds(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    await container.services.moderation.replace(OPERATOR, {"words": {"test": ["forbiddenword"]}}, reason="a test")
    forbidden, free, card = [await phone.ask(words) for words in ("a forbiddenword kite", "a red kite", "a kite")]
    assert "content rules" in (await phone.tap(forbidden, "Free") or {})["text"]
    for _ in range(5):
        await phone.start_again(card)
    assert "5 orders are being made for you already" in (await phone.tap(free, "Free") or {})["text"]
    # Nothing was used up: the card offers it as before.
    assert button_of(await phone.look(free) or {}, "Free")


async def test_quick_mode_starts_without_the_card_once_an_update(
    new_phone: NewPhone, container: Container, sandbox: Sandbox
) -> None:
    phone = await new_phone()
    card = await phone.ask("a kite")
    await phone.tap(card, "Quick mode: off")
    assert "⚡ Quick mode: on" in labels(await now(phone, card))
    written = await phone.write("a quick kite")
    repeated = await sandbox.control.post(f"/updates/{written['update_id']}/redeliver", json={"times": 3})
    assert set(repeated.json()["status_codes"]) == {200}
    (view,) = await generations(container, phone)
    assert view.prompt == "a quick kite"
    switch = await phone.ask("/quick")
    await phone.tap(switch, "Quick mode: on")
    assert "Quick mode is off" in words_of(await now(phone, switch))
    assert labels(await phone.ask("a slow kite"))[0] == "▶️ Create · 4 💎"


async def test_quick_mode_tells_refusals_in_the_chat(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    await phone.tap(await phone.ask("/quick"), "Quick mode: off")
    await container.services.credits.adjust(OPERATOR, phone.id, -20, reason="a test")
    said = words_of(await phone.ask("a kite"))
    assert "Needed: 4 💎, available: 0 💎, missing: 4 💎" in said
    assert "You were not charged" in said


async def test_a_button_of_another_time_says_so(new_phone: NewPhone, container: Container, sandbox: Sandbox) -> None:
    phone = await new_phone()
    markup = {"inline_keyboard": [[{"text": "Old", "callback_data": "v1:start:42"}]]}
    sent = await sandbox.call("sendMessage", chat_id=phone.id, text="old", reply_markup=markup)
    answer = await phone.tap(sent.json()["result"], "Old") or {}
    assert answer["show_alert"]
    assert "outdated" in answer["text"]
