"""Photos, videos, animations and documents on their way into a message: uploaded, by file_id or by address."""

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from app.core.media_boxes import has_sound_track, sniff_boxes
from app.sandbox.botapi.call import Call
from app.sandbox.botapi.errors import bad_request
from app.sandbox.files import DOWNLOAD_LIMIT_BYTES, Upload
from app.sandbox.renditions import PhotoRefused
from app.sandbox.store import Json
from app.sandbox.world import World

KINDS: Final = ("photo", "video", "animation", "document")
_PHOTO_BY_ADDRESS_LIMIT_BYTES: Final = 5 * 1024 * 1024
_DOWNLOAD_LIMIT_SECONDS: Final = 20.0
_ATTACHED: Final = "attach://"


@dataclass(frozen=True, slots=True)
class MediaRequest:
    """What is to be shown: its kind, where it comes from, and what the sender says of it."""

    kind: str
    source: str | Upload
    width: int = 0
    height: int = 0
    duration: int = 0
    thumbnail: Upload | None = None
    has_spoiler: bool = False
    is_grouped: bool = False


def media_of_call(call: Call, kind: str) -> MediaRequest:
    """The media of a sending method, whose parameter is named as its kind.

    Raises: Refusal when it is missing.
    """
    return MediaRequest(
        kind=kind,
        source=_source(call, call.uploads.get(kind) or call.text(kind), kind),
        width=call.integer("width") or 0,
        height=call.integer("height") or 0,
        duration=call.integer("duration") or 0,
        thumbnail=_thumbnail(call, call.uploads.get("thumbnail") or call.text("thumbnail")),
        has_spoiler=call.flag("has_spoiler"),
    )


def media_of_item(call: Call, item: Any) -> MediaRequest:
    """The media of an `InputMedia` object.

    Raises: Refusal.
    """
    if not isinstance(item, dict) or item.get("type") not in KINDS:
        reason = "can't parse InputMedia: type must be one of " + ", ".join(KINDS)
        raise bad_request(reason)
    return MediaRequest(
        kind=item["type"],
        source=_source(call, str(item.get("media") or ""), item["type"]),
        width=int(item.get("width") or 0),
        height=int(item.get("height") or 0),
        duration=int(item.get("duration") or 0),
        thumbnail=_thumbnail(call, str(item.get("thumbnail") or "")),
        has_spoiler=bool(item.get("has_spoiler")),
        is_grouped=True,
    )


async def show(world: World, request: MediaRequest) -> Json:
    """Keep or find the file; answers the fields that a message shows for it.

    Raises: Refusal.
    """
    source = request.source
    if isinstance(source, Upload) and request.kind == "video" and not request.is_grouped and _is_silent(source):
        # Telegram makes a GIF of an MP4 without sound, by whatever method it comes; in albums it does not.
        request = replace(request, kind="animation")
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        source = await _download(source, request.kind)
    media = _known(world, source, request.kind) if isinstance(source, str) else await _keep(world, request, source)
    fields: Json = {request.kind: media}
    if request.kind == "animation":
        # For clients that know no animations, it is a document as well (Bot API, `Message`).
        fields["document"] = {key: media[key] for key in media if key not in {"width", "height", "duration"}}
    if request.has_spoiler:
        fields["has_media_spoiler"] = True
    return fields


def _is_silent(upload: Upload) -> bool:
    return sniff_boxes(upload.data) == "video/mp4" and not has_sound_track(upload.data)


def _source(call: Call, sent: str | Upload, kind: str) -> str | Upload:
    if isinstance(sent, str) and sent.startswith(_ATTACHED):
        sent = call.uploads.get(sent.removeprefix(_ATTACHED), "")
    if not sent:
        reason = f"there is no {kind} in the request"
        raise bad_request(reason)
    if isinstance(sent, Upload) and not sent.data:
        reason = "file must be non-empty"
        raise bad_request(reason)
    return sent


def _thumbnail(call: Call, sent: str | Upload) -> Upload | None:
    if isinstance(sent, str):
        return call.uploads.get(sent.removeprefix(_ATTACHED))
    return sent


def _known(world: World, file_id: str, kind: str) -> Any:
    file = world.files.find(file_id)
    if file is None or file.kind == "thumbnail":
        reason = "wrong file identifier/HTTP URL specified"
        raise bad_request(reason)
    if file.kind != kind:
        reason = f"can't use file of type {file.kind.capitalize()} as {kind.capitalize()}"
        raise bad_request(reason)
    return file.media


async def _keep(world: World, request: MediaRequest, upload: Upload) -> Any:
    match request.kind:
        case "photo":
            try:
                return await world.files.keep_photo(upload)
            except PhotoRefused as error:
                raise bad_request(str(error)) from error
        case "document":
            return await world.files.keep_document(upload, thumbnail=request.thumbnail)
        case kind:
            return await world.files.keep_video(
                kind,
                upload,
                width=request.width,
                height=request.height,
                duration=request.duration,
                thumbnail=request.thumbnail,
            )


async def _download(address: str, kind: str) -> Upload:
    limit = _PHOTO_BY_ADDRESS_LIMIT_BYTES if kind == "photo" else DOWNLOAD_LIMIT_BYTES
    data = bytearray()
    try:
        async with (
            httpx.AsyncClient(timeout=_DOWNLOAD_LIMIT_SECONDS, follow_redirects=True) as client,
            client.stream("GET", address) as response,
        ):
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) > limit:
                    break
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = "failed to get HTTP URL content"
        raise bad_request(reason) from error
    mime = response.headers.get("content-type", "").partition(";")[0].strip()
    if len(data) > limit or (kind == "photo" and not mime.startswith("image/")):
        reason = "wrong type of the web page content" if len(data) <= limit else "failed to get HTTP URL content"
        raise bad_request(reason)
    name = PurePosixPath(urlsplit(address).path).name or "file"
    return Upload(name=name, data=bytes(data), mime=mime or "application/octet-stream")
