"""What sent messages look like: photos recompressed, files kept, text without its markup, edits and copies."""

import json
from io import BytesIO

import pytest
from aiogram.types import BufferedInputFile, InputMediaDocument, InputMediaPhoto, ReplyKeyboardRemove, ReplyParameters
from PIL import Image

from tests.harness import ALERT_CHAT_ID
from tests.sandbox.rig import Sandbox, keyboard, picture


async def fetch(sandbox: Sandbox, file_id: str) -> bytes:
    target = BytesIO()
    await sandbox.bot.download(file_id, destination=target)
    return target.getvalue()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ((2000, 1000), [(90, 45), (320, 160), (800, 400), (1280, 640)]),
        ((1024, 1024), [(90, 90), (320, 320), (800, 800), (1024, 1024)]),
        ((300, 200), [(90, 60), (300, 200)]),
        ((50, 40), [(50, 40)]),
    ],
)
async def test_photos_come_in_telegrams_sizes(
    sandbox: Sandbox, sent: tuple[int, int], expected: list[tuple[int, int]]
) -> None:
    user_id = await sandbox.user()
    message = await sandbox.bot.send_photo(user_id, BufferedInputFile(picture(*sent), "a.png"))
    assert message.photo is not None
    assert [(size.width, size.height) for size in message.photo] == expected
    for size in message.photo:
        data = await fetch(sandbox, size.file_id)
        assert len(data) == size.file_size
        with Image.open(BytesIO(data)) as image:
            assert (image.format, image.size) == ("JPEG", (size.width, size.height))


async def test_photos_are_turned_upright_and_lose_their_metadata(sandbox: Sandbox) -> None:
    image = Image.new("RGB", (400, 200), "teal")
    exif = image.getexif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010E] = "secret words"
    target = BytesIO()
    image.save(target, "JPEG", exif=exif)
    user_id = await sandbox.user()
    message = await sandbox.bot.send_photo(user_id, BufferedInputFile(target.getvalue(), "a.jpg"))
    assert message.photo is not None
    assert (message.photo[-1].width, message.photo[-1].height) == (200, 400)
    assert b"secret words" not in await fetch(sandbox, message.photo[-1].file_id)


async def test_documents_keep_their_bytes_and_name(sandbox: Sandbox) -> None:
    data = picture(1500, 1000)
    user_id = await sandbox.user()
    message = await sandbox.bot.send_document(user_id, BufferedInputFile(data, "the original.png"), caption="here")
    document = message.document
    assert document is not None
    assert (document.file_name, document.mime_type) == ("the original.png", "image/png")
    assert document.thumbnail is not None
    assert max(document.thumbnail.width, document.thumbnail.height) == 320
    assert await fetch(sandbox, document.file_id) == data
    shown = await sandbox.control.get(f"/files/{document.file_id}")
    assert shown.content == data
    assert shown.headers["content-type"] == "image/png"


