"""Pictures, albums and files: what the bot sends, and what a person sends."""

import re
from pathlib import Path

from playwright.async_api import Locator, Page, expect

from tests.browser.playground import OpenChat, OpenPage
from tests.browser.scripted_bot import picture

# Puts files where a person would drop or paste them; a browser lets no page read the real clipboard unasked.
_DROP_FILES = """
async (element, { names, event, bytes }) => {
  const transfer = new DataTransfer();
  for (const name of names) transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
  const init = { bubbles: true, cancelable: true };
  element.dispatchEvent(
    event === "paste"
      ? new ClipboardEvent("paste", { ...init, clipboardData: transfer })
      : new DragEvent(event, { ...init, dataTransfer: transfer }),
  );
}
"""


async def _is_painted(image: Locator) -> bool:
    painted: bool = await image.evaluate("async image => { await image.decode(); return image.naturalWidth > 0; }")
    return painted


async def _choose_files(chat: OpenChat, *paths: Path) -> Locator:
    """Pick files with the paper clip; answers the window that asks about them."""
    async with chat.page.expect_file_chooser() as chooser:
        await chat.page.get_by_role("button", name="Attach files").click()
    await (await chooser.value).set_files([*paths])
    return chat.page.get_by_role("dialog", name="Send files")


async def _hand_over(target: Locator, event: str, *names: str) -> None:
    await target.evaluate(_DROP_FILES, {"names": names, "event": event, "bytes": [*picture()]})


