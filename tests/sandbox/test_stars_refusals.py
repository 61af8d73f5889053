"""What Telegram refuses of invoices, refunds and payments, in its words."""

from typing import Any

import pytest

from tests.sandbox.rig import Json, Sandbox

INVOICE: Json = {
    "title": "Starter",
    "description": "100 credits",
    "payload": "order-1",
    "currency": "XTR",
    "prices": [{"label": "Starter", "amount": 100}],
}


@pytest.mark.parametrize("method", ["sendInvoice", "createInvoiceLink"])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"title": ""}, 'parameter "title" is required'),
        ({"title": "t" * 33}, "INVOICE_TITLE_TOO_LONG"),
        ({"description": ""}, 'parameter "description" is required'),
        ({"description": "d" * 256}, "INVOICE_DESCRIPTION_TOO_LONG"),
        ({"payload": ""}, 'parameter "payload" is required'),
        ({"payload": "п" * 65}, "INVOICE_PAYLOAD_INVALID"),
        ({"currency": ""}, 'parameter "currency" is required'),
        ({"currency": "RUB"}, "PAYMENT_PROVIDER_INVALID"),
        ({"provider_token": "123:TEST"}, "PAYMENT_PROVIDER_INVALID"),
        ({"max_tip_amount": 5}, "STARS_INVOICE_INVALID"),
        ({"prices": []}, "STARS_INVOICE_INVALID"),
        ({"prices": [{"label": "a", "amount": 1}, {"label": "b", "amount": 1}]}, "STARS_INVOICE_INVALID"),
        ({"prices": {"label": "a"}}, "expected an Array of labeled prices"),
        ({"prices": [{"amount": 1}]}, "can't parse labeled price: Can't find field \"label\""),
        (
            {"prices": [{"label": "a", "amount": "much"}]},
            'can\'t parse labeled price: Field "amount" must be a number',
        ),
        ({"prices": [{"label": "a", "amount": 0}]}, "CURRENCY_TOTAL_AMOUNT_INVALID"),
        ({"prices": [{"label": "a", "amount": -5}]}, "CURRENCY_TOTAL_AMOUNT_INVALID"),
    ],
)
async def test_an_invoice_that_telegram_would_not_take(
    sandbox: Sandbox, method: str, change: dict[str, Any], reason: str
) -> None:
    user_id = await sandbox.user()
    assert await sandbox.refusal(method, chat_id=user_id, **{**INVOICE, **change}) == (400, f"Bad Request: {reason}")


@pytest.mark.parametrize("method", ["sendInvoice", "createInvoiceLink"])
async def test_an_invoice_at_its_limits_is_taken(sandbox: Sandbox, method: str) -> None:
    user_id = await sandbox.user()
    widest = {"title": "т" * 32, "description": "о" * 255, "payload": "п" * 64, "provider_token": ""}
    assert (await sandbox.call(method, chat_id=user_id, **{**INVOICE, **widest})).is_success


@pytest.mark.parametrize(
    ("period", "stars", "reason"),
    [
        (2_592_001, 100, "SUBSCRIPTION_PERIOD_INVALID"),
        (60, 100, "SUBSCRIPTION_PERIOD_INVALID"),
        (2_592_000, 10_001, "STARS_SUBSCRIPTION_AMOUNT_INVALID"),
        (2_592_000, 10_000, None),
        (None, 10_001, None),
    ],
)
async def test_a_subscription_lasts_thirty_days_and_has_a_highest_price(
    sandbox: Sandbox, period: int | None, stars: int, reason: str | None
) -> None:
    terms = {**INVOICE, "prices": [{"label": "Club", "amount": stars}]}
    answer = await sandbox.call("createInvoiceLink", **terms, subscription_period=period)
    assert answer.json().get("description") == (None if reason is None else f"Bad Request: {reason}")


PAY = {"text": "Pay", "pay": True}
BACK = {"text": "Back", "callback_data": "back"}


@pytest.mark.parametrize("rows", [[[BACK]], [[BACK, PAY]], [[BACK], [PAY]], [[PAY, PAY]]])
async def test_the_first_button_of_an_invoice_pays(sandbox: Sandbox, rows: list[list[Json]]) -> None:
    user_id = await sandbox.user()
    call = {**INVOICE, "chat_id": user_id, "reply_markup": {"inline_keyboard": rows}}
    assert await sandbox.refusal("sendInvoice", **call) == (400, "Bad Request: BUTTON_POS_INVALID")


