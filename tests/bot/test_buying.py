"""/buy: the price on the bill is locked, charged once, and what was bought is there."""

import asyncio

from pydantic import SecretStr
from sqlalchemy import text

from app.adapters.telegram.callbacks import Action, pack
from app.api.setup import create_http
from app.bot.setup import Telegram
from app.container import Container
from app.core.app_settings import put_setting
from app.core.clock import OFFSET_KEY
from app.core.ids import new_id
from app.domain.actors import Actor
from app.settings import Settings
from tests.bot.conftest import NewPhone
from tests.bot.phone import Json, Phone, button_of, buttons_of, until, words_of
from tests.bot.serving import serving
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


async def advance(container: Container, *, hours: int) -> None:
    async with container.db.transaction() as tx:
        await put_setting(tx, OFFSET_KEY, hours * 3_600)


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
    assert (bill["invoice"]["currency"], bill["invoice"]["total_amount"]) == ("XTR", 100)
    assert buttons_of(bill)[0]["pay"] is True
    paid = await phone.pay(bill)
    assert paid["status"] == "paid", paid
    receipt = await phone.find("Paid: 100 ⭐")
    assert "You have got 100 💎" in words_of(receipt)
    assert "Balance: 120 💎" in words_of(receipt)
    assert await credits_of(working, phone) == 120
    assert "+100 💎 Credits bought" in words_of(await phone.ask("/balance"))


async def test_a_payment_that_is_told_many_times_is_credited_once(
    new_phone: NewPhone, working: Container, sandbox: Sandbox
) -> None:
    """Trap 4; the chat gets one receipt."""
    phone = await new_phone()
    paid = await phone.pay(await bill_of(phone))
    await phone.find("Paid: 100 ⭐")
    repeated = await sandbox.control.post(f"/updates/{paid['update_id']}/redeliver", json={"times": 6})
    assert set(repeated.json()["status_codes"]) == {200}
    assert await credits_of(working, phone) == 120
    assert len([message for message in await phone.said() if "Paid: 100" in words_of(message)]) == 1


async def test_a_double_tap_makes_one_bill(new_phone: NewPhone) -> None:
    phone = await new_phone()
    shop = await phone.ask("/buy")
    tap = {"message_id": shop["message_id"], "data": button_of(shop, "Starter")["callback_data"]}
    await asyncio.gather(*(phone.control.post(f"/users/{phone.id}/callbacks", json=tap) for _ in range(2)))
    assert len([message for message in await phone.said() if "invoice" in message]) == 1


async def test_a_repeated_tap_update_shows_the_bill_of_the_same_order(
    new_phone: NewPhone, container: Container, sandbox: Sandbox
) -> None:
    phone = await new_phone()
    shop = await phone.ask("/buy")
    tap = {"message_id": shop["message_id"], "data": button_of(shop, "Starter")["callback_data"]}
    tapped = (await phone.control.post(f"/users/{phone.id}/callbacks", json=tap)).json()
    await sandbox.control.post(f"/updates/{tapped['update_id']}/redeliver", json={"times": 2})
    user = await container.services.users.get_by_telegram_id(phone.id)
    assert len((await container.services.orders.list_own(Actor.user(user.id))).items) == 1


async def test_a_bill_is_paid_at_the_price_that_it_shows(new_phone: NewPhone, working: Container) -> None:
    """Trap 7: the catalogue changes between bill and payment."""
    phone = await new_phone()
    bill = await bill_of(phone)
    async with working.db.transaction() as tx:
        await tx.execute(text("UPDATE products SET stars = 900, credits = 1 WHERE key = 'pack-starter'"))
    working.services.catalog.forget()
    assert (await phone.pay(bill))["status"] == "paid"
    await phone.find("You have got 100 💎")


async def test_the_checkout_refuses_in_words_and_charges_nothing(new_phone: NewPhone, container: Container) -> None:
    """Trap 8: a banned user, a bill that ran out, one that is paid."""
    phone = await new_phone(language="ru")
    bill = await bill_of(phone, "Стартовый")
    await container.services.users.ban(OPERATOR, phone.id, reason="spam")
    refused = await phone.pay(bill)
    assert refused["status"] == "failed"
    assert refused["error_message"].startswith("Ваш аккаунт заблокирован")
    await container.services.users.unban(OPERATOR, phone.id, reason="sorry")
    await advance(container, hours=25)
    assert (await phone.pay(bill))["error_message"] == "Такого платежа нет. Ничего не списано."
    assert await phone.stars() == (await (await new_phone()).stars())
    assert await credits_of(container, phone) == 20


