"""What the messenger does with Telegram's answers, over HTTP against the emulator."""

from dataclasses import replace

import pytest

from app.adapters.telegram.client import create_bot
from app.adapters.telegram.messenger import TelegramMessenger
from app.adapters.telegram.rendering import Renderer
from app.adapters.telegram.sender import PacedSender
from app.core.db import Database
from app.core.i18n import Translator
from app.core.media_processes import MediaProcesses
from app.core.media_results import VideoPreparer
from app.domain.ports import (
    Media,
    Outgoing,
    Priority,
    RecipientUnreachable,
    SendFailed,
    SendLater,
    SendRefused,
)
from tests.adapters.telegram.conftest import LOCALES, MemoryStorage
from tests.films import film
from tests.harness import BOT_TOKEN, asyncpg_url
from tests.sandbox.rig import Json, Sandbox, picture

WORDS = Outgoing(0, "en", "notice", {"key": "only-text"})
OTHER_WORDS = Outgoing(0, "en", "notice", {"key": "cancel-nothing"})
RESULT = {"model_title": "Standard", "prompt": "a kite", "held": 4, "charged": 4, "returned": 0, "balance": 16}


def medium(storage: MemoryStorage, *, width: int = 1024, height: int = 512, name: str = "one") -> Media:
    storage.objects[f"{name}.png"] = picture(width, height)
    storage.objects[f"{name}.jpg"] = picture(width // 2 or 1, height // 2 or 1, "JPEG")
    size = len(storage.objects[f"{name}.png"])
    return Media(f"{name}.png", "image/png", width, height, size, f"{name}.png", preview_key=f"{name}.jpg")


def result(chat_id: int, *media: Media) -> Outgoing:
    ids = dict.fromkeys(("generation_id", "draft_id", "variation_draft_id"), "0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90")
    return Outgoing(chat_id, "en", "result", {**RESULT, **ids, "count": len(media)}, media=media)


async def last(sandbox: Sandbox, chat_id: int) -> Json:
    return (await sandbox.chat(chat_id))[-1]


# ---------------------------------------------------------------------------------------------- texts


async def test_a_text_is_sent_and_edited_and_removed(sandbox: Sandbox, messenger: TelegramMessenger) -> None:
    chat_id = await sandbox.user()
    sent = await messenger.send(replace(WORDS, chat_id=chat_id), Priority.REPLY)
    await messenger.edit(sent.message_id, replace(OTHER_WORDS, chat_id=chat_id), Priority.REPLY)
    assert "Nothing is being made" in (await last(sandbox, chat_id))["text"]
    await messenger.remove(chat_id, sent.message_id, Priority.NOTICE)
    assert sent.message_id not in [message["message_id"] for message in await sandbox.chat(chat_id)]


async def test_edits_and_deletions_with_nothing_to_do_are_no_errors(
    sandbox: Sandbox, messenger: TelegramMessenger
) -> None:
    words = replace(WORDS, chat_id=await sandbox.user())
    sent = await messenger.send(words, Priority.REPLY)
    await messenger.edit(sent.message_id, words, Priority.REPLY)
    await messenger.remove(words.chat_id, sent.message_id, Priority.NOTICE)
    await messenger.remove(words.chat_id, sent.message_id, Priority.NOTICE)
    await messenger.edit(sent.message_id, words, Priority.REPLY)
    await messenger.edit_buttons(words.chat_id, sent.message_id, None, Priority.REPLY)


async def test_a_reply_to_a_vanished_message_is_sent_all_the_same(
    sandbox: Sandbox, messenger: TelegramMessenger
) -> None:
    chat_id = await sandbox.user()
    await messenger.send(replace(WORDS, chat_id=chat_id, reply_to_message_id=999_999), Priority.REPLY)
    assert "I understand words and photos" in (await last(sandbox, chat_id))["text"]


async def test_nothing_is_sent_inside_a_transaction(messenger: TelegramMessenger, database_url: str) -> None:
    db = Database(asyncpg_url(database_url))
    async with db.transaction():
        with pytest.raises(AssertionError, match="Telegram inside a database transaction"):
            await messenger.send(replace(WORDS, chat_id=1), Priority.REPLY)
    await db.close()


# --------------------------------------------------------------------------------------------- errors


async def test_a_user_who_blocked_the_bot_is_unreachable(sandbox: Sandbox, messenger: TelegramMessenger) -> None:
    chat_id = await sandbox.user()
    await sandbox.control.post(f"/users/{chat_id}/block")
    with pytest.raises(RecipientUnreachable, match="blocked"):
        await messenger.send(replace(WORDS, chat_id=chat_id), Priority.REPLY)


async def test_a_user_who_never_came_and_one_who_is_not_there_are_unreachable(
    sandbox: Sandbox, messenger: TelegramMessenger
) -> None:
    for chat_id in (await sandbox.user(started=False), 42):
        with pytest.raises(RecipientUnreachable):
            await messenger.send(replace(WORDS, chat_id=chat_id), Priority.REPLY)


async def test_flood_control_pauses_the_chat_and_is_not_asked_again(
    sandbox: Sandbox, messenger: TelegramMessenger
) -> None:
    chat_id, other_id = await sandbox.user(), await sandbox.user()
    await sandbox.fault("sendMessage", "429", times=1, retry_after=30)
    with pytest.raises(SendLater) as refused:
        await messenger.send(replace(WORDS, chat_id=chat_id), Priority.RESULT)
    assert refused.value.retry_after_seconds == 30
    with pytest.raises(SendLater, match="paused"):
        await messenger.send(replace(WORDS, chat_id=chat_id), Priority.REPLY)
    await messenger.send(replace(WORDS, chat_id=other_id), Priority.REPLY)
    assert [message["from"]["is_bot"] for message in await sandbox.chat(chat_id)] == [False]


@pytest.mark.parametrize("kind", ["500", "drop_before", "drop_after"])
async def test_a_failing_telegram_leaves_it_open(sandbox: Sandbox, messenger: TelegramMessenger, kind: str) -> None:
    chat_id = await sandbox.user()
    await sandbox.fault("sendMessage", kind, times=1)
    with pytest.raises(SendFailed):
        await messenger.send(replace(WORDS, chat_id=chat_id), Priority.RESULT)


async def test_a_telegram_that_is_away_leaves_it_open_and_the_token_is_told_nobody(storage: MemoryStorage) -> None:
    bot = create_bot(BOT_TOKEN, api_url="http://127.0.0.1:9")
    sender = PacedSender(per_second=1_000, chat_per_second=1_000)
    messenger = TelegramMessenger(bot, Renderer(Translator(LOCALES)), sender, storage, link_seconds=60)
    with pytest.raises(SendFailed) as failed:
        await messenger.send(replace(WORDS, chat_id=1), Priority.REPLY)
    assert BOT_TOKEN not in f"{failed.value} {failed.value.detail}"
    await messenger.answer_tap("1", "word", is_alert=False)
    await bot.session.close()


async def test_what_telegram_refuses_for_good_is_not_tried_again(
    sandbox: Sandbox, messenger: TelegramMessenger
) -> None:
    chat_id = await sandbox.user()
    with pytest.raises(SendRefused):
        await messenger.send(Outgoing(chat_id, "en", "album"), Priority.REPLY)


# ---------------------------------------------------------------------------------------------- media


async def test_a_picture_goes_as_its_preview_and_then_by_its_id(
    sandbox: Sandbox, messenger: TelegramMessenger, storage: MemoryStorage
) -> None:
    chat_id = await sandbox.user()
    one = medium(storage)
    sent = await messenger.send(result(chat_id, one), Priority.RESULT)
    assert storage.reads == ["one.jpg"]
    message = await last(sandbox, chat_id)
    assert message["photo"][-1]["file_id"] == sent.file_ids[0]
    assert "a kite" in message["caption"]
    assert message["reply_markup"]["inline_keyboard"]
    again = await messenger.send(result(chat_id, replace(one, file_id=sent.file_ids[0])), Priority.RESULT)
    assert storage.reads == ["one.jpg"]
    assert again.file_ids == sent.file_ids


@pytest.mark.parametrize(("width", "height"), [(2100, 100), (100, 2100)])
async def test_a_picture_too_long_for_a_photo_goes_as_a_file(
    sandbox: Sandbox, messenger: TelegramMessenger, storage: MemoryStorage, width: int, height: int
) -> None:
    chat_id = await sandbox.user()
    await messenger.send(result(chat_id, medium(storage, width=width, height=height)), Priority.RESULT)
    assert storage.reads == ["one.png"]
    assert (await last(sandbox, chat_id))["document"]["file_name"] == "one.png"


async def test_a_file_too_large_for_an_upload_goes_as_a_link(
    sandbox: Sandbox, messenger: TelegramMessenger, storage: MemoryStorage
) -> None:
    chat_id = await sandbox.user()
    large = replace(medium(storage), size_bytes=60_000_000)
    sent = await messenger.send(replace(result(chat_id, large), as_document=True), Priority.RESULT)
    message = await last(sandbox, chat_id)
    assert sent.file_ids == ()
    assert storage.reads == []
    (link,) = [entity for entity in message["entities"] if entity["type"] == "text_link"]
    assert link["url"] == "https://files.example/one.png?expires=3600&name=one.png"
    assert "60 minutes" in message["text"]


async def test_an_id_that_telegram_has_forgotten_is_uploaded_again(
    sandbox: Sandbox, messenger: TelegramMessenger, storage: MemoryStorage
) -> None:
    chat_id = await sandbox.user()
    await messenger.send(result(chat_id, replace(medium(storage), file_id="forgotten")), Priority.RESULT)
    assert (await last(sandbox, chat_id))["photo"]


async def test_a_documents_id_is_no_photos_id(
    sandbox: Sandbox, messenger: TelegramMessenger, storage: MemoryStorage
) -> None:
    chat_id = await sandbox.user()
    one = medium(storage)
    document = await messenger.send(replace(result(chat_id, one), as_document=True), Priority.RESULT)
    await messenger.send(result(chat_id, replace(one, file_id=document.file_ids[0])), Priority.RESULT)
    assert (await last(sandbox, chat_id))["photo"]


async def test_an_original_goes_as_a_file_untouched(
    sandbox: Sandbox, messenger: TelegramMessenger, storage: MemoryStorage
) -> None:
    chat_id = await sandbox.user()
    await messenger.send(replace(result(chat_id, medium(storage)), as_document=True), Priority.RESULT)
    message = await last(sandbox, chat_id)
    file = await sandbox.control.get(f"/files/{message['document']['file_id']}")
    assert file.content == storage.objects["one.png"]


@pytest.mark.parametrize("as_document", [False, True])
async def test_several_pictures_go_as_an_album(
    sandbox: Sandbox, messenger: TelegramMessenger, storage: MemoryStorage, as_document: bool
) -> None:
    chat_id = await sandbox.user()
    media = [medium(storage, name=name) for name in ("one", "two", "three")]
    sent = await messenger.send(replace(result(chat_id, *media), as_document=as_document), Priority.RESULT)
    album = [message for message in await sandbox.chat(chat_id) if "media_group_id" in message]
    assert len(album) == len(sent.file_ids) == 3
    assert album[0]["message_id"] == sent.message_id
    assert [bool(message.get("caption")) for message in album] == [True, False, False]
    assert all(("document" if as_document else "photo") in message for message in album)


async def test_a_lost_preview_is_made_up_for_by_the_original(
    sandbox: Sandbox, messenger: TelegramMessenger, storage: MemoryStorage
) -> None:
    chat_id = await sandbox.user()
    one = medium(storage)
    del storage.objects["one.jpg"]
    await messenger.send(result(chat_id, one), Priority.RESULT)
    assert (await last(sandbox, chat_id))["document"]
    del storage.objects["one.png"]
    with pytest.raises(SendRefused, match="object missing"):
        await messenger.send(result(chat_id, one), Priority.RESULT)


# --------------------------------------------------------------------------------------------- videos


def video(storage: MemoryStorage, *, name: str = "clip", sound: str | None = "aac") -> Media:
    storage.objects[f"{name}.mp4"] = film(seconds=2, size=(320, 180), sound=sound)
    storage.objects[f"{name}.jpg"] = picture(320, 180, "JPEG")
    storage.objects[f"{name}.small.jpg"] = picture(160, 90, "JPEG")
    return Media(
        f"{name}.mp4",
        "video/mp4",
        320,
        180,
        len(storage.objects[f"{name}.mp4"]),
        f"{name}.mp4",
        preview_key=f"{name}.jpg",
        thumbnail_key=f"{name}.small.jpg",
        duration_seconds=2.04,
    )


async def test_a_video_is_shown_with_its_poster_and_then_goes_by_its_id(
    sandbox: Sandbox, messenger: TelegramMessenger, storage: MemoryStorage
) -> None:
    chat_id = await sandbox.user()
    clip = video(storage)
    sent = await messenger.send(result(chat_id, clip), Priority.RESULT)
    shown = (await last(sandbox, chat_id))["video"]
    assert (shown["width"], shown["height"], shown["duration"]) == (320, 180, 2)
    assert (shown["thumbnail"]["width"], shown["thumbnail"]["height"]) == (160, 90)
    assert sent.file_ids == (shown["file_id"],)
    file = await sandbox.control.get(f"/files/{shown['file_id']}")
    assert file.content == storage.objects["clip.mp4"]
    storage.reads.clear()
    again = await messenger.send(result(chat_id, replace(clip, file_id=sent.file_ids[0])), Priority.RESULT)
    assert again.file_ids == sent.file_ids
    assert storage.reads == []


async def test_a_video_without_sound_would_be_shown_as_a_gif(
    sandbox: Sandbox, messenger: TelegramMessenger, storage: MemoryStorage
) -> None:
    chat_id = await sandbox.user()
    silent = video(storage, sound=None)
    sent = await messenger.send(result(chat_id, silent), Priority.RESULT)
    message = await last(sandbox, chat_id)
    assert "video" not in message
    assert sent.file_ids == (message["animation"]["file_id"],)
    prepared = await VideoPreparer(
        MediaProcesses(), max_bytes=10_000_000, max_pixels=1_000_000, max_seconds=60, watermark=""
    ).prepare(storage.objects["clip.mp4"])
    storage.objects["clip.mp4"] = prepared.data
    await messenger.send(result(chat_id, silent), Priority.RESULT)
    assert (await last(sandbox, chat_id))["video"]


async def test_an_album_mixes_videos_and_pictures(
    sandbox: Sandbox, messenger: TelegramMessenger, storage: MemoryStorage
) -> None:
    chat_id = await sandbox.user()
    sent = await messenger.send(result(chat_id, medium(storage), video(storage)), Priority.RESULT)
    album = [message for message in await sandbox.chat(chat_id) if "media_group_id" in message]
    assert ["photo" in message for message in album] == [True, False]
    assert sent.file_ids == (album[0]["photo"][-1]["file_id"], album[1]["video"]["file_id"])


async def test_a_videos_original_goes_as_a_file(
    sandbox: Sandbox, messenger: TelegramMessenger, storage: MemoryStorage
) -> None:
    chat_id = await sandbox.user()
    await messenger.send(replace(result(chat_id, video(storage)), as_document=True), Priority.RESULT)
    message = await last(sandbox, chat_id)
    assert message["document"]["file_name"] == "clip.mp4"
    assert "video" not in message


async def test_a_video_too_large_for_an_upload_goes_as_a_link(
    sandbox: Sandbox, messenger: TelegramMessenger, storage: MemoryStorage
) -> None:
    chat_id = await sandbox.user()
    await messenger.send(result(chat_id, replace(video(storage), size_bytes=60_000_000)), Priority.RESULT)
    (link,) = [entity for entity in (await last(sandbox, chat_id))["entities"] if entity["type"] == "text_link"]
    assert link["url"] == "https://files.example/clip.mp4?expires=3600&name=clip.mp4"
    assert storage.reads == []


async def test_a_video_is_sent_without_a_lost_poster(
    sandbox: Sandbox, messenger: TelegramMessenger, storage: MemoryStorage
) -> None:
    chat_id = await sandbox.user()
    clip = video(storage)
    del storage.objects["clip.jpg"], storage.objects["clip.small.jpg"]
    await messenger.send(result(chat_id, clip), Priority.RESULT)
    assert "thumbnail" not in (await last(sandbox, chat_id))["video"]


# ------------------------------------------------------------------------------------- pictures at an address


async def test_a_picture_at_an_address_is_fetched_by_telegram(sandbox: Sandbox, messenger: TelegramMessenger) -> None:
    chat_id = await sandbox.user()
    address = f"{sandbox.url}/vendor/v1/samples/anime.jpg"
    await messenger.send(replace(WORDS, chat_id=chat_id, photo_url=address), Priority.REPLY)
    shown = await last(sandbox, chat_id)
    assert shown["photo"]
    assert "words and photos" in shown["caption"]


@pytest.mark.parametrize("path", ["vendor/v1/files/none.jpg", "sandbox/"])
async def test_without_a_picture_at_its_address_the_words_go_alone(
    sandbox: Sandbox, messenger: TelegramMessenger, path: str
) -> None:
    chat_id = await sandbox.user()
    await messenger.send(replace(WORDS, chat_id=chat_id, photo_url=f"{sandbox.url}/{path}"), Priority.REPLY)
    shown = await last(sandbox, chat_id)
    assert "photo" not in shown
    assert "words and photos" in shown["text"]
