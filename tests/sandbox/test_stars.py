"""Paying in Stars: what the bot is asked and told, what moves, what is paid once and what again."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from app.sandbox.config import SandboxConfig
from tests.sandbox.rig import BotServer, Json, Sandbox, eventually, serve
from tests.sandbox.till import Till, open_till


@pytest.fixture
async def till(sandbox: Sandbox, bot_server: BotServer) -> Till:
    return await open_till(sandbox, bot_server)


async def test_an_invoice_message_is_approved_charged_and_told(sandbox: Sandbox, till: Till) -> None:
    user_id = await sandbox.user()
    message_id = await till.send(user_id, "order-7", stars=250)
    result = await till.pay(user_id, message_id=message_id)
    assert result["status"] == "paid"
    assert result["error_message"] is None
    (query,) = till.told("pre_checkout_query")
    assert (query["from"]["id"], query["currency"], query["total_amount"]) == (user_id, "XTR", 250)
    assert query["invoice_payload"] == "order-7"
    (told,) = await till.wait_told("successful_payment")
    assert told == {
        "currency": "XTR",
        "total_amount": 250,
        "invoice_payload": "order-7",
        "telegram_payment_charge_id": result["charge_id"],
        "provider_payment_charge_id": "",
    }
    last = (await sandbox.chat(user_id))[-1]
    assert (last["from"]["id"], last["successful_payment"]) == (user_id, told)
    delivered = till.server.received[-1].update
    assert (delivered["update_id"], delivered["message"]) == (result["update_id"], last)
    wallet = await till.wallet(user_id)
    assert wallet["stars"] == 10_000 - 250
    assert wallet["receipts"] == {str(message_id): result["charge_id"]}
    (entry,) = wallet["transactions"]
    assert (entry["kind"], entry["stars"], entry["charge_id"]) == ("payment", -250, result["charge_id"])


async def test_a_message_is_paid_once_and_a_link_by_anybody_again(sandbox: Sandbox, till: Till) -> None:
    ann, bob = await sandbox.user(), await sandbox.user("Bob", started=False)
    message_id = await till.send(ann)
    assert (await till.pay(ann, message_id=message_id))["status"] == "paid"
    again = await till.pay(ann, message_id=message_id)
    assert again == {"status": "failed", "error_message": "INVOICE_ALREADY_PAID", "charge_id": None, "update_id": None}
    assert len(till.told("pre_checkout_query")) == 1
    link = await till.link("order-2")
    paid = [await till.pay(ann, link=link), await till.pay(ann, link=link), await till.pay(bob, link=link)]
    assert [one["status"] for one in paid] == ["paid"] * 3
    assert len({one["charge_id"] for one in paid}) == 3
    assert (await till.wallet(ann))["stars"] == 10_000 - 300
    # Who pays by a link has opened the chat, so that the bot may answer.
    assert (await sandbox.bot.send_message(bob, "thank you")).chat.id == bob


async def test_one_message_paid_twice_at_once_is_charged_once(sandbox: Sandbox, till: Till) -> None:
    user_id = await sandbox.user()
    message_id = await till.send(user_id)
    till.hold.clear()
    both = asyncio.gather(till.pay(user_id, message_id=message_id), till.pay(user_id, message_id=message_id))
    await till.wait_told("pre_checkout_query", 2)
    till.hold.set()
    assert sorted(one["status"] for one in await both) == ["failed", "paid"]
    assert (await till.wallet(user_id))["stars"] == 9_900
    assert len(await till.transactions()) == 1


@pytest.mark.parametrize("shape", ["https://t.me/$", "t.me/$", "https://t.me/invoice/", "$", ""])
async def test_a_link_is_known_in_all_its_forms(sandbox: Sandbox, till: Till, shape: str) -> None:
    user_id = await sandbox.user()
    link = await till.link()
    assert link.startswith("https://t.me/$")
    slug = link.removeprefix("https://t.me/$")
    shown = await sandbox.control.get(f"/users/{user_id}/invoice", params={"link": shape + slug})
    assert shown.json() == {
        "title": "Starter",
        "description": "100 credits",
        "stars": 100,
        "subscription_period": None,
        "charge_id": None,
    }
    assert (await till.pay(user_id, link=shape + slug))["status"] == "paid"


async def test_the_bots_refusal_reaches_the_user_and_nothing_is_charged(sandbox: Sandbox, till: Till) -> None:
    user_id = await sandbox.user()
    till.refusal = "This order is not yours"
    result = await till.pay(user_id, link=await till.link())
    assert result == {
        "status": "failed",
        "error_message": "This order is not yours",
        "charge_id": None,
        "update_id": None,
    }
    assert (await till.wallet(user_id))["stars"] == 10_000
    assert await till.transactions() == []


async def test_a_cancelled_payment_asks_nobody_and_a_failed_one_charges_nothing(sandbox: Sandbox, till: Till) -> None:
    user_id = await sandbox.user()
    link = await till.link()
    assert (await till.pay(user_id, link=link, outcome="cancelled"))["status"] == "cancelled"
    assert till.told("pre_checkout_query") == []
    failed = await till.pay(user_id, link=link, outcome="failed")
    assert (failed["status"], failed["error_message"]) == ("failed", "PAYMENT_FAILED")
    assert len(till.told("pre_checkout_query")) == 1
    assert (await till.wallet(user_id))["transactions"] == []


async def test_a_short_wallet_pays_nothing_and_can_be_filled(sandbox: Sandbox, till: Till) -> None:
    user_id = await sandbox.user()
    link = await till.link(stars=400)
    await sandbox.control.put(f"/users/{user_id}/wallet", json={"stars": 399})
    failed = await till.pay(user_id, link=link)
    assert (failed["status"], failed["error_message"]) == ("failed", "BALANCE_TOO_LOW")
    filled = (await sandbox.control.put(f"/users/{user_id}/wallet", json={"stars": 400})).json()
    assert [(one["kind"], one["stars"]) for one in filled["transactions"]] == [("top_up", 1)]
    assert (await till.pay(user_id, link=link))["status"] == "paid"
    assert (await till.wallet(user_id))["stars"] == 0
    # What a user buys from Telegram is no business of the bot's.
    assert [one["amount"] for one in await till.transactions()] == [400]


async def test_two_payments_at_once_cannot_overdraw_the_wallet(sandbox: Sandbox, till: Till) -> None:
    user_id = await sandbox.user()
    links = [await till.link(payload, stars=6_000) for payload in ("one", "two")]
    till.hold.clear()
    both = asyncio.gather(*(till.pay(user_id, link=link) for link in links))
    await till.wait_told("pre_checkout_query", 2)
    till.hold.set()
    results = await both
    assert sorted(str(one["error_message"]) for one in results) == ["BALANCE_TOO_LOW", "None"]
    assert (await till.wallet(user_id))["stars"] == 4_000


async def test_a_pre_checkout_overtakes_what_its_chat_waits_for(sandbox: Sandbox, bot_server: BotServer) -> None:
    till = await open_till(sandbox, bot_server)
    user_id = await sandbox.user()

    async def script(update: Json) -> web.Response:
        return await till.answer(update) if "pre_checkout_query" in update else web.Response(status=500)

    bot_server.script = script
    await sandbox.write(user_id, "a message that the bot cannot take")
    await bot_server.wait(2)
    began = time.monotonic()
    result = await till.pay(user_id, link=await till.link())
    assert result["status"] == "paid"
    assert time.monotonic() - began < 5
    # The payment itself keeps the order of its chat.
    pending = (await sandbox.control.get("/updates")).json()["pending"]
    assert pending[-1]["update_id"] == result["update_id"]


async def test_a_late_answer_is_refused_and_the_payment_cancelled(
    sandbox_config: SandboxConfig, bot_server: BotServer
) -> None:
    async with serve(replace(sandbox_config, checkout_seconds=0.3)) as sandbox:
        till = await open_till(sandbox, bot_server)
        till.hold.clear()
        user_id = await sandbox.user()
        result = await till.pay(user_id, link=await till.link())
        assert (result["status"], result["error_message"]) == ("failed", "BOT_PRECHECKOUT_TIMEOUT")
        (query,) = till.told("pre_checkout_query")
        late = await sandbox.refusal("answerPreCheckoutQuery", pre_checkout_query_id=query["id"], ok=True)
        expected = "Bad Request: query is too old and response timeout expired or query ID is invalid"
        assert late == (400, expected)
        assert (await till.wallet(user_id))["stars"] == 10_000
        till.hold.set()


async def test_the_deadline_is_telegrams(sandbox: Sandbox) -> None:
    assert sandbox.world.config.checkout_seconds == 10.0


async def test_a_query_is_answered_once(sandbox: Sandbox) -> None:
    query_id = sandbox.world.pre_checkouts.open()
    assert (await sandbox.call("answerPreCheckoutQuery", pre_checkout_query_id=query_id, ok=True)).is_success
    code, _ = await sandbox.refusal("answerPreCheckoutQuery", pre_checkout_query_id=query_id, ok=True)
    assert code == 400


async def test_an_unreported_charge_is_listed_and_can_be_told_late(sandbox: Sandbox, till: Till) -> None:
    user_id = await sandbox.user()
    result = await till.pay(user_id, link=await till.link("order-9"), report=False)
    assert result["status"] == "paid"
    assert result["update_id"] is None
    (listed,) = await till.transactions()
    assert (listed["id"], listed["source"]["invoice_payload"]) == (result["charge_id"], "order-9")
    assert (await sandbox.chat(user_id))[-1]["successful_payment"]["invoice_payload"] == "order-9"
    late = (await sandbox.control.post(f"/charges/{result['charge_id']}/report")).json()
    told = await till.wait_told("successful_payment")
    assert told[0]["telegram_payment_charge_id"] == result["charge_id"]
    assert till.server.received[-1].update["update_id"] == late["update_id"]
    again = (await sandbox.control.post(f"/charges/{result['charge_id']}/report")).json()
    assert again["update_id"] > late["update_id"]
    assert (await till.wait_told("successful_payment", 2))[1] == told[0]
    assert (await sandbox.control.post("/charges/stxNone/report")).status_code == 404


@pytest.mark.parametrize("side", ["bot", "telegram"])
async def test_a_refund_gives_the_stars_back_once(sandbox: Sandbox, till: Till, side: str) -> None:
    user_id = await sandbox.user()
    paid = await till.pay(user_id, link=await till.link("order-3", stars=300))
    call = {"user_id": user_id, "telegram_payment_charge_id": paid["charge_id"]}
    if side == "bot":
        assert (await sandbox.call("refundStarPayment", **call)).json()["result"] is True
    else:
        answer = await sandbox.control.post(f"/users/{user_id}/refund", json={"charge_id": paid["charge_id"]})
        assert isinstance(answer.json()["update_id"], int)
    (told,) = await till.wait_told("refunded_payment")
    assert told == {
        "currency": "XTR",
        "total_amount": 300,
        "invoice_payload": "order-3",
        "telegram_payment_charge_id": paid["charge_id"],
    }
    assert (await till.wallet(user_id))["stars"] == 10_000
    incoming, outgoing = await till.transactions()
    assert incoming["id"] == outgoing["id"] == paid["charge_id"]
    assert ("source" in incoming, "receiver" in incoming) == (True, False)
    assert ("source" in outgoing, "receiver" in outgoing) == (False, True)
    assert (await sandbox.call("getMyStarBalance")).json()["result"] == {"amount": 0}
    assert await sandbox.refusal("refundStarPayment", **call) == (400, "Bad Request: CHARGE_ALREADY_REFUNDED")
    answer = await sandbox.control.post(f"/users/{user_id}/refund", json={"charge_id": paid["charge_id"]})
    assert (answer.status_code, answer.json()) == (400, {"error": "CHARGE_ALREADY_REFUNDED"})
    assert (await till.wallet(user_id))["stars"] == 10_000


async def test_an_unreported_refund_is_only_in_the_list(sandbox: Sandbox, till: Till) -> None:
    user_id = await sandbox.user()
    paid = await till.pay(user_id, link=await till.link())
    body = {"charge_id": paid["charge_id"], "report": False}
    assert (await sandbox.control.post(f"/users/{user_id}/refund", json=body)).json() == {"update_id": None}
    assert len(await till.transactions()) == 2
    await sandbox.control.post(f"/charges/{paid['charge_id']}/report")
    assert len(await till.wait_told("refunded_payment")) == 1


async def test_transactions_come_in_pages_oldest_first(sandbox: Sandbox, till: Till) -> None:
    user_id = await sandbox.user()
    paid = [await till.pay(user_id, link=await till.link(f"order-{number}", stars=number)) for number in range(1, 5)]
    ids = [one["charge_id"] for one in paid]
    assert [one["id"] for one in await till.transactions()] == ids
    assert [one["id"] for one in await till.transactions(offset=1, limit=2)] == ids[1:3]
    assert [one["id"] for one in await till.transactions(limit=0)] == ids[:1]
    assert await till.transactions(offset=4) == []
    first = (await till.transactions())[0]
    assert first["source"] == {
        "type": "user",
        "transaction_type": "invoice_payment",
        "user": (await sandbox.chat(user_id))[0]["from"],
        "invoice_payload": "order-1",
    }
    assert (await sandbox.call("getMyStarBalance")).json()["result"] == {"amount": 10}


async def test_watchers_see_the_wallet_change(sandbox: Sandbox, till: Till) -> None:
    user_id = await sandbox.user()
    link = await till.link()
    with sandbox.world.live.watch(user_id) as feed:
        await till.pay(user_id, link=link)
        kinds: dict[str, Any] = {}
        while not feed.empty():
            event = feed.get_nowait()
            assert event is not None
            kinds[event.kind.value] = event.data
    assert kinds["wallet"] == {"stars": 9_900}
    assert "successful_payment" in kinds["message"]


async def test_faults_reach_the_methods_about_money(sandbox: Sandbox, till: Till) -> None:
    user_id = await sandbox.user()
    paid = await till.pay(user_id, link=await till.link())
    call = {"user_id": user_id, "telegram_payment_charge_id": paid["charge_id"]}
    await sandbox.fault("refundStarPayment", "429", retry_after=3)
    assert await sandbox.refusal("refundStarPayment", **call) == (429, "Too Many Requests: retry after 3")
    assert (await till.wallet(user_id))["stars"] == 9_900
    await sandbox.fault("sendInvoice", "500")
    assert (await sandbox.call("sendInvoice", chat_id=user_id)).status_code == 500


async def test_old_pre_checkouts_expire_while_other_updates_wait(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    invoice = sandbox.world.invoices.find_by_link(await Till(sandbox, BotServer()).link())
    assert invoice is not None
    paying = asyncio.create_task(sandbox.control.post(f"/users/{user_id}/pay", json={"link": invoice.slug}))

    def pending() -> list[Json]:
        return [one.body for one in sandbox.world.updates.list_pending(limit=10)]

    await eventually(lambda: any("pre_checkout_query" in body for body in pending()))
    sandbox.world.store.execute("UPDATE updates SET created_at = created_at - 151")
    sandbox.world.updates.expire()
    assert [body["message"]["text"] for body in pending()] == ["/start"]
    (query_id,) = [
        str(row["id"])
        for row in sandbox.world.store.all(
            "SELECT json_extract(body, '$.pre_checkout_query.id') AS id FROM updates WHERE status = 'expired'"
        )
    ]
    await sandbox.call("answerPreCheckoutQuery", pre_checkout_query_id=query_id, ok=True)
    assert (await paying).json()["status"] == "paid"