async def test_an_invoice_link_is_paid_by_its_buyer_and_once(new_phone: NewPhone, working: Container) -> None:
    """Trap 6."""
    ann, eve = await new_phone(), await new_phone(name="Eve")
    offer = await bill_of(ann, "Premium for a month")
    link = button_of(offer, "Subscribe")["url"]
    stolen = await eve.pay(link)
    assert (stolen["status"], stolen["error_message"]) == (
        "failed",
        "This payment does not fit the order. You were not charged. Please order anew.",
    )
    assert (await ann.pay(link))["status"] == "paid"
    await ann.find("premium until")
    again = await ann.pay(link)
    assert "used already" in again["error_message"]
    assert await credits_of(working, eve) == 20


async def test_the_checkout_is_answered_when_the_database_is_away(
    settings: Settings, sandbox: Sandbox, port: int
) -> None:
    """Whoever waits to pay hears a sentence within seconds, and is not charged."""
    nowhere = settings.model_copy(update={"database_url": SecretStr("postgresql://127.0.0.1:9/none")})
    phone = Phone(sandbox.control, await sandbox.user("Ann", language_code="ru"))
    sent = await sandbox.call(
        "sendInvoice",
        chat_id=phone.id,
        title="A pack",
        description="Credits",
        payload=str(new_id()),
        currency="XTR",
        prices=[{"label": "A pack", "amount": 100}],
    )
    async with Container(nowhere) as container:
        telegram = Telegram(container)
        async with serving(create_http(container, telegram_router=telegram.router), port=port):
            await telegram.start()
            refused = await phone.pay(sent.json()["result"])
            await sandbox.bot.delete_webhook(drop_pending_updates=True)
            await telegram.stop()
    assert (refused["status"], refused["error_message"]) == (
        "failed",
        "Сейчас это не работает. Попробуйте чуть позже. Ничего не списано.",
    )


async def test_a_gift_is_sent_on_opened_once_and_told_to_its_buyer(new_phone: NewPhone, working: Container) -> None:
    ann, bob, eve = await new_phone(), await new_phone(name="Bob"), await new_phone(name="Eve")
    shop = await ann.ask("/buy")
    await ann.tap(shop, "As a gift")
    shop = await ann.look(shop) or {}
    await ann.tap(shop, "Starter")
    bill = await ann.next_after(shop["message_id"])
    assert bill["invoice"]["title"].startswith("Gift")
    await ann.pay(bill)
    receipt = await ann.find("Your gift of 100 💎 is ready")
    link = words_of(receipt).split()[-1]
    assert button_of(receipt, "Send it on")["url"].startswith("https://t.me/share/url?url=https%3A%2F%2Ft.me%2F")
    parameter = link.partition("?start=")[2]
    assert await credits_of(working, ann) == 20
    own = await ann.ask(f"/start {parameter}")
    assert "your own gift" in words_of(own)
    opened = await bob.ask(f"/start {parameter}")
    assert "A gift for you: 100 💎" in words_of(opened)
    assert "Balance: 120 💎" in words_of(opened)
    await ann.find("Your gift was opened")
    assert "opened this gift already" in words_of(await eve.ask(f"/start {parameter}"))
    answer = await ann.tap(own, "Take it back") or {}
    assert "used already" in answer["text"]
    assert [await credits_of(working, phone) for phone in (ann, bob, eve)] == [20, 120, 20]


async def test_a_gift_can_be_taken_back_until_it_is_opened(new_phone: NewPhone, working: Container) -> None:
    ann, bob = await new_phone(), await new_phone(name="Bob")
    shop = await ann.ask("/buy")
    await ann.tap(shop, "As a gift")
    shop = await ann.look(shop) or {}
    await ann.tap(shop, "Starter")
    await ann.pay(await ann.next_after(shop["message_id"]))
    receipt = await ann.find("Your gift of 100 💎 is ready")
    answer = await ann.tap(receipt, "Take it back") or {}
    assert answer["text"] == "Taken back"
    assert await credits_of(working, ann) == 120
    parameter = words_of(receipt).split("?start=")[1].split()[0]
    assert "opened this gift already" in words_of(await bob.ask(f"/start {parameter}"))
    await ann.tap(shop, "For myself")
    await ann.tap(await ann.look(shop) or {}, "As a gift")
    assert "taken back" in words_of(await ann.look(shop) or {})


