"""Methods about Telegram Stars: invoices, pre-checkout, refunds, subscriptions, the bot's transactions.

Rules and limits are those of the Bot API's section "Payments"; the sandbox knows no other currency.
"""

from typing import Any, Final

from app.sandbox.botapi.call import Call
from app.sandbox.botapi.chats import find_writable_chat
from app.sandbox.botapi.errors import bad_request
from app.sandbox.botapi.markup import read_markup
from app.sandbox.botapi.method import Method
from app.sandbox.botapi.outgoing import find_replied, post
from app.sandbox.people import Person
from app.sandbox.stars.books import ChargeAlreadyRefunded, ChargeNotFound, Entry, EntryKind
from app.sandbox.stars.checkouts import CheckoutTooOld, Verdict
from app.sandbox.stars.invoices import CURRENCY, LINK_PREFIX, InvoiceTerms
from app.sandbox.stars.paying import refund
from app.sandbox.stars.renewing import SubscriptionEnded, find_of_user, set_canceled
from app.sandbox.store import Json
from app.sandbox.world import World

_TITLE_LIMIT: Final = 32
_DESCRIPTION_LIMIT: Final = 255
_PAYLOAD_LIMIT_BYTES: Final = 128
_START_PARAMETER_LIMIT: Final = 64
_SUBSCRIPTION_PERIOD_SECONDS: Final = 2_592_000
_SUBSCRIPTION_STARS_LIMIT: Final = 10_000
_TRANSACTIONS_LIMIT: Final = 100


async def send_invoice(world: World, call: Call) -> Json:
    """SendInvoice. The invoice of a message is paid once."""
    chat = find_writable_chat(world, call)
    terms = _read_terms(call)
    start_parameter = call.text("start_parameter")
    if len(start_parameter) > _START_PARAMETER_LIMIT:
        raise bad_request("START_PARAM_INVALID")
    markup = read_markup(call, in_invoice=True)
    if markup.reply is not None:
        reason = "inline keyboard expected"
        raise bad_request(reason)
    content: Json = {
        "invoice": {
            "title": terms.title,
            "description": terms.description,
            "start_parameter": start_parameter,
            "currency": CURRENCY,
            "total_amount": terms.stars,
        }
    }
    reply_to = find_replied(world, call, chat)
    with world.store.transaction():
        message = post(world, chat, content, reply_to=reply_to, markup=markup)
        world.invoices.add(terms, message_id=message["message_id"])
    return message


async def create_invoice_link(world: World, call: Call) -> str:
    """CreateInvoiceLink. Anybody may pay by it, and more than once."""
    terms = _read_terms(call, subscription_period=_read_period(call))
    return LINK_PREFIX + world.invoices.add(terms).slug


async def answer_pre_checkout_query(world: World, call: Call) -> bool:
    """AnswerPreCheckoutQuery, within ten seconds and once."""
    query_id = _required(call, "pre_checkout_query_id")
    ok = call.flag("ok")
    verdict = Verdict(ok, None if ok else _required(call, "error_message"))
    try:
        world.pre_checkouts.answer(query_id, verdict)
    except CheckoutTooOld as error:
        reason = "query is too old and response timeout expired or query ID is invalid"
        raise bad_request(reason) from error
    return True


async def refund_star_payment(world: World, call: Call) -> bool:
    """RefundStarPayment: the whole amount, once."""
    person = _find_payer(world, call)
    try:
        refund(world, person, _required(call, "telegram_payment_charge_id"))
    except ChargeNotFound as error:
        raise bad_request("CHARGE_NOT_FOUND") from error
    except ChargeAlreadyRefunded as error:
        raise bad_request("CHARGE_ALREADY_REFUNDED") from error
    return True


async def edit_user_star_subscription(world: World, call: Call) -> bool:
    """EditUserStarSubscription: cancels the renewal for the bot, or takes that back.

    What the user has cancelled stays so. Any charge of the subscription names it.
    """
    person = _find_payer(world, call)
    charge_id, canceled = _required(call, "telegram_payment_charge_id"), _required(call, "is_canceled")
    try:
        subscription = find_of_user(world, person.user_id, charge_id)
        set_canceled(world, subscription, canceled=canceled.lower() in {"true", "yes", "1"}, by_bot=True)
    except ChargeNotFound as error:
        raise bad_request("CHARGE_NOT_FOUND") from error
    except SubscriptionEnded as error:
        raise bad_request("SUBSCRIPTION_NOT_ACTIVE") from error
    return True


