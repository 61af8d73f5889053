"""/buy: the price on the bill is locked, charged once, and what was bought is there."""

import asyncio

from app.container import Container
from app.core.app_settings import put_setting
from app.core.clock import OFFSET_KEY
from app.core.ids import new_id
from app.domain.actors import Actor
from tests.bot.conftest import NewPhone
from tests.bot.phone import Json, Phone, button_of, buttons_of, until, words_of
from tests.bot.updates import post, private_message
from tests.sandbox.rig import Sandbox

OPERATOR = Actor.operator("tests")


async def bill_of(phone: Phone, label: str = "Starter") -> Json:
    """The bill for something of the shop."""
    shop = await phone.ask("/buy")
    await phone.tap(shop, label)
    return await phone.next_after(shop["message_id"])


async def credits_of(container: Container, phone: Phone) -> int:
    return (await container.services.users.get_by_telegram_id(phone.id)).credits


async def test_the_shop_names_every_product_with_its_price(new_phone: NewPhone) -> None:
    phone = await new_phone()
    shop = await phone.ask("/buy")
    assert "You have 20 💎" in words_of(shop)
    assert [button["text"] for button in buttons_of(shop)] == [
        "Starter · 100 💎 · 100 ⭐",
        "Pro · 500 💎 · 450 ⭐",
        "Premium for a month · 350 ⭐ a month",
        "Premium for a year · 5,000 💎 · 3500 ⭐",
        "🎁 As a gift",
    ]
    assert "premium for 365 days" in words_of(shop)


async def test_a_paid_pack_is_credited_and_receipted(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    bill = await bill_of(phone)
    assert bill["invoice"]["currency"] == "XTR"
    assert bill["invoice"]["total_amount"] == 100
    assert buttons_of(bill)[0]["pay"] is True
    paid = await phone.pay(bill)
    assert paid["status"] == "paid", paid
    receipt = await phone.find("Paid: 100 ⭐")
    assert "You have got 100 💎" in words_of(receipt)
    assert "Balance: 120 💎" in words_of(receipt)
    assert await credits_of(working, phone) == 120
    assert "+100 💎 Credits bought" in words_of(await phone.ask("/balance"))
