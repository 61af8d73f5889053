"""Two independent client libraries drive every method and parse every answer.

aiogram's models keep what they do not know in `model_extra`, so a field of ours that the Bot API has not is found.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiogram
import pytest
import telegram
from aiogram import types
from aiogram.methods import GetUpdates
from aiohttp import web
from pydantic import BaseModel
from telegram.request import HTTPXRequest

from app.sandbox.botapi.routes import METHODS
from app.sandbox.stars.invoices import InvoiceTerms
from tests.sandbox.rig import BotServer, Json, Sandbox, keyboard, picture

VIDEO = b"\0\0\0\x18ftypmp42" + b"\0" * 64


@dataclass
class Stage:
    """What the calls act on: a user with a text, a photo, a file, a tap, a paid subscription, a payment to approve."""

    user_id: int
    text_id: int
    photo_id: int
    file_id: str
    query_id: str
    charge_id: str
    checkout_id: str


@pytest.fixture
async def stage(sandbox: Sandbox) -> Stage:
    user_id = await sandbox.user(username="ann_of_green", last_name="Shirley", language_code="ru")
    text = await sandbox.bot.send_message(
        user_id, "<b>hi</b> https://example.org", parse_mode="HTML", reply_markup=keyboard("go")
    )
    photo = await sandbox.bot.send_photo(user_id, types.BufferedInputFile(picture(), "a.png"), caption="a")
    assert photo.photo is not None
    world = sandbox.world
    terms = InvoiceTerms("Club", "A month of it", "order-1", 350, 2_592_000)
    paid = world.star_books.charge(user_id, terms, charge_id="stxOne", at=world.clock.unix(), subscription_id="stxOne")
    world.subscriptions.begin(paid, paid_until=world.clock.unix() + 2_592_000)
    return Stage(
        user_id=user_id,
        text_id=text.message_id,
        photo_id=photo.message_id,
        file_id=photo.photo[-1].file_id,
        query_id=world.callbacks.open(user_id),
        charge_id=paid.charge_id,
        checkout_id=world.pre_checkouts.open(),
    )


@pytest.fixture
async def second_client(sandbox: Sandbox) -> AsyncIterator[telegram.Bot]:
    """python-telegram-bot, whose only part in this product is this test."""
    bot = telegram.Bot(
        sandbox.bot.token,
        base_url=f"{sandbox.url}/bot",
        base_file_url=f"{sandbox.url}/file/bot",
        request=HTTPXRequest(httpx_kwargs={"trust_env": False}),
        get_updates_request=HTTPXRequest(httpx_kwargs={"trust_env": False}),
    )
    async with bot:
        yield bot


AiogramCall = Callable[[aiogram.Bot, Stage], Awaitable[Any]]
SecondCall = Callable[[telegram.Bot, Stage], Awaitable[Any]]


def upload(name: str = "a.png") -> types.BufferedInputFile:
    return types.BufferedInputFile(VIDEO if name.endswith(".mp4") else picture(), name)


def inline() -> telegram.InlineKeyboardMarkup:
    return telegram.InlineKeyboardMarkup([[telegram.InlineKeyboardButton("other", callback_data="other")]])


COMMANDS = [("start", "begin"), ("help", "what I can do")]

CALLS: dict[str, tuple[AiogramCall, SecondCall]] = {
    "getMe": (lambda bot, _: bot.get_me(), lambda bot, _: bot.get_me()),
    "logOut": (lambda bot, _: bot.log_out(), lambda bot, _: bot.log_out()),
    "close": (lambda bot, _: bot.close(), lambda bot, _: bot.close()),
    "getUpdates": (
        lambda bot, _: bot(GetUpdates(limit=5, timeout=0)),
        lambda bot, _: bot.get_updates(limit=5, timeout=0),
    ),
    "setWebhook": (
        lambda bot, _: bot.set_webhook("http://127.0.0.1:9/hook", secret_token="s", max_connections=3),
        lambda bot, _: bot.set_webhook("http://127.0.0.1:9/hook", secret_token="s", allowed_updates=["message"]),
    ),
    "deleteWebhook": (
        lambda bot, _: bot.delete_webhook(drop_pending_updates=True),
        lambda bot, _: bot.delete_webhook(drop_pending_updates=True),
    ),
    "getWebhookInfo": (lambda bot, _: bot.get_webhook_info(), lambda bot, _: bot.get_webhook_info()),
    "sendMessage": (
        lambda bot, stage: bot.send_message(
            stage.user_id,
            "<b>b</b> <i>i</i> <u>u</u> <s>s</s> <tg-spoiler>x</tg-spoiler> <a href='https://e.org'>a</a>"
            " <code>c</code> <pre>p</pre> <blockquote>q</blockquote> /start #tag @someone mail@e.org",
            parse_mode="HTML",
            reply_parameters=types.ReplyParameters(message_id=stage.text_id),
            link_preview_options=types.LinkPreviewOptions(is_disabled=True),
            reply_markup=keyboard("a", "b"),
        ),
        lambda bot, stage: bot.send_message(
            stage.user_id,
            "<b>b</b> 😀 <code>c</code>",
            parse_mode="HTML",
            reply_to_message_id=stage.text_id,
            reply_markup=telegram.ReplyKeyboardMarkup([["one", "two"]], resize_keyboard=True),
        ),
    ),
    "sendPhoto": (
        lambda bot, stage: bot.send_photo(
            stage.user_id, upload(), caption="<b>c</b>", parse_mode="HTML", has_spoiler=True
        ),
        lambda bot, stage: bot.send_photo(stage.user_id, picture(), caption="c", reply_markup=inline()),
    ),
    "sendVideo": (
        lambda bot, stage: bot.send_video(
            stage.user_id, upload("a.mp4"), width=640, height=360, duration=5, thumbnail=upload("t.jpg")
        ),
        lambda bot, stage: bot.send_video(stage.user_id, VIDEO, width=640, height=360, duration=5, filename="a.mp4"),
    ),
    "sendAnimation": (
        lambda bot, stage: bot.send_animation(stage.user_id, upload("a.mp4"), width=64, height=36, duration=1),
        lambda bot, stage: bot.send_animation(stage.user_id, VIDEO, width=64, height=36, duration=1, filename="a.mp4"),
    ),
    "sendDocument": (
        lambda bot, stage: bot.send_document(stage.user_id, upload(), caption="c"),
        lambda bot, stage: bot.send_document(stage.user_id, b"plain text", filename="a.txt"),
    ),
    "sendMediaGroup": (
        lambda bot, stage: bot.send_media_group(
            stage.user_id,
            [types.InputMediaPhoto(media=upload(), caption="c"), types.InputMediaPhoto(media=stage.file_id)],
        ),
        lambda bot, stage: bot.send_media_group(
            stage.user_id,
            [telegram.InputMediaPhoto(picture()), telegram.InputMediaVideo(VIDEO, width=6, height=4, filename="a.mp4")],
        ),
    ),
    "sendChatAction": (
        lambda bot, stage: bot.send_chat_action(stage.user_id, "upload_photo"),
        lambda bot, stage: bot.send_chat_action(stage.user_id, "typing"),
    ),
    "editMessageText": (
        lambda bot, stage: bot.edit_message_text(
            "<i>new</i>", chat_id=stage.user_id, message_id=stage.text_id, parse_mode="HTML", reply_markup=keyboard("z")
        ),
        lambda bot, stage: bot.edit_message_text("newer", stage.user_id, stage.text_id),
    ),
    "editMessageCaption": (
        lambda bot, stage: bot.edit_message_caption(chat_id=stage.user_id, message_id=stage.photo_id, caption="new"),
        lambda bot, stage: bot.edit_message_caption(stage.user_id, stage.photo_id, caption="newer"),
    ),
    "editMessageMedia": (
        lambda bot, stage: bot.edit_message_media(
            types.InputMediaPhoto(media=upload(), caption="m"), chat_id=stage.user_id, message_id=stage.photo_id
        ),
        lambda bot, stage: bot.edit_message_media(
            telegram.InputMediaDocument(b"bytes", filename="a.bin"), stage.user_id, stage.photo_id
        ),
    ),
    "editMessageReplyMarkup": (
        lambda bot, stage: bot.edit_message_reply_markup(
            chat_id=stage.user_id, message_id=stage.text_id, reply_markup=keyboard("y")
        ),
        lambda bot, stage: bot.edit_message_reply_markup(stage.user_id, stage.text_id, reply_markup=inline()),
    ),
    "deleteMessage": (
        lambda bot, stage: bot.delete_message(stage.user_id, stage.text_id),
        lambda bot, stage: bot.delete_message(stage.user_id, stage.photo_id),
    ),
    "deleteMessages": (
        lambda bot, stage: bot.delete_messages(stage.user_id, [stage.text_id, 99_999]),
        lambda bot, stage: bot.delete_messages(stage.user_id, [stage.photo_id]),
    ),
    "copyMessage": (
        lambda bot, stage: bot.copy_message(stage.user_id, stage.user_id, stage.text_id),
        lambda bot, stage: bot.copy_message(stage.user_id, stage.user_id, stage.photo_id, caption="other"),
    ),
    "forwardMessage": (
        lambda bot, stage: bot.forward_message(stage.user_id, stage.user_id, stage.text_id),
        lambda bot, stage: bot.forward_message(stage.user_id, stage.user_id, stage.photo_id),
    ),
    "answerCallbackQuery": (
        lambda bot, stage: bot.answer_callback_query(stage.query_id, "done"),
        lambda bot, stage: bot.answer_callback_query(stage.query_id, "done", show_alert=True),
    ),
    "sendInvoice": (
        lambda bot, stage: bot.send_invoice(
            stage.user_id,
            title="Starter",
            description="100 credits",
            payload="order-2",
            currency="XTR",
            prices=[types.LabeledPrice(label="Starter", amount=100)],
            provider_token="",
            reply_markup=types.InlineKeyboardMarkup(
                inline_keyboard=[
                    [types.InlineKeyboardButton(text="Pay ⭐ 100", pay=True)],
                    [types.InlineKeyboardButton(text="Back", callback_data="back")],
                ]
            ),
        ),
        lambda bot, stage: bot.send_invoice(
            stage.user_id,
            "Starter",
            "100 credits",
            "order-3",
            "XTR",
            [telegram.LabeledPrice("Starter", 100)],
            start_parameter="buy",
        ),
    ),
    "createInvoiceLink": (
        lambda bot, _: bot.create_invoice_link(
            title="Club",
            description="A month of it",
            payload="order-4",
            currency="XTR",
            prices=[types.LabeledPrice(label="Club", amount=350)],
            subscription_period=2_592_000,
        ),
        lambda bot, _: bot.create_invoice_link(
            "Club",
            "A month of it",
            "order-5",
            currency="XTR",
            prices=[telegram.LabeledPrice("Club", 350)],
            provider_token="",
            subscription_period=timedelta(days=30),
        ),
    ),
    "answerPreCheckoutQuery": (
        lambda bot, stage: bot.answer_pre_checkout_query(stage.checkout_id, ok=True),
        lambda bot, stage: bot.answer_pre_checkout_query(stage.checkout_id, ok=False, error_message="Too late"),
    ),
    "refundStarPayment": (
        lambda bot, stage: bot.refund_star_payment(stage.user_id, stage.charge_id),
        lambda bot, stage: bot.refund_star_payment(stage.user_id, stage.charge_id),
    ),
    "editUserStarSubscription": (
        lambda bot, stage: bot.edit_user_star_subscription(stage.user_id, stage.charge_id, is_canceled=True),
        lambda bot, stage: bot.edit_user_star_subscription(stage.user_id, stage.charge_id, is_canceled=False),
    ),
    "getStarTransactions": (
        lambda bot, _: bot.get_star_transactions(offset=0, limit=5),
        lambda bot, _: bot.get_star_transactions(offset=0, limit=5),
    ),
    "getMyStarBalance": (lambda bot, _: bot.get_my_star_balance(), lambda bot, _: bot.get_my_star_balance()),
    "getFile": (lambda bot, stage: bot.get_file(stage.file_id), lambda bot, stage: bot.get_file(stage.file_id)),
    "getChat": (lambda bot, stage: bot.get_chat(stage.user_id), lambda bot, stage: bot.get_chat(stage.user_id)),
    "getUserProfilePhotos": (
        lambda bot, stage: bot.get_user_profile_photos(stage.user_id),
        lambda bot, stage: bot.get_user_profile_photos(stage.user_id),
    ),
    "setMyCommands": (
        lambda bot, _: bot.set_my_commands(
            [types.BotCommand(command=name, description=text) for name, text in COMMANDS],
            scope=types.BotCommandScopeAllPrivateChats(),
            language_code="ru",
        ),
        lambda bot, _: bot.set_my_commands(COMMANDS, scope=telegram.BotCommandScopeDefault()),
    ),
    "getMyCommands": (
        lambda bot, _: bot.get_my_commands(types.BotCommandScopeAllPrivateChats(), language_code="ru"),
        lambda bot, _: bot.get_my_commands(),
    ),
    "deleteMyCommands": (lambda bot, _: bot.delete_my_commands(), lambda bot, _: bot.delete_my_commands()),
    "setChatMenuButton": (
        lambda bot, _: bot.set_chat_menu_button(
            menu_button=types.MenuButtonWebApp(text="Open", web_app=types.WebAppInfo(url="https://e.org/app/"))
        ),
        lambda bot, stage: bot.set_chat_menu_button(stage.user_id, telegram.MenuButtonCommands()),
    ),
    "getChatMenuButton": (
        lambda bot, stage: bot.get_chat_menu_button(stage.user_id),
        lambda bot, _: bot.get_chat_menu_button(),
    ),
    "setMyName": (lambda bot, _: bot.set_my_name("Starbrush"), lambda bot, _: bot.set_my_name("Звёзды", "ru")),
    "getMyName": (lambda bot, _: bot.get_my_name(), lambda bot, _: bot.get_my_name("ru")),
    "setMyDescription": (
        lambda bot, _: bot.set_my_description("draws"),
        lambda bot, _: bot.set_my_description("рисует", "ru"),
    ),
    "getMyDescription": (lambda bot, _: bot.get_my_description(), lambda bot, _: bot.get_my_description("ru")),
    "setMyShortDescription": (
        lambda bot, _: bot.set_my_short_description("draws"),
        lambda bot, _: bot.set_my_short_description("рисует", "ru"),
    ),
    "getMyShortDescription": (
        lambda bot, _: bot.get_my_short_description(),
        lambda bot, _: bot.get_my_short_description("ru"),
    ),
}


def test_every_implemented_method_is_in_the_table() -> None:
    assert {name.lower() for name in CALLS} == set(METHODS)


def unknown_fields(value: object) -> list[str]:
    """Fields of an answer, at any depth, that aiogram has no name for."""
    if isinstance(value, BaseModel):
        inside = [field for name in type(value).model_fields for field in unknown_fields(getattr(value, name))]
        return [*(f"{type(value).__name__}.{name}" for name in value.model_extra or {}), *inside]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [field for item in value for field in unknown_fields(item)]
    return []


@pytest.mark.parametrize("method", CALLS)
async def test_aiogram_parses_the_answer(sandbox: Sandbox, stage: Stage, method: str) -> None:
    answer = await CALLS[method][0](sandbox.bot, stage)
    assert answer is not None
    assert unknown_fields(answer) == []


@pytest.mark.parametrize("method", CALLS)
async def test_a_second_library_parses_the_answer(second_client: telegram.Bot, stage: Stage, method: str) -> None:
    answer = await CALLS[method][1](second_client, stage)
    answers = answer if isinstance(answer, tuple) else (answer,)
    for one in answers:
        assert isinstance(one, telegram.TelegramObject | bool | str)
        if isinstance(one, telegram.TelegramObject):
            assert one.to_dict(), "an empty object was parsed"


async def test_both_libraries_parse_every_kind_of_update(
    sandbox: Sandbox, second_client: telegram.Bot, bot_server: BotServer
) -> None:
    user_id = await sandbox.user()
    sent = await sandbox.bot.send_message(user_id, "hi", reply_markup=keyboard("go"))
    await sandbox.bot.set_webhook(bot_server.url)
    files = [("photo", ("a.png", picture(), "image/png"))] * 2
    await sandbox.control.post(f"/users/{user_id}/messages", files=files, data={"caption": "two"})
    await sandbox.control.post(
        f"/users/{user_id}/messages", files={"document": ("a.png", picture())}, data={"caption": "one"}
    )
    await sandbox.write(user_id, "an answer", reply_to_message_id=sent.message_id)
    tap = asyncio.create_task(
        sandbox.control.post(f"/users/{user_id}/callbacks", json={"message_id": sent.message_id, "data": "go"})
    )
    query = (await bot_server.wait(6))[5].update["callback_query"]
    await sandbox.bot.answer_callback_query(query["id"])
    assert (await tap).status_code == 200
    await sandbox.control.post(f"/users/{user_id}/block")
    await sandbox.control.post(f"/users/{user_id}/unblock")
    updates = await bot_server.wait(8)
    kinds = set()
    for one in updates:
        parsed = types.Update.model_validate(one.update, context={"bot": sandbox.bot})
        assert unknown_fields(parsed) == []
        kinds.add(parsed.event_type)
        second = telegram.Update.de_json(one.update, second_client)
        assert second.effective_user is not None
        assert second.effective_user.id == user_id
    assert kinds == {"message", "callback_query", "my_chat_member"}


async def test_both_libraries_parse_the_updates_about_money(
    sandbox: Sandbox, second_client: telegram.Bot, bot_server: BotServer
) -> None:
    async def approve(update: Json) -> web.Response:
        query = update.get("pre_checkout_query")
        answer = {"method": "answerPreCheckoutQuery", "pre_checkout_query_id": query["id"], "ok": True} if query else {}
        return web.json_response(answer)

    bot_server.script = approve
    user_id = await sandbox.user(language_code="ru")
    await sandbox.bot.set_webhook(bot_server.url, drop_pending_updates=True)
    link = await sandbox.bot.create_invoice_link(
        title="Club",
        description="A month of it",
        payload="order-6",
        currency="XTR",
        prices=[types.LabeledPrice(label="Club", amount=350)],
        subscription_period=2_592_000,
    )
    paid = (await sandbox.control.post(f"/users/{user_id}/pay", json={"link": link})).json()
    await sandbox.control.post(f"/users/{user_id}/subscriptions/{paid['charge_id']}", json={"canceled": True})
    await sandbox.bot.refund_star_payment(user_id, paid["charge_id"])
    updates = [one.update for one in await bot_server.wait(4)]
    parsed = [types.Update.model_validate(update, context={"bot": sandbox.bot}) for update in updates]
    assert [unknown_fields(update) for update in parsed] == [[], [], [], []]
    assert [update.event_type for update in parsed] == ["pre_checkout_query", "message", "subscription", "message"]
    assert parsed[1].message is not None
    assert parsed[1].message.successful_payment is not None
    assert parsed[3].message is not None
    assert parsed[3].message.refunded_payment is not None
    second = [telegram.Update.de_json(update, second_client) for update in updates]
    assert second[0].pre_checkout_query is not None
    assert second[1].message is not None
    assert second[1].message.successful_payment is not None
    assert second[1].message.successful_payment.is_first_recurring is True
    assert second[3].message is not None
    assert second[3].message.refunded_payment is not None