async def test_active_content_is_not_shown_in_the_playgrounds_origin(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    for name in ("page.html", "picture.svg"):
        message = await sandbox.bot.send_document(user_id, BufferedInputFile(b"<svg onload=alert(1)>", name))
        assert message.document is not None
        shown = await sandbox.control.get(f"/files/{message.document.file_id}")
        assert shown.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in shown.headers["content-security-policy"]


async def test_file_ids_are_sent_again_without_an_upload(sandbox: Sandbox) -> None:
    user_id, other_id = await sandbox.user(), await sandbox.user()
    photo = await sandbox.bot.send_photo(user_id, BufferedInputFile(picture(), "a.png"))
    video = await sandbox.bot.send_video(user_id, BufferedInputFile(b"video", "a.mp4"), width=4, height=2, duration=3)
    assert photo.photo is not None
    assert video.video is not None
    for size in photo.photo:
        again = await sandbox.bot.send_photo(other_id, size.file_id)
        assert again.photo == photo.photo
    assert (await sandbox.bot.send_video(other_id, video.video.file_id)).video == video.video


async def test_photos_are_fetched_by_address(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    first = await sandbox.bot.send_photo(user_id, BufferedInputFile(picture(300, 200), "a.png"))
    assert first.photo is not None
    address = f"{sandbox.url}/sandbox/api/files/{first.photo[-1].file_id}"
    second = await sandbox.bot.send_photo(user_id, address)
    assert second.photo is not None
    assert (second.photo[-1].width, second.photo[-1].height) == (300, 200)


async def test_albums_share_a_group_and_keep_their_order(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    media = [
        InputMediaPhoto(media=BufferedInputFile(picture(100, side), "a.png"), caption="three" if side == 50 else None)
        for side in (50, 60, 70)
    ]
    messages = await sandbox.bot.send_media_group(user_id, list(media))
    assert len({message.media_group_id for message in messages}) == 1
    assert [message.photo[-1].height for message in messages if message.photo] == [50, 60, 70]
    assert [message.caption for message in messages] == ["three", None, None]


async def test_html_becomes_entities(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    text = "  😀 <b>жир<i>ный</i></b> <a href='https://e.org/?a=1&amp;b=2'>link</a> &lt;tag&gt; /help  "
    message = await sandbox.bot.send_message(user_id, text, parse_mode="HTML")
    assert message.text == "😀 жирный link <tag> /help"
    assert message.entities is not None
    found = [(entity.type, entity.extract_from(message.text), entity.url) for entity in message.entities]
    assert found == [
        ("bold", "жирный", None),
        ("italic", "ный", None),
        ("text_link", "link", "https://e.org/?a=1&b=2"),
        ("bot_command", "/help", None),
    ]
    # A library that puts the markup back gives the same text.
    assert message.html_text.startswith("😀 <b>жир<i>ный</i></b>")


async def test_a_reply_carries_the_message_it_replies_to(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    first = await sandbox.bot.send_message(user_id, "first")
    reply = ReplyParameters(message_id=first.message_id)
    second = await sandbox.bot.send_message(user_id, "second", reply_parameters=reply)
    assert second.reply_to_message is not None
    assert second.reply_to_message.text == "first"
    missing = ReplyParameters(message_id=99_999, allow_sending_without_reply=True)
    assert (await sandbox.bot.send_message(user_id, "third", reply_parameters=missing)).reply_to_message is None


async def test_edits_and_deletions_show_on_both_sides(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    kept = await sandbox.bot.send_message(user_id, "one", reply_markup=keyboard("a"))
    gone = await sandbox.bot.send_message(user_id, "two")
    await sandbox.bot.edit_message_text("three", chat_id=user_id, message_id=kept.message_id)
    await sandbox.bot.delete_message(user_id, gone.message_id)
    chat = await sandbox.chat(user_id)
    assert [message["text"] for message in chat] == ["/start", "three"]
    assert chat[1]["edit_date"] >= chat[1]["date"]
    assert "reply_markup" not in chat[1]


async def test_media_is_exchanged_in_place(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    photo = await sandbox.bot.send_photo(user_id, BufferedInputFile(picture(), "a.png"), caption="before")
    media = InputMediaDocument(media=BufferedInputFile(b"bytes", "a.bin"), caption="after")
    await sandbox.bot.edit_message_media(media, chat_id=user_id, message_id=photo.message_id)
    shown = (await sandbox.chat(user_id))[-1]
    assert shown["message_id"] == photo.message_id
    assert shown["caption"] == "after"
    assert shown["document"]["file_name"] == "a.bin"
    assert "photo" not in shown


async def test_a_copy_has_no_origin_and_a_forward_has(sandbox: Sandbox) -> None:
    user_id, other_id = await sandbox.user(), await sandbox.user()
    await sandbox.bot.send_photo(
        user_id, BufferedInputFile(picture(), "a.png"), caption="look", reply_markup=keyboard("a")
    )
    original = (await sandbox.chat(user_id))[-1]
    await sandbox.bot.copy_message(other_id, user_id, original["message_id"])
    forwarded = await sandbox.bot.forward_message(other_id, user_id, original["message_id"])
    copied = (await sandbox.chat(other_id))[-2]
    assert copied["photo"] == original["photo"]
    assert copied["caption"] == "look"
    assert "forward_origin" not in copied
    assert "reply_markup" not in copied
    assert forwarded.forward_origin is not None


async def test_reply_keyboards_stay_below_the_chat_until_removed(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    markup = {"keyboard": [["one", {"text": "two"}]], "resize_keyboard": True}
    await sandbox.call("sendMessage", chat_id=user_id, text="choose", reply_markup=markup)
    below = (await sandbox.control.get(f"/users/{user_id}/chat")).json()["reply_keyboard"]
    assert below == {"keyboard": [[{"text": "one"}, {"text": "two"}]], "resize_keyboard": True}
    await sandbox.bot.send_message(user_id, "gone", reply_markup=ReplyKeyboardRemove())
    assert (await sandbox.control.get(f"/users/{user_id}/chat")).json()["reply_keyboard"] is None


async def test_all_body_forms_say_the_same(sandbox: Sandbox) -> None:
    user_id = await sandbox.user()
    address = f"{sandbox.url}/bot{sandbox.bot.token}/SENDmessage"
    markup = {"inline_keyboard": [[{"text": "a", "callback_data": "a"}]]}
    form = {"chat_id": str(user_id), "text": "hi", "reply_markup": json.dumps(markup)}
    answers = [
        await sandbox.control.post(address, json={"chat_id": user_id, "text": "hi", "reply_markup": markup}),
        await sandbox.control.post(address, data=form),
        await sandbox.control.post(address, data=form, files={"unused": b"x"}),
        await sandbox.control.get(address, params=form),
    ]
    for answer in answers:
        assert answer.json()["ok"] is True, answer.text
        assert answer.json()["result"]["reply_markup"] == markup


async def test_the_alert_chat_takes_messages(sandbox: Sandbox) -> None:
    sent = await sandbox.bot.send_message(ALERT_CHAT_ID, "on fire")
    assert sent.chat.type == "group"
    assert [message["text"] for message in await sandbox.chat(ALERT_CHAT_ID)] == ["on fire"]


async def test_message_ids_never_repeat(sandbox: Sandbox) -> None:
    first_id, second_id = await sandbox.user(), await sandbox.user()
    ids = [(await sandbox.bot.send_message(user_id, "hi")).message_id for user_id in (first_id, second_id) * 3]
    await sandbox.control.post("/reset")
    later_id = await sandbox.user()
    ids.append((await sandbox.bot.send_message(later_id, "hi")).message_id)
    assert ids == sorted(set(ids))
    assert later_id not in {first_id, second_id}
