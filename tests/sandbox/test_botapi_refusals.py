"""Telegram's own refusals, with its own words."""

import json
from dataclasses import replace
from io import BytesIO

import pytest
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError, TelegramRetryAfter, TelegramUnauthorizedError
from aiogram.types import BufferedInputFile, InputMediaPhoto
from PIL import Image, PngImagePlugin

from app.sandbox.config import SandboxConfig
from tests.sandbox.rig import Json, Sandbox, keyboard, picture, serve


def button(**fields: object) -> Json:
    return {"inline_keyboard": [[{"text": "go", **fields}]]}


async def test_wrong_token_is_unauthorized(sandbox: Sandbox) -> None:
    answer = await sandbox.control.post(f"{sandbox.url}/bot4000000001:wrong/getMe")
    assert answer.status_code == 401
    assert answer.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}
    assert (await sandbox.control.get(f"{sandbox.url}/file/bot4000000001:wrong/photos/file_1.jpg")).status_code == 401
    with pytest.raises(TelegramUnauthorizedError):
        await type(sandbox.bot)("4000000001:wrong", session=sandbox.bot.session).get_me()


async def test_unknown_method_is_not_found(sandbox: Sandbox) -> None:
    answer = await sandbox.call("makeCoffee")
    assert answer.status_code == 404
    assert answer.json() == {"ok": False, "error_code": 404, "description": "Not Found"}


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"chat_id": None, "text": "hi"}, "chat_id is empty"),
        ({"chat_id": 42, "text": "hi"}, "chat not found"),
        ({"chat_id": "@nobody", "text": "hi"}, "chat not found"),
        ({"text": ""}, "message text is empty"),
        ({"text": "<b> </b>", "parse_mode": "HTML"}, "message text is empty"),
        ({"text": "x" * 4097}, "message is too long"),
        ({"text": "😀" * 2049}, "message is too long"),
        ({"text": "hi", "reply_parameters": {"message_id": 99_999}}, "message to be replied not found"),
        ({"text": "hi", "reply_markup": button(callback_data="x" * 65)}, "BUTTON_DATA_INVALID"),
        ({"text": "hi", "reply_markup": button(callback_data="ж" * 33)}, "BUTTON_DATA_INVALID"),
        ({"text": "hi", "reply_markup": button(callback_data="")}, "BUTTON_DATA_INVALID"),
        (
            {"text": "hi", "reply_markup": button()},
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            {"text": "hi", "reply_markup": {"inline_keyboard": [[{"callback_data": "x"}]]}},
            "can't parse inline keyboard button: Can't find field \"text\"",
        ),
        (
            {"text": "hi", "reply_markup": button(url="nowhere")},
            "inline keyboard button URL 'nowhere' is invalid: Wrong HTTP URL",
        ),
        (
            {"text": "hi", "reply_markup": button(web_app={"url": "http://example.org"})},
            "inline keyboard button Web App URL 'http://example.org' is invalid: Only HTTPS links are allowed",
        ),
        ({"text": "hi", "reply_markup": "{"}, "can't parse reply markup JSON object"),
        ({"text": "hi", "reply_markup": [1]}, "object expected as reply markup"),
        ({"text": "hi", "reply_markup": {"inline_keyboard": 1}}, 'field "inline_keyboard" must be of type Array'),
        ({"text": "hi", "parse_mode": "Klingon"}, "unsupported parse_mode"),
    ],
)
async def test_send_message_refuses(sandbox: Sandbox, parameters: Json, reason: str) -> None:
    user_id = await sandbox.user()
    before = len(await sandbox.chat(user_id))
    refusal = await sandbox.refusal("sendMessage", **{"chat_id": user_id, **parameters})
    assert refusal == (400, f"Bad Request: {reason}")
    assert len(await sandbox.chat(user_id)) == before


