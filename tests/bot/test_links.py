"""Promo codes, invitations and links into the chat."""

import pytest

from app.container import Container
from app.core.ids import new_id, shorten
from app.domain.actors import Actor
from app.domain.promotions.views import NewPromoCode
from tests.bot.conftest import NewPhone
from tests.bot.phone import Phone, button_of, buttons_of, until, words_of
from tests.sandbox.rig import Sandbox

OPERATOR = Actor.operator("tests")


async def credits_of(container: Container, phone: Phone) -> int:
    return (await container.services.users.get_by_telegram_id(phone.id)).credits


async def invitation_of(phone: Phone) -> str:
    """The parameter of somebody's invitation."""
    page = words_of(await phone.ask("/invite"))
    return next(word for word in page.split() if "?start=" in word).partition("?start=")[2]


async def test_a_promo_code_is_entered_once(new_phone: NewPhone, container: Container, sandbox: Sandbox) -> None:
    await container.services.promotions.create(OPERATOR, NewPromoCode("SPRING", credits=50))
    phone = await new_phone()
    assert "behind the command" in words_of(await phone.ask("/promo"))
    assert "not valid" in words_of(await phone.ask("/promo WINTER"))
    written = await phone.write("/promo spring")
    assert "you have got 50 💎" in words_of(await phone.find("promo code is yours"))
    repeated = await sandbox.control.post(f"/updates/{written['update_id']}/redeliver", json={"times": 3})
    assert set(repeated.json()["status_codes"]) == {200}
    assert "used this promo code already" in words_of(await phone.ask("/promo SPRING"))
    assert await credits_of(container, phone) == 70
    assert "+50 💎 Promo code" in words_of(await phone.ask("/balance"))


async def test_a_discount_is_on_the_next_bill(new_phone: NewPhone, container: Container) -> None:
    await container.services.promotions.create(OPERATOR, NewPromoCode("HALF", percent=50))
    phone = await new_phone(language="uz")
    told = await phone.ask("/start promo_HALF")
    assert "50 % chegirma" in words_of(told)
    await phone.tap(told, "Kredit sotib olish")
    shop = await phone.find("Kreditlar va premium")
    await phone.tap(shop, "Boshlangʻich")
    bill = await phone.next_after(shop["message_id"])
    assert bill["invoice"]["total_amount"] == 50


async def test_a_newcomer_is_greeted_and_then_given_what_the_link_is_for(
    new_phone: NewPhone, container: Container
) -> None:
    await container.services.promotions.create(OPERATOR, NewPromoCode("HELLO", credits=5))
    phone = await new_phone(started=False)
    greeting = await phone.ask("/start promo_HELLO")
    assert "Here is a gift to begin with: 20 💎" in words_of(greeting)
    assert "you have got 5 💎" in words_of(await phone.find("promo code is yours"))
    assert await credits_of(container, phone) == 25


async def test_an_invitation_counts_newcomers_and_nobody_else(new_phone: NewPhone, container: Container) -> None:
    ann, bob = await new_phone(), await new_phone(name="Bob")
    parameter = await invitation_of(ann)
    for phone in (ann, bob):
        assert "Hi, " in words_of(await phone.ask(f"/start {parameter}"))
    assert "Came: 0" in words_of(await ann.ask("/invite"))
    eve = await new_phone(name="Eve", started=False)
    assert "Hi, Eve" in words_of(await eve.ask(f"/start {parameter}"))
    page = await ann.ask("/invite")
    assert "Came: 1 · got: 0 💎 · waiting: 0 💎" in words_of(page)
    share = button_of(page, "Send the invitation")["url"]
    assert share.startswith("https://t.me/share/url?url=https%3A%2F%2Ft.me%2F")


async def test_a_gift_that_never_was_is_told_gently(new_phone: NewPhone) -> None:
    phone = await new_phone()
    assert "opened this gift already" in words_of(await phone.ask(f"/start gift_{shorten(new_id())}"))


@pytest.mark.parametrize("payload", ["gift_abc", "ref_0", "gen_"])
async def test_a_link_to_nothing_greets_who_was_here_before(new_phone: NewPhone, payload: str) -> None:
    phone = await new_phone()
    assert "Hi, Ann" in words_of(await phone.ask(f"/start {payload}"))


async def test_the_menu_has_the_shop_in_every_language(new_phone: NewPhone) -> None:
    for language, words in (("ru", "кредиты и премиум"), ("en", "credits and premium"), ("uz", "kreditlar va premium")):
        phone = await new_phone(language=language)
        assert f"/buy – {words}" in words_of(await phone.ask("/help"))


async def test_who_is_short_is_offered_what_helps(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    card = await phone.ask("a kite")
    await container.services.credits.adjust(OPERATOR, phone.id, -18, reason="a test")
    answer = await phone.tap(card, "Create") or {}
    assert (answer["show_alert"], "Not enough credits" in answer["text"]) == (True, True)
    offer = await phone.find("missing: 2 💎")
    assert [button["text"] for button in buttons_of(offer)] == [
        "Pay exactly this: 4 ⭐",
        "🎁 Free, with a watermark",
        "🛍 Buy credits",
    ]
    assert (await phone.tap(offer, "Free") or {})["text"] == "🚀 Started, free of charge"
    assert (await phone.tap(offer, "Free") or {})["text"] == "It has been started already."
    assert await credits_of(container, phone) == 2


async def test_a_free_start_leaves_a_card_that_costs_its_price(new_phone: NewPhone, container: Container) -> None:
    phone = await new_phone()
    card = await phone.ask("a kite")
    assert (await phone.tap(card, "Free") or {})["text"] == "🚀 Started, free of charge"
    card = await phone.look(card) or {}
    assert buttons_of(card)[0]["text"] == "▶️ Create · 4 💎"
    assert "Free" not in " ".join(button["text"] for button in buttons_of(card))
    user = await container.services.users.get_by_telegram_id(phone.id)
    (view,) = (await container.services.generations.list_(Actor.user(user.id))).items
    assert (view.funding.value, view.price_credits, user.credits) == ("free", 0, 20)


async def test_who_unblocks_the_bot_gets_the_receipt_that_was_owed(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    shop = await phone.ask("/buy")
    await phone.tap(shop, "Starter")
    bill = await phone.next_after(shop["message_id"])
    await phone.control.post(f"/users/{phone.id}/block")
    paid = await phone.pay(bill)
    assert paid["status"] == "paid", paid

    async def is_credited() -> bool:
        return await credits_of(working, phone) == 120

    await until(is_credited)
    await phone.control.post(f"/users/{phone.id}/unblock")
    await phone.find("Paid: 100 ⭐")