def _pictures(directory: Path, count: int) -> list[Path]:
    paths = [directory / f"picture-{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(picture(600, 400 + 100 * number, hue=60 * number))
    return paths


async def test_photo_is_painted_in_its_own_shape(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/photo")
    photo = chat.log.get_by_role("button", name="Open the photo")
    await expect(photo).to_be_visible()
    assert await _is_painted(photo.locator("img"))
    box = await photo.bounding_box()
    assert box is not None
    assert abs(box["width"] / box["height"] - 640 / 480) < 0.02


async def test_photo_stays_while_its_words_are_edited(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/photo")
    image = chat.log.locator(".photo-image")
    await expect(image).to_be_visible()
    await image.evaluate("image => { image.dataset.witness = 'same'; }")
    await chat.log.get_by_role("button", name="Edit", exact=True).click()
    await expect(chat.log.get_by_text("The sun, edited")).to_be_visible()
    await expect(image).to_have_attribute("data-witness", "same")


async def test_photo_fills_the_screen_and_leaves_by_escape(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/album")
    photos = chat.log.get_by_role("button", name="Open the photo")
    await expect(photos).to_have_count(4)
    await photos.nth(1).click()
    viewer = chat.page.get_by_role("dialog", name="Photo")
    image = viewer.locator("img")
    assert await _is_painted(image)
    first = await image.get_attribute("src")
    await chat.page.keyboard.press("ArrowRight")
    await expect(image).not_to_have_attribute("src", first or "")
    await viewer.get_by_role("button", name="Previous photo").click()
    await expect(image).to_have_attribute("src", first or "")
    await chat.page.keyboard.press("Escape")
    await expect(viewer).to_have_count(0)


async def test_album_is_one_bubble(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/album")
    bubble = chat.log.get_by_role("article").filter(has_text="Four of them")
    await expect(bubble.locator(".photo-image")).to_have_count(4)
    for index in range(4):
        assert await _is_painted(bubble.locator(".photo-image").nth(index))


async def test_document_is_downloaded_byte_for_byte(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/document")
    async with chat.page.expect_download() as download:
        await chat.log.get_by_role("link", name="Download original.png").click()
    loaded = await download.value
    assert loaded.suggested_filename == "original.png"
    assert (await loaded.path()).read_bytes() == picture()


async def test_one_picture_is_sent_as_a_photo_with_words(open_chat: OpenPage, tmp_path: Path) -> None:
    chat = await open_chat()
    dialog = await _choose_files(chat, *_pictures(tmp_path, 1))
    await dialog.get_by_label("Caption").fill("My cat")
    await dialog.get_by_role("button", name="Send", exact=True).click()
    await expect(chat.log.locator(".message-in").last).to_contain_text("photo My cat")
    own = chat.sent
    await expect(own).to_contain_text("My cat")
    # Until then the browser's own copy is shown.
    await expect(own.get_by_role("img", name="Delivered to the bot")).to_be_visible()
    assert await _is_painted(own.locator(".photo-image"))
    assert (await chat.sandbox.messages(chat.user_id))[2]["photo"][-1]["width"] == 600


async def test_several_pictures_are_sent_as_an_album(open_chat: OpenPage, tmp_path: Path) -> None:
    chat = await open_chat()
    dialog = await _choose_files(chat, *_pictures(tmp_path, 3))
    await dialog.get_by_role("button", name="Send", exact=True).click()
    await expect(chat.sent.get_by_role("img", name="Delivered to the bot")).to_be_visible()
    await expect(chat.sent.locator(".photo-image")).to_have_count(3)
    sent = [message for message in await chat.sandbox.messages(chat.user_id) if "media_group_id" in message]
    assert len(sent) == 3
    assert len({message["media_group_id"] for message in sent}) == 1


async def test_tall_pictures_fill_the_rows_of_their_album(open_chat: OpenPage, tmp_path: Path) -> None:
    chat = await open_chat()
    paths = [tmp_path / f"tall-{number}.png" for number in range(3)]
    for path in paths:
        path.write_bytes(picture(300, 400, hue=60))
    dialog = await _choose_files(chat, *paths)
    await dialog.get_by_role("button", name="Send", exact=True).click()
    await expect(chat.sent.locator(".photo-image")).to_have_count(3)
    # Measured at once: what was sent is drawn anew when it has arrived.
    left_over = await chat.sent.locator(".album").evaluate(
        "album => album.offsetWidth - album.querySelector('.photo-image').offsetWidth"
    )
    assert abs(left_over) <= 1


async def test_picture_can_be_sent_as_it_is(open_chat: OpenPage, tmp_path: Path) -> None:
    chat = await open_chat()
    (path,) = _pictures(tmp_path, 1)
    dialog = await _choose_files(chat, path)
    await dialog.get_by_label("Send pictures as photos").uncheck()
    await dialog.get_by_role("button", name="Send", exact=True).click()
    await expect(chat.log.get_by_text(f"document picture-0.png {path.stat().st_size}")).to_be_visible()


async def test_files_can_be_left_out_before_sending(open_chat: OpenPage, tmp_path: Path) -> None:
    chat = await open_chat()
    dialog = await _choose_files(chat, *_pictures(tmp_path, 2))
    await dialog.get_by_role("button", name="Leave out picture-0.png").click()
    await dialog.get_by_role("button", name="Leave out picture-1.png").click()
    await expect(dialog).to_have_count(0)
    assert len(await chat.sandbox.messages(chat.user_id)) == 2


async def test_pasted_picture_is_offered_for_sending(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await _hand_over(chat.page.get_by_label("Message", exact=True), "paste", "pasted.png")
    dialog = chat.page.get_by_role("dialog", name="Send files")
    await expect(dialog).to_contain_text("pasted.png")
    await dialog.get_by_role("button", name="Send", exact=True).click()
    await expect(chat.log.get_by_text("photo", exact=True)).to_be_visible()


async def test_dropped_files_go_as_the_half_says(open_chat: OpenPage) -> None:
    chat = await open_chat()
    column = chat.page.locator(".column")
    await _hand_over(column, "dragenter", "dropped.png")
    half = chat.page.get_by_text("Drop files here")
    await expect(half).to_be_visible()
    await _hand_over(chat.page.locator(".drop-half").nth(1), "drop", "dropped.png")
    await expect(half).to_be_hidden()
    dialog = chat.page.get_by_role("dialog", name="Send files")
    await expect(dialog.get_by_label("Send pictures as photos")).not_to_be_checked()
    await dialog.get_by_role("button", name="Send", exact=True).click()
    await expect(chat.log.get_by_text(re.compile(r"document dropped\.png \d+"))).to_be_visible()


async def test_upload_that_is_no_picture_is_refused_in_words(open_chat: OpenPage, tmp_path: Path) -> None:
    chat = await open_chat()
    chat.watched.expects_failures = True
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture at all")
    dialog = await _choose_files(chat, broken)
    await dialog.get_by_role("button", name="Send", exact=True).click()
    await expect(_toast(chat.page, "IMAGE_PROCESS_FAILED")).to_be_visible()
    await expect(chat.log.get_by_role("img", name="Not sent")).to_be_visible()


def _toast(page: Page, words: str) -> Locator:
    return page.locator(".toast").filter(has_text=words)


_PLAYS = """
async video => {
  // Some builds of Chromium have no H.264; they show the poster.
  if (!video.canPlayType('video/mp4; codecs="avc1.42E01E, mp4a.40.2"')) return { poster: video.poster };
  video.muted = true;
  await video.play();
  video.pause();
  return { poster: video.poster, width: video.videoWidth, duration: Math.round(video.duration) };
}
"""


async def test_video_plays_and_has_its_poster_and_its_length(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/video")
    video = chat.log.get_by_label("Video, 0:02")
    await expect(video).to_be_visible()
    played = await video.evaluate(_PLAYS)
    poster = await chat.page.request.get(played["poster"])
    assert poster.headers["content-type"] == "image/jpeg"
    assert (played.get("width", 320), played.get("duration", 2)) == (320, 2)
    box = await video.bounding_box()
    assert box is not None
    assert abs(box["width"] / box["height"] - 320 / 180) < 0.05


async def test_video_without_sound_is_an_animation(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/silent")
    await expect(chat.log.get_by_label("Animation")).to_be_visible()


async def test_album_shows_a_picture_beside_a_video(open_chat: OpenPage) -> None:
    chat = await open_chat()
    await chat.send("/mixed")
    await expect(chat.log.get_by_label("Video, 0:02")).to_be_visible()
    await expect(chat.log.get_by_role("button", name="Open the photo")).to_be_visible()
    await expect(chat.log.get_by_text("A picture and a clip")).to_be_visible()