async def test_texts_at_the_limits_are_taken(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    sent = await sandbox.bot.send_message(
        user_id, f"<b>{'x' * 4096}</b>", parse_mode="HTML", reply_markup=keyboard("x" * 64)
    )
    assert len(sent.text or "") == 4096


@pytest.mark.parametrize("method", ["sendPhoto", "sendVideo", "sendAnimation", "sendDocument"])
async def test_captions_beyond_the_limit_are_refused(sandbox: Sandbox, method: str) -> None:
    user_id = await sandbox.user()
    kind = method.removeprefix("send").lower()
    refusal = await sandbox.refusal(method, chat_id=user_id, caption="x" * 1025, **{kind: "whatever"})
    assert refusal == (400, "Bad Request: message caption is too long")


async def test_a_user_who_never_started_the_bot_is_not_written_to(sandbox: Sandbox) -> None:
    user_id = await sandbox.user(started=False)
    with pytest.raises(TelegramForbiddenError, match="bot can't initiate conversation with a user"):
        await sandbox.bot.send_message(user_id, "hi")


async def test_a_user_who_blocked_the_bot_is_not_written_to(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    sent = await sandbox.bot.send_message(user_id, "hi")
    await sandbox.control.post(f"/users/{user_id}/block")
    for call in (
        sandbox.bot.send_message(user_id, "again"),
        sandbox.bot.send_photo(user_id, BufferedInputFile(picture(), "a.png")),
        sandbox.bot.edit_message_text("else", chat_id=user_id, message_id=sent.message_id),
        sandbox.bot.send_chat_action(user_id, "typing"),
    ):
        with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
            await call
    await sandbox.control.post(f"/users/{user_id}/unblock")
    assert (await sandbox.bot.send_message(user_id, "again")).text == "again"


async def test_an_edit_that_changes_nothing_is_refused(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    sent = await sandbox.bot.send_message(user_id, "hi", reply_markup=keyboard("a"))
    place = {"chat_id": user_id, "message_id": sent.message_id}
    reason = (
        "Bad Request: message is not modified: specified new message content and reply markup are exactly the same"
        " as a current content and reply markup of the message"
    )
    not_modified = (400, reason)
    same = keyboard("a").model_dump(exclude_none=True)
    assert await sandbox.refusal("editMessageText", text="hi", reply_markup=same, **place) == not_modified
    assert await sandbox.refusal("editMessageReplyMarkup", reply_markup=same, **place) == not_modified
    # Without the keyboard it is another message: the keyboard goes.
    edited = await sandbox.bot.edit_message_text("hi", chat_id=user_id, message_id=sent.message_id)
    assert not isinstance(edited, bool)
    assert edited.reply_markup is None
    assert await sandbox.refusal("editMessageText", text="hi", **place) == not_modified


@pytest.mark.parametrize(
    ("method", "parameters", "reason"),
    [
        ("editMessageText", {"text": "x", "message_id": 99_999}, "message to edit not found"),
        ("editMessageText", {"text": "x"}, "message identifier is not specified"),
        ("editMessageText", {"text": "x", "inline_message_id": "abc"}, "MESSAGE_ID_INVALID"),
        ("deleteMessage", {"message_id": 99_999}, "message to delete not found"),
        ("deleteMessages", {"message_ids": []}, "message identifiers are not specified"),
        ("deleteMessages", {"message_ids": list(range(101))}, "too many message identifiers specified"),
        ("copyMessage", {"from_chat_id": 42, "message_id": 1}, "chat not found"),
        ("sendChatAction", {"action": "dancing"}, "wrong parameter action in request"),
        ("sendPhoto", {}, "there is no photo in the request"),
        ("sendPhoto", {"photo": "unknown"}, "wrong file identifier/HTTP URL specified"),
        ("sendPhoto", {"photo": "http://127.0.0.1:9/none.png"}, "failed to get HTTP URL content"),
        ("getFile", {}, "file_id not specified"),
        ("getFile", {"file_id": "unknown"}, "invalid file_id"),
        ("sendMediaGroup", {"media": []}, "there are no messages to send"),
        ("sendMediaGroup", {"media": [{"type": "photo", "media": "x"}]}, "too few messages to send as an album"),
        ("sendMediaGroup", {"media": [{"type": "photo", "media": "x"}] * 11}, "too many messages to send as an album"),
        (
            "sendMediaGroup",
            {"media": [{"type": "photo", "media": "x"}] * 2, "reply_markup": button(callback_data="a")},
            "reply markup can't be used in an album",
        ),
        (
            "sendMediaGroup",
            {"media": [{"type": "photo", "media": "x"}, {"type": "document", "media": "x"}]},
            "can't use the media of the specified type in the album",
        ),
        ("setMyCommands", {"commands": [{"command": "Not Good", "description": "x"}]}, "BOT_COMMAND_INVALID"),
        ("setMyCommands", {"commands": [{"command": "ok", "description": ""}]}, "BOT_COMMAND_DESCRIPTION_INVALID"),
        ("setMyName", {"name": "x" * 65}, "name is too long"),
        ("getUserProfilePhotos", {"user_id": 42}, "user not found"),
        ("setWebhook", {"url": "ftp://example.org"}, "bad webhook: An HTTPS URL must be provided for webhook"),
        ("setWebhook", {"url": "https://a.b", "secret_token": "ы"}, "secret token contains unallowed characters"),
        ("setWebhook", {"url": "https://a.b", "secret_token": "x" * 257}, "secret token is too long"),
        (
            "answerCallbackQuery",
            {"callback_query_id": "1"},
            "query is too old and response timeout expired or query ID is invalid",
        ),
    ],
)
async def test_methods_refuse(sandbox: Sandbox, method: str, parameters: Json, reason: str) -> None:
    user_id = await sandbox.user()
    refusal = await sandbox.refusal(method, **{"chat_id": user_id, **parameters})
    assert refusal == (400, f"Bad Request: {reason}")


async def test_a_tap_cannot_be_answered_after_a_quarter_of_an_hour(sandbox: Sandbox) -> None:
    query_id = sandbox.world.callbacks.open(await sandbox.user())
    sandbox.world.store.execute("UPDATE callback_queries SET created_at = created_at - 901")
    with pytest.raises(TelegramBadRequest, match="query is too old and response timeout expired"):
        await sandbox.bot.answer_callback_query(query_id)


async def test_menu_buttons_of_nobody_are_refused(sandbox: Sandbox) -> None:
    assert await sandbox.refusal("getChatMenuButton", chat_id=42) == (400, "Bad Request: chat not found")


async def test_messages_of_others_cannot_be_edited(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    theirs = await sandbox.write(user_id, "mine")
    refusal = await sandbox.refusal(
        "editMessageText", chat_id=user_id, message_id=theirs["message"]["message_id"], text="yours"
    )
    assert refusal == (400, "Bad Request: message can't be edited")


async def test_text_and_caption_are_edited_only_where_they_are(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    text = await sandbox.bot.send_message(user_id, "hi")
    photo = await sandbox.bot.send_photo(user_id, BufferedInputFile(picture(), "a.png"))
    with pytest.raises(TelegramBadRequest, match="there is no caption in the message to edit"):
        await sandbox.bot.edit_message_caption(chat_id=user_id, message_id=text.message_id, caption="x")
    with pytest.raises(TelegramBadRequest, match="there is no text in the message to edit"):
        await sandbox.bot.edit_message_text("x", chat_id=user_id, message_id=photo.message_id)


async def test_messages_older_than_48_hours_cannot_be_deleted(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    old = await sandbox.bot.send_message(user_id, "old")
    await sandbox.control.post("/clock", json={"advance_seconds": 48 * 3600 + 1})
    young = await sandbox.bot.send_message(user_id, "young")
    with pytest.raises(TelegramBadRequest, match="message can't be deleted for everyone"):
        await sandbox.bot.delete_message(user_id, old.message_id)
    assert await sandbox.bot.delete_message(user_id, young.message_id)
    assert [message["text"] for message in await sandbox.chat(user_id)] == ["/start", "old"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<b>open", 'Can\'t find end tag corresponding to start tag "b"'),
        ("пр <foo>x</foo>", 'Unsupported start tag "foo" at byte offset 5'),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
async def test_bad_html_is_refused(sandbox: Sandbox, text: str, reason: str) -> None:
    user_id = await sandbox.user()
    refusal = await sandbox.refusal("sendMessage", chat_id=user_id, text=text, parse_mode="HTML")
    assert refusal == (400, f"Bad Request: can't parse entities: {reason}")


@pytest.mark.parametrize(
    ("size", "reason"),
    [((4000, 150), "PHOTO_INVALID_DIMENSIONS"), ((7000, 3100), "PHOTO_INVALID_DIMENSIONS")],
)
async def test_photos_of_a_bad_shape_are_refused(sandbox: Sandbox, size: tuple[int, int], reason: str) -> None:
    user_id = await sandbox.user()
    with pytest.raises(TelegramBadRequest, match=reason):
        await sandbox.bot.send_photo(user_id, BufferedInputFile(picture(*size), "a.png"))


async def test_what_is_no_picture_is_refused_as_a_photo(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    with pytest.raises(TelegramBadRequest, match="IMAGE_PROCESS_FAILED"):
        await sandbox.bot.send_photo(user_id, BufferedInputFile(b"not a picture", "a.png"))


def heavy_picture(size_bytes: int) -> bytes:
    """A small picture in a large file."""
    info = PngImagePlugin.PngInfo()
    info.add(b"teSt", b"\0" * size_bytes)
    target = BytesIO()
    Image.new("RGB", (8, 8)).save(target, "PNG", pnginfo=info)
    return target.getvalue()


async def test_photos_beyond_ten_megabytes_are_refused_but_not_documents(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    data = heavy_picture(10 * 1024 * 1024)
    reason = f"file of size {len(data)} bytes is too big for a photo; the maximum size is 10485760 bytes"
    with pytest.raises(TelegramBadRequest, match=reason):
        await sandbox.bot.send_photo(user_id, BufferedInputFile(data, "a.png"))
    sent = await sandbox.bot.send_document(user_id, BufferedInputFile(data, "a.png"))
    assert sent.document is not None
    assert sent.document.file_size == len(data)


async def test_uploads_beyond_fifty_megabytes_are_refused(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    answer = await sandbox.control.post(
        f"{sandbox.url}/bot{sandbox.bot.token}/sendDocument",
        data={"chat_id": user_id},
        files={"document": ("big.bin", b"\0" * (50 * 1024 * 1024 + 1))},
    )
    assert answer.status_code == 413
    assert answer.json()["description"] == "Request Entity Too Large"


async def test_files_beyond_twenty_megabytes_cannot_be_fetched(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    sent = await sandbox.bot.send_document(user_id, BufferedInputFile(b"\0" * (20 * 1024 * 1024 + 1), "big.bin"))
    assert sent.document is not None
    with pytest.raises(TelegramBadRequest, match="file is too big"):
        await sandbox.bot.get_file(sent.document.file_id)


async def test_a_file_of_one_kind_is_not_sent_as_another(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    sent = await sandbox.bot.send_document(user_id, BufferedInputFile(picture(), "a.png"))
    assert sent.document is not None
    assert sent.document.thumbnail is not None
    with pytest.raises(TelegramBadRequest, match="can't use file of type Document as Photo"):
        await sandbox.bot.send_photo(user_id, sent.document.file_id)
    with pytest.raises(TelegramBadRequest, match="wrong file identifier/HTTP URL specified"):
        await sandbox.bot.send_photo(user_id, sent.document.thumbnail.file_id)


async def test_albums_are_sent_whole_or_not_at_all(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    media = [
        InputMediaPhoto(media=BufferedInputFile(picture(), "a.png")),
        InputMediaPhoto(media=BufferedInputFile(b"broken", "b.png")),
    ]
    with pytest.raises(TelegramBadRequest, match="IMAGE_PROCESS_FAILED"):
        await sandbox.bot.send_media_group(user_id, list(media))
    assert len(await sandbox.chat(user_id)) == 1


async def test_bodies_that_are_no_objects_are_refused(sandbox: Sandbox) -> None:
    for body in (b"{", b"[]"):
        answer = await sandbox.control.post(
            f"{sandbox.url}/bot{sandbox.bot.token}/sendMessage",
            content=body,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 400
        assert json.loads(answer.text)["ok"] is False


async def test_the_flood_limit_is_off_unless_ordered(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    for number in range(40):
        await sandbox.bot.send_message(user_id, f"{number}")
    assert len(await sandbox.chat(user_id)) == 41


async def test_the_flood_limit_lets_a_burst_through_and_then_says_when(sandbox_config: SandboxConfig) -> None:
    async with serve(replace(sandbox_config, flood_limits=True)) as sandbox:
        user_id, other_id = await sandbox.user(), await sandbox.user()
        for number in range(5):
            await sandbox.bot.send_message(user_id, f"{number}")
        with pytest.raises(TelegramRetryAfter) as refused:
            await sandbox.bot.send_message(user_id, "one more")
        assert refused.value.retry_after == 1
        assert (await sandbox.bot.send_message(other_id, "another chat")).text == "another chat"