async def test_nobody_takes_back_somebody_elses_gift(new_phone: NewPhone, working: Container, sandbox: Sandbox) -> None:
    ann, eve = await new_phone(), await new_phone(name="Eve")
    shop = await ann.ask("/buy")
    await ann.tap(shop, "As a gift")
    await ann.tap(await ann.look(shop) or {}, "Starter")
    await ann.pay(await ann.next_after(shop["message_id"]))
    data = button_of(await ann.find("Your gift of"), "Take it back")["callback_data"]
    markup = {"inline_keyboard": [[{"text": "x", "callback_data": data}]]}
    sent = await sandbox.call("sendMessage", chat_id=eve.id, text="forged", reply_markup=markup)
    answer = await eve.tap_data(sent.json()["result"], data) or {}
    assert answer["text"] == "It is not there (any more)."
    assert await credits_of(working, eve) == 20


async def test_a_subscription_is_shown_stopped_and_taken_up_again(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    assert "no premium" in words_of(await phone.ask("/subscription"))
    offer = await bill_of(phone, "Premium for a month")
    await phone.pay(button_of(offer, "Subscribe")["url"])
    receipt = await phone.find("You have got premium until")
    assert await credits_of(working, phone) == 420
    await phone.tap(receipt, "My subscription")
    shown = await phone.find("Then Telegram renews it")
    await phone.tap(shown, "Stop the renewal")
    shown = await phone.look(shown) or {}
    assert "It will not be renewed" in words_of(shown)
    await phone.tap(shown, "Renew it again")
    assert "Then Telegram renews it" in words_of(await phone.look(shown) or {})
    assert "Premium until" in words_of(await phone.ask("/buy"))


async def test_a_refund_takes_the_credits_back_and_says_so(new_phone: NewPhone, working: Container) -> None:
    phone = await new_phone()
    paid = await phone.pay(await bill_of(phone))
    await phone.find("Paid: 100 ⭐")
    await working.services.credits.adjust(OPERATOR, phone.id, -60, reason="spent")
    await phone.control.post(f"/users/{phone.id}/refund", json={"charge_id": paid["charge_id"]})
    told = words_of(await phone.find("Refunded: 100 ⭐"))
    assert "100 💎 were taken back" in told
    assert "40 💎 of them were spent already" in told
    user = await working.services.users.get_by_telegram_id(phone.id)
    assert (user.credits, user.debt) == (0, 40)


async def test_a_money_message_is_no_prompt_and_no_flood(new_phone: NewPhone, container: Container) -> None:
    """Trap 46: whatever else the chat is about, what is paid is credited; a charge of nobody's order is kept."""
    phone = await new_phone()
    payment = {
        "currency": "XTR",
        "total_amount": 5,
        "invoice_payload": str(new_id()),
        "telegram_payment_charge_id": f"stx{new_id()}",
        "provider_payment_charge_id": "",
    }
    before = len(await phone.said())
    update = private_message(phone.id, successful_payment=payment)
    assert [await post(container.settings, update) for _ in range(3)] == [200] * 3
    assert len(await phone.said()) == before
    assert await credits_of(container, phone) == 20


async def test_buttons_of_products_that_are_gone_say_so(
    new_phone: NewPhone, container: Container, sandbox: Sandbox
) -> None:
    phone = await new_phone()
    data = pack(Action.BUY, value="pack-of-yesterday")
    markup = {"inline_keyboard": [[{"text": "x", "callback_data": data}]]}
    sent = await sandbox.call("sendMessage", chat_id=phone.id, text="old", reply_markup=markup)
    answer = await phone.tap_data(sent.json()["result"], data) or {}
    assert answer["text"] == "It is not there (any more)."


async def test_a_bill_that_telegram_does_not_take_now_is_owed(
    new_phone: NewPhone, working: Container, sandbox: Sandbox
) -> None:
    phone = await new_phone()
    shop = await phone.ask("/buy")
    await sandbox.fault("sendInvoice", "500", times=1)
    await phone.tap(shop, "Starter")

    async def bill() -> Json | None:
        return next((message for message in await phone.said() if "invoice" in message), None)

    assert (await phone.pay(await until(bill)))["status"] == "paid"
    await phone.find("Paid: 100 ⭐")