async def get_star_transactions(world: World, call: Call) -> Json:
    """GetStarTransactions, oldest first; limits outside 1 to 100 are drawn to the nearer end, as Telegram does."""
    asked = call.integer("limit")
    limit = min(max(_TRANSACTIONS_LIMIT if asked is None else asked, 1), _TRANSACTIONS_LIMIT)
    entries = world.star_books.list_of_bot(offset=max(call.integer("offset") or 0, 0), limit=limit)
    return {"transactions": [_transaction(world, entry) for entry in entries]}


async def get_my_star_balance(world: World, _call: Call) -> Json:
    """GetMyStarBalance."""
    return {"amount": world.star_books.bot_balance()}


def _read_terms(call: Call, *, subscription_period: int | None = None) -> InvoiceTerms:
    title, description = _required(call, "title"), _required(call, "description")
    payload = _required(call, "payload")
    if len(title) > _TITLE_LIMIT:
        raise bad_request("INVOICE_TITLE_TOO_LONG")
    if len(description) > _DESCRIPTION_LIMIT:
        raise bad_request("INVOICE_DESCRIPTION_TOO_LONG")
    if len(payload.encode()) > _PAYLOAD_LIMIT_BYTES:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    # No payment provider is connected to this bot, and Stars need none.
    if _required(call, "currency") != CURRENCY or call.text("provider_token"):
        raise bad_request("PAYMENT_PROVIDER_INVALID")
    if call.integer("max_tip_amount"):
        raise bad_request("STARS_INVOICE_INVALID")
    stars = _read_price(call)
    if subscription_period is not None and stars > _SUBSCRIPTION_STARS_LIMIT:
        raise bad_request("STARS_SUBSCRIPTION_AMOUNT_INVALID")
    return InvoiceTerms(title, description, payload, stars, subscription_period)


def _read_price(call: Call) -> int:
    _required(call, "prices")
    prices: Any = call.structure("prices")
    if not isinstance(prices, list):
        reason = "expected an Array of labeled prices"
        raise bad_request(reason)
    if len(prices) != 1:
        raise bad_request("STARS_INVOICE_INVALID")
    price = prices[0]
    if not isinstance(price, dict) or not isinstance(price.get("label"), str) or not price["label"]:
        reason = "can't parse labeled price: Can't find field \"label\""
        raise bad_request(reason)
    amount = price.get("amount")
    # Forms carry numbers as words.
    if not str(amount).lstrip("-").isdecimal():
        reason = 'can\'t parse labeled price: Field "amount" must be a number'
        raise bad_request(reason)
    if int(str(amount)) <= 0:
        raise bad_request("CURRENCY_TOTAL_AMOUNT_INVALID")
    return int(str(amount))


def _read_period(call: Call) -> int | None:
    if not call.text("subscription_period"):
        return None
    if call.integer("subscription_period") != _SUBSCRIPTION_PERIOD_SECONDS:
        raise bad_request("SUBSCRIPTION_PERIOD_INVALID")
    return _SUBSCRIPTION_PERIOD_SECONDS


def _required(call: Call, name: str) -> str:
    value = call.text(name)
    if not value:
        reason = f'parameter "{name}" is required'
        raise bad_request(reason)
    return value


def _find_payer(world: World, call: Call) -> Person:
    person = world.people.find(call.integer("user_id") or 0)
    if person is None:
        reason = "user not found"
        raise bad_request(reason)
    return person


def _transaction(world: World, entry: Entry) -> Json:
    if entry.payment is None:
        message = "a top-up is no transaction of the bot's"
        raise AssertionError(message)
    terms = entry.payment.terms
    partner: Json = {
        "type": "user",
        "transaction_type": "invoice_payment",
        "user": world.people.get(entry.user_id).as_user(),
        "invoice_payload": terms.payload,
    }
    if terms.subscription_period is not None:
        partner["subscription_period"] = terms.subscription_period
    side = "source" if entry.kind is EntryKind.PAYMENT else "receiver"
    return {"id": entry.payment.charge_id, "amount": entry.stars, "date": entry.at, side: partner}


METHODS: Final[dict[str, Method]] = {
    "sendinvoice": send_invoice,
    "createinvoicelink": create_invoice_link,
    "answerprecheckoutquery": answer_pre_checkout_query,
    "refundstarpayment": refund_star_payment,
    "edituserstarsubscription": edit_user_star_subscription,
    "getstartransactions": get_star_transactions,
    "getmystarbalance": get_my_star_balance,
}
