"""A bot made for the playground's tests: plain aiogram behind a webhook, one command for each thing a chat can show."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import quote

from aiogram import Bot, Dispatcher, F, Router
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    CallbackQuery,
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    InputMediaVideo,
    KeyboardButton,
    LabeledPrice,
    Message,
    PreCheckoutQuery,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import web
from PIL import Image, ImageDraw

from tests.films import film, still

_SECRET: Final = "scripted-bot-secret"

GREETING: Final = (
    "<b>Bold</b>, <i>italic</i>, <u>underlined</u>, <s>struck</s>, <code>code</code>,"
    ' <a href="https://example.org/">a link</a> and <tg-spoiler>a secret</tg-spoiler>.\n'
    "<blockquote>A quote of two\nlines</blockquote>\n"
    '<pre><code class="language-python">print("hello")</code></pre>\n'
    "Try /photo or https://example.org/path"
)

router = Router()


def picture(width: int = 640, height: int = 480, *, hue: int = 200) -> bytes:
    """A small PNG with a sun over the sea."""
    image = Image.new("HSV", (width, height), (hue, 90, 235))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * 2 // 3, width, height), fill=(hue, 160, 150))
    radius = min(width, height) // 7
    draw.ellipse((width // 3, height // 4, width // 3 + 2 * radius, height // 4 + 2 * radius), fill=(30, 150, 255))
    target = io.BytesIO()
    image.convert("RGB").save(target, "PNG")
    return target.getvalue()


def buttons(*rows: tuple[tuple[str, str], ...]) -> InlineKeyboardMarkup:
    """Rows of (text, callback data)."""
    return InlineKeyboardMarkup(
        inline_keyboard=[[InlineKeyboardButton(text=text, callback_data=data) for text, data in row] for row in rows]
    )


@router.message(CommandStart())
async def start(message: Message, command: CommandObject) -> None:
    if command.args:
        await message.answer(f"Started with {command.args}", parse_mode=None)
        return
    await message.answer(
        GREETING, reply_markup=buttons((("Toast", "toast"), ("Alert", "alert")), (("Slow answer", "slow"),))
    )


@router.message(Command("photo"))
async def send_photo(message: Message) -> None:
    photo = BufferedInputFile(picture(), "sun.png")
    await message.answer_photo(photo, caption="The sun", reply_markup=buttons((("Again", "toast"), ("Edit", "edit"))))


@router.message(Command("album"))
async def send_album(message: Message) -> None:
    shapes = ((640, 480), (480, 640), (600, 600), (800, 450))
    media = [
        InputMediaPhoto(
            media=BufferedInputFile(picture(*shape, hue=40 * index), f"{index}.png"),
            caption="Four of them" if index == 0 else None,
        )
        for index, shape in enumerate(shapes)
    ]
    await message.answer_media_group([*media])


@router.message(Command("video"))
async def send_video(message: Message) -> None:
    await message.answer_video(
        _clip(sound="aac"), caption="A clip", width=320, height=180, duration=2, thumbnail=_poster()
    )


@router.message(Command("silent"))
async def send_silent_video(message: Message) -> None:
    await message.answer_video(_clip(sound=None), width=320, height=180, duration=2)


@router.message(Command("mixed"))
async def send_mixed_album(message: Message) -> None:
    await message.answer_media_group(
        [
            InputMediaPhoto(media=BufferedInputFile(picture(), "0.png"), caption="A picture and a clip"),
            InputMediaVideo(media=_clip(sound="aac"), width=320, height=180, duration=2, thumbnail=_poster()),
        ]
    )


def _clip(*, sound: str | None) -> BufferedInputFile:
    return BufferedInputFile(film(seconds=2, size=(320, 180), sound=sound), "clip.mp4")


def _poster() -> BufferedInputFile:
    target = io.BytesIO()
    still((320, 180), 0).save(target, "JPEG")
    return BufferedInputFile(target.getvalue(), "poster.jpg")


@router.message(Command("document"))
async def send_document(message: Message) -> None:
    await message.answer_document(BufferedInputFile(picture(), "original.png"), caption="The original as a file")


@router.message(Command("edit"))
async def offer_edit(message: Message) -> None:
    await message.answer("Before the edit", reply_markup=buttons((("Edit", "edit"), ("Delete", "delete"))))


@router.message(Command("keyboard"))
async def show_keyboard(message: Message) -> None:
    rows = [[KeyboardButton(text="Red"), KeyboardButton(text="Green")], [KeyboardButton(text="Hide the keyboard")]]
    markup = ReplyKeyboardMarkup(keyboard=rows, resize_keyboard=True, input_field_placeholder="Choose a colour")
    await message.answer("Which colour?", reply_markup=markup)


@router.message(F.text == "Hide the keyboard")
async def hide_keyboard(message: Message) -> None:
    await message.answer("Hidden.", reply_markup=ReplyKeyboardRemove())


@router.message(Command("typing"))
async def show_typing(message: Message, bot: Bot) -> None:
    await bot.send_chat_action(message.chat.id, "upload_photo")


@router.message(Command("odd"))
async def show_buttons(message: Message) -> None:
    """Buttons of every other kind."""
    rows = [
        [InlineKeyboardButton(text="Link", url="https://example.org/")],
        [InlineKeyboardButton(text="Copy", copy_text=CopyTextButton(text="PROMO"))],
    ]
    await message.answer("Other buttons", reply_markup=InlineKeyboardMarkup(inline_keyboard=rows))


INVOICE: Final[dict[str, Any]] = {
    "title": "Pro pack",
    "description": "500 credits for pictures and videos.",
    "currency": "XTR",
    "prices": [LabeledPrice(label="Pro pack", amount=450)],
}


@router.message(Command("invoice"))
async def send_invoice(message: Message, command: CommandObject) -> None:
    """An invoice with the payload that stands behind the command."""
    await message.answer_invoice(**INVOICE, payload=command.args or "order")


@router.message(Command("club"))
async def send_subscription(message: Message, bot: Bot) -> None:
    terms = {**INVOICE, "title": "Star club", "description": "400 credits every month."}
    link = await bot.create_invoice_link(**terms, payload="club", subscription_period=2_592_000)
    rows = [[InlineKeyboardButton(text="Subscribe for ⭐ 450", url=link)]]
    await message.answer(f"Or by the link {link}", reply_markup=InlineKeyboardMarkup(inline_keyboard=rows))


@router.message(Command("gift"))
async def send_gift(message: Message, bot: Bot) -> None:
    me = await bot.get_me()
    link = f"https://t.me/{me.username}?start=gift_7"
    rows = [[InlineKeyboardButton(text="Give it", url=f"https://t.me/share/url?url={quote(link)}&text=For+you")]]
    await message.answer(f"Your gift: {link}", reply_markup=InlineKeyboardMarkup(inline_keyboard=rows))


@router.pre_checkout_query()
async def approve(query: PreCheckoutQuery) -> None:
    is_refused = query.invoice_payload == "refuse"
    await query.answer(ok=not is_refused, error_message="This order is not for sale." if is_refused else None)


@router.message(F.successful_payment)
async def thank(message: Message) -> None:
    assert message.successful_payment is not None
    await message.answer(f"Thank you for {message.successful_payment.total_amount} Stars", parse_mode=None)


@router.message(F.refunded_payment)
async def regret(message: Message) -> None:
    await message.answer("You have your Stars back", parse_mode=None)


@router.message(F.photo)
async def count_photo(message: Message) -> None:
    await message.reply(f"photo {message.caption or ''}".strip())


@router.message(F.document)
async def name_document(message: Message) -> None:
    assert message.document is not None
    await message.reply(f"document {message.document.file_name} {message.document.file_size}")


@router.message(F.text)
async def echo(message: Message) -> None:
    await message.answer(f"Echo: {message.text}"[:4096], parse_mode=None)


@router.callback_query(F.data == "toast")
async def answer_with_toast(query: CallbackQuery) -> None:
    await query.answer("A short answer")


@router.callback_query(F.data == "alert")
async def answer_with_alert(query: CallbackQuery) -> None:
    await query.answer("A loud answer", show_alert=True)


class SlowAnswers:
    """Taps on "Slow answer" wait here until a test lets them go."""

    def __init__(self) -> None:
        self.released = asyncio.Event()

    async def __call__(self, query: CallbackQuery) -> None:
        await self.released.wait()
        await query.answer("At last")


@router.callback_query(F.data == "edit")
async def edit_message(query: CallbackQuery) -> None:
    assert isinstance(query.message, Message)
    if query.message.caption is not None:
        await query.message.edit_caption(caption="The sun, edited")
    else:
        await query.message.edit_text("After the edit", reply_markup=buttons((("Delete", "delete"),)))
    await query.answer()


@router.callback_query(F.data == "delete")
async def delete_message(query: CallbackQuery) -> None:
    assert isinstance(query.message, Message)
    await query.message.delete()
    await query.answer("Gone")


@asynccontextmanager
async def serve_bot(sandbox_url: str, token: str, port: int) -> AsyncIterator[SlowAnswers]:
    """Run the bot on a port of this machine until the block ends."""
    session = AiohttpSession(api=TelegramAPIServer.from_base(sandbox_url))
    bot = Bot(token, session=session, default=DefaultBotProperties(parse_mode="HTML"))
    slow = SlowAnswers()
    dispatcher = Dispatcher()
    scripted = Router()
    scripted.callback_query(F.data == "slow")(slow.__call__)
    dispatcher.include_routers(scripted, router)
    app = web.Application()
    SimpleRequestHandler(dispatcher, bot, secret_token=_SECRET).register(app, "/hook")
    setup_application(app, dispatcher, bot=bot)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await bot.set_my_commands(
        [
            BotCommand(command="start", description="Begin"),
            BotCommand(command="photo", description="Send me a photo"),
            BotCommand(command="album", description="Send me an album"),
        ]
    )
    await bot.set_my_description("Paints pictures from words.\nMade for the tests.")
    await bot.set_webhook(
        f"http://127.0.0.1:{port}/hook", secret_token=_SECRET, allowed_updates=dispatcher.resolve_used_update_types()
    )
    try:
        yield slow
    finally:
        slow.released.set()
        await runner.cleanup()
        dispatcher.sub_routers.remove(router)
        router._parent_router = None
