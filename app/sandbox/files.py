"""What was uploaded, by the bot or by a user: kept on disk, described as Telegram does, sent again by file_id."""

import asyncio
import json
import secrets
import shutil
import string
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from app.sandbox.renditions import PhotoRefused, Rendition, photo_renditions, thumbnail_rendition
from app.sandbox.store import Json, Store

UPLOAD_LIMIT_BYTES: Final = 50 * 1024 * 1024
DOWNLOAD_LIMIT_BYTES: Final = 20 * 1024 * 1024
_ID_PREFIXES: Final = {
    "photo": "AgACAgIAAxk",
    "document": "BQACAgIAAxk",
    "video": "BAACAgIAAxk",
    "animation": "CgACAgIAAxk",
    "thumbnail": "AAMCAgADGQ",
}
_SUFFIX_LETTERS: Final = frozenset(string.ascii_letters + string.digits + ".")


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes on their way in."""

    name: str
    data: bytes
    mime: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of the shelf. `media` is the Bot API object, for a photo the list of them, that a message shows."""

    file_id: str
    unique_id: str
    kind: str
    path: str
    size: int
    mime: str
    name: str | None
    media: Any


class FileShelf:
    """Keeps files in a directory and what is known of them in the store."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory

    async def keep_photo(self, upload: Upload) -> list[Json]:
        """Recompress a picture as Telegram does; answers its sizes, smallest first.

        Raises: PhotoRefused.
        """
        renditions = await asyncio.to_thread(photo_renditions, upload.data)
        kept = [await self._keep_rendition("photo", rendition) for rendition in renditions]
        sizes = [size for size, _ in kept]
        for size, path in kept:
            self._insert("photo", path, "image/jpeg", size, media=sizes)
        return sizes

    async def keep_document(self, upload: Upload, *, thumbnail: Upload | None = None) -> Json:
        """Keep the very bytes; answers a Bot API `Document`. A picture gets a thumbnail."""
        document = {"file_name": upload.name, "mime_type": upload.mime}
        preview = thumbnail or (upload if upload.mime.startswith("image/") else None)
        return await self._keep("document", upload, document, preview)

    async def keep_video(
        self, kind: str, upload: Upload, *, width: int, height: int, duration: int, thumbnail: Upload | None
    ) -> Json:
        """Keep a video or an animation (`kind`); answers the Bot API object of that name."""
        shape = {"width": width, "height": height, "duration": duration}
        video = {**shape, "file_name": upload.name, "mime_type": upload.mime}
        return await self._keep(kind, upload, video, thumbnail)

    def find(self, file_id: str) -> StoredFile | None:
        return self._load("file_id", file_id)

    def find_by_path(self, path: str) -> StoredFile | None:
        return self._load("path", path)

    def location(self, file: StoredFile) -> Path:
        """Where its bytes are."""
        return self._directory / file.path

    def empty(self) -> None:
        """Throw all bytes away; their rows go with the store's."""
        shutil.rmtree(self._directory, ignore_errors=True)

    async def _keep(self, kind: str, upload: Upload, described: Json, preview: Upload | None) -> Json:
        path = self._new_path(kind, PurePosixPath(upload.name).suffix or ".bin")
        await asyncio.to_thread(_write_file, self._directory / path, upload.data)
        thumbnail = None if preview is None else await self._keep_thumbnail(preview)
        media = {
            **described,
            **({} if thumbnail is None else {"thumbnail": thumbnail}),
            **_new_ids(kind),
            "file_size": len(upload.data),
        }
        self._insert(kind, path, upload.mime, media, media=media)
        return media

    async def _keep_thumbnail(self, preview: Upload) -> Json | None:
        try:
            rendition = await asyncio.to_thread(thumbnail_rendition, preview.data)
        except PhotoRefused:
            # Telegram shows a document without a thumbnail when it cannot read the picture.
            return None
        size, path = await self._keep_rendition("thumbnail", rendition)
        self._insert("thumbnail", path, "image/jpeg", size, media=size)
        return size

    async def _keep_rendition(self, kind: str, rendition: Rendition) -> tuple[Json, str]:
        """Write one size of a picture; answers its Bot API `PhotoSize` and its path."""
        path = self._new_path(kind, ".jpg")
        await asyncio.to_thread(_write_file, self._directory / path, rendition.data)
        shape = {"width": rendition.width, "height": rendition.height, "file_size": len(rendition.data)}
        return {**_new_ids(kind), **shape}, path

    def _new_path(self, kind: str, suffix: str) -> str:
        # The name comes from outside and becomes part of a path.
        safe = "".join(letter for letter in suffix[:9] if letter in _SUFFIX_LETTERS)
        return f"{kind}s/file_{self._store.next_number('file')}{safe}"

    def _insert(self, kind: str, path: str, mime: str, described: Json, *, media: object) -> None:
        self._store.execute(
            "INSERT INTO files (file_id, unique_id, kind, path, size, mime, name, media)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                described["file_id"],
                described["file_unique_id"],
                kind,
                path,
                described["file_size"],
                mime,
                described.get("file_name"),
                json.dumps(media),
            ),
        )

    def _load(self, column: str, value: str) -> StoredFile | None:
        row = self._store.first(f"SELECT * FROM files WHERE {column} = ?", (value,))  # noqa: S608 - the callers above
        if row is None:
            return None
        return StoredFile(
            file_id=row["file_id"],
            unique_id=row["unique_id"],
            kind=row["kind"],
            path=row["path"],
            size=row["size"],
            mime=row["mime"],
            name=row["name"],
            media=json.loads(row["media"]),
        )


def _new_ids(kind: str) -> Json:
    return {
        "file_id": _ID_PREFIXES[kind] + secrets.token_urlsafe(36),
        "file_unique_id": "AQAD" + secrets.token_urlsafe(9),
    }


def _write_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