async def test_a_keyboard_below_the_chat_is_none_of_an_invoice(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    call = {**INVOICE, "chat_id": user_id, "reply_markup": {"keyboard": [["one"]]}}
    assert await sandbox.refusal("sendInvoice", **call) == (400, "Bad Request: inline keyboard expected")


async def test_no_other_message_pays(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    markup = {"inline_keyboard": [[PAY]]}
    refused = (400, "Bad Request: BUTTON_TYPE_INVALID")
    assert await sandbox.refusal("sendMessage", chat_id=user_id, text="hi", reply_markup=markup) == refused
    sent = await sandbox.bot.send_message(user_id, "hi")
    edit = {"chat_id": user_id, "message_id": sent.message_id, "reply_markup": markup}
    assert await sandbox.refusal("editMessageReplyMarkup", **edit) == refused


async def test_an_invoice_keeps_its_content_and_may_change_its_buttons(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    call = {**INVOICE, "chat_id": user_id, "reply_markup": {"inline_keyboard": [[PAY]]}}
    sent = (await sandbox.call("sendInvoice", **call)).json()["result"]
    where = {"chat_id": user_id, "message_id": sent["message_id"]}
    assert (await sandbox.refusal("editMessageText", **where, text="new"))[0] == 400
    assert (await sandbox.refusal("editMessageCaption", **where, caption="new"))[0] == 400
    media = {"type": "photo", "media": "https://example.org/a.png"}
    refused = (400, "Bad Request: message can't be edited")
    assert await sandbox.refusal("editMessageMedia", **where, media=media) == refused
    edited = await sandbox.call("editMessageReplyMarkup", **where, reply_markup={"inline_keyboard": [[PAY], [BACK]]})
    assert edited.json()["result"]["invoice"] == sent["invoice"]
    assert (await sandbox.call("deleteMessage", **where)).is_success
    gone = await sandbox.control.post(f"/users/{user_id}/pay", json={"message_id": sent["message_id"]})
    assert (gone.status_code, gone.json()) == (400, {"error": "there is no such invoice"})


async def test_invoices_and_receipts_are_not_copied(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    invoice = (await sandbox.call("sendInvoice", chat_id=user_id, **INVOICE)).json()["result"]
    body = {key: value for key, value in invoice.items() if key not in {"message_id", "invoice"}}
    receipt = sandbox.world.history.add(user_id, {**body, "successful_payment": {"currency": "XTR"}})
    for message, method, reason in (
        (invoice, "copyMessage", "message can't be copied"),
        (receipt, "copyMessage", "message can't be copied"),
        (receipt, "forwardMessage", "message can't be forwarded"),
    ):
        source = {"chat_id": user_id, "from_chat_id": user_id, "message_id": message["message_id"]}
        assert await sandbox.refusal(method, **source) == (400, f"Bad Request: {reason}")


@pytest.mark.parametrize("start_parameter", ["", "buy"])
async def test_a_forwarded_invoice_pays_unless_it_leads_to_the_bot(sandbox: Sandbox, start_parameter: str) -> None:
    ann, bob = await sandbox.user(), await sandbox.user("Bob")
    terms = {**INVOICE, "start_parameter": start_parameter}
    invoice = (await sandbox.call("sendInvoice", chat_id=ann, **terms)).json()["result"]
    source = {"chat_id": bob, "from_chat_id": ann, "message_id": invoice["message_id"]}
    forwarded = (await sandbox.call("forwardMessage", **source)).json()["result"]
    assert forwarded["invoice"] == invoice["invoice"]
    found = sandbox.world.invoices.find_by_message(forwarded["message_id"])
    assert (found is not None) is (start_parameter == "")


async def test_a_refusal_needs_words_and_a_query(sandbox: Sandbox) -> None:
    query_id = sandbox.world.pre_checkouts.open()
    wordless = await sandbox.refusal("answerPreCheckoutQuery", pre_checkout_query_id=query_id, ok=False)
    assert wordless == (400, 'Bad Request: parameter "error_message" is required')
    nameless = await sandbox.refusal("answerPreCheckoutQuery", ok=True)
    assert nameless == (400, 'Bad Request: parameter "pre_checkout_query_id" is required')
    unknown = await sandbox.refusal("answerPreCheckoutQuery", pre_checkout_query_id="5", ok=True)
    assert unknown[1].startswith("Bad Request: query is too old")


@pytest.mark.parametrize("method", ["refundStarPayment", "editUserStarSubscription"])
async def test_an_unknown_charge_or_user_is_not_found(sandbox: Sandbox, method: str) -> None:
    user_id = await sandbox.user()
    more: Json = {"is_canceled": True}
    charge = await sandbox.refusal(method, user_id=user_id, telegram_payment_charge_id="stxNone", **more)
    assert charge == (400, "Bad Request: CHARGE_NOT_FOUND")
    nobody = await sandbox.refusal(method, user_id=5, telegram_payment_charge_id="stxNone", **more)
    assert nobody == (400, "Bad Request: user not found")
    missing = await sandbox.refusal(method, user_id=user_id, **more)
    assert missing == (400, 'Bad Request: parameter "telegram_payment_charge_id" is required')


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message_id": 1, "link": "https://t.me/$a"},
        {"message_id": 999_999},
        {"link": "https://t.me/$nothing"},
        {"link": "https://t.me/$a", "outcome": "stolen"},
        {"link": "https://t.me/$a", "tip": 5},
    ],
)
async def test_a_payment_must_name_one_invoice_that_exists(sandbox: Sandbox, body: Json) -> None:
    user_id = await sandbox.user()
    answer = await sandbox.control.post(f"/users/{user_id}/pay", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_another_chats_invoice_and_another_users_charge_are_not_found(sandbox: Sandbox) -> None:
    ann, bob = await sandbox.user(), await sandbox.user("Bob")
    invoice = (await sandbox.call("sendInvoice", chat_id=ann, **INVOICE)).json()["result"]
    paying = await sandbox.control.post(f"/users/{bob}/pay", json={"message_id": invoice["message_id"]})
    assert paying.status_code == 400
    assert (await sandbox.control.post("/users/5/pay", json={"link": "x"})).status_code == 404
    assert (await sandbox.control.get("/users/5/wallet")).status_code == 404
    refused = await sandbox.control.post(f"/users/{bob}/refund", json={"charge_id": "stxNone"})
    assert (refused.status_code, refused.json()) == (400, {"error": "CHARGE_NOT_FOUND"})
    assert (await sandbox.control.put(f"/users/{bob}/wallet", json={"stars": -1})).status_code == 400


async def test_a_reset_empties_the_wallets_and_the_bots_books(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    await sandbox.control.put(f"/users/{user_id}/wallet", json={"stars": 20_000})
    await sandbox.call("createInvoiceLink", **INVOICE)
    await sandbox.control.post("/reset")
    tables = ("wallets", "star_invoices", "star_payments", "star_entries", "star_subscriptions", "star_reports")
    assert [sandbox.world.store.all(f"SELECT * FROM {table}") for table in tables] == [[]] * len(tables)
