"""Pictures to be worked from. Read as a stream: whoever sends too much is cut off, and nothing of it is kept."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.api.deps import SIGNED_IN, SignedIn, SignedInRoute, Wired
from app.api.errors import refusals
from app.api.webapp.bodies import IdempotencyKey
from app.api.webapp.rendering import upload_of
from app.api.webapp.shapes import Upload
from app.domain.errors import IdempotencyKeyReused, UploadInvalid, UploadTooLarge, ValidationFailed

router = APIRouter(prefix="/api/v1", tags=["uploads"], route_class=SignedInRoute)

UPLOADS_PATH: Final = "/api/v1/uploads"
# Around the file there are a boundary and a few headers.
_ENVELOPE_BYTES: Final = 64 * 1024
_CHUNK_BYTES: Final = 256 * 1024
_MOST_FIELDS: Final = 4


@router.post(
    "/uploads",
    status_code=201,
    summary="Send a picture to work from",
    responses={
        200: {"model": Upload, "description": "The upload that this `Idempotency-Key` made before."},
        **refusals(*SIGNED_IN, UploadInvalid, UploadTooLarge, IdempotencyKeyReused),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {"file": {"type": "string", "format": "binary"}},
                    }
                }
            },
        }
    },
)
async def upload_picture(
    request: Request, caller: SignedIn, container: Wired, response: Response, idempotency_key: IdempotencyKey = None
) -> Upload:
    """JPEG, PNG, WebP or HEIC, told by its content, up to 20 MB and 50 megapixels.

    It is turned upright and loses its metadata, the place where it was taken included. Unused it is kept for a day.
    """
    uploads = container.services.uploads
    with uploads.admit(caller.actor):
        file = await _read_file(request, uploads.terms.max_bytes)
        try:
            view = await uploads.store(caller.actor, _chunks(file), filename=file.filename, key=idempotency_key)
        finally:
            await file.close()
    if view.is_repeat:
        response.status_code = 200
    return upload_of(view)


async def _read_file(request: Request, max_bytes: int) -> UploadFile:
    """The file of a form, on disk where it is large. Raises: ValidationFailed, UploadTooLarge."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise ValidationFailed({"file": "must be sent as multipart/form-data"})
    parser = MultiPartParser(
        request.headers, _bounded(request, max_bytes), max_files=1, max_fields=_MOST_FIELDS, max_part_size=1024
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ValidationFailed({"file": "cannot be read"}) from error
    file = form.get("file")
    if isinstance(file, UploadFile):
        return file
    await form.close()
    raise ValidationFailed({"file": "Field required"})


async def _bounded(request: Request, max_bytes: int) -> AsyncGenerator[bytes, None]:
    limit = max_bytes + _ENVELOPE_BYTES
    declared = request.headers.get("content-length", "")
    received = int(declared) if declared.isascii() and declared.isdigit() else 0
    if received <= limit:
        received = 0
        async for chunk in request.stream():
            received += len(chunk)
            if received > limit:
                break
            yield chunk
    if received > limit:
        raise UploadTooLarge(limit_megabytes=max_bytes // 1_000_000)


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(_CHUNK_BYTES):
        yield chunk
