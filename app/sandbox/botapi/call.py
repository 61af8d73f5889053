"""One call of a Bot API method: its parameters, however they were sent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.requests import Request

from app.sandbox.botapi.errors import Refusal, bad_request
from app.sandbox.files import UPLOAD_LIMIT_BYTES, Upload

# A multipart body is a little larger than the file in it.
_BODY_LIMIT_BYTES: Final = UPLOAD_LIMIT_BYTES + 1024 * 1024
_FORM_TYPES: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
_TRUE_WORDS: Final = frozenset({"true", "yes", "1"})


@dataclass(frozen=True, slots=True)
class Call:
    """Parameters by name: values as sent (JSON keeps its types, forms are text), and the files beside them."""

    method: str
    values: Mapping[str, Any]
    uploads: Mapping[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The parameter as text; empty when it was not sent."""
        value = self.values.get(name)
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str) -> int | None:
        """The parameter as a whole number; None when it was not sent or is none."""
        try:
            return int(self.values[name])
        except (KeyError, TypeError, ValueError):
            return None

    def flag(self, name: str) -> bool:
        """Whether the parameter says yes."""
        return self.text(name).lower() in _TRUE_WORDS

    def structure(self, name: str) -> Any:
        """The parameter as JSON; None when it was not sent.

        Raises: Refusal when it is text that is no JSON.
        """
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError as error:
            reason = f"can't parse {name.replace('_', ' ')} JSON object"
            raise bad_request(reason) from error


async def read_call(request: Request, method: str) -> Call:
    """The parameters from the address and the body; the body wins.

    Raises: Refusal for a body that is too large or cannot be read.
    """
    if int(request.headers.get("content-length", 0)) > _BODY_LIMIT_BYTES:
        raise Refusal(413, "Request Entity Too Large")
    values: dict[str, Any] = dict(request.query_params)
    content_type = request.headers.get("content-type", "")
    if content_type.startswith(_FORM_TYPES):
        uploads = await _read_form(request, values)
        return Call(method, values, uploads)
    body = await request.body()
    if content_type.startswith("application/json") and body:
        values.update(_parsed(body))
    return Call(method, values)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        parsed: Any = json.loads(body)
    except ValueError as error:
        reason = "can't parse request body as JSON"
        raise bad_request(reason) from error
    if not isinstance(parsed, dict):
        reason = "expected a JSON object"
        raise bad_request(reason)
    return parsed


async def _read_form(request: Request, values: dict[str, Any]) -> dict[str, Upload]:
    uploads: dict[str, Upload] = {}
    async with request.form(max_part_size=UPLOAD_LIMIT_BYTES) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                uploads[name] = await read_upload(value)
            else:
                values[name] = value
    if any(len(upload.data) > UPLOAD_LIMIT_BYTES for upload in uploads.values()):
        raise Refusal(413, "Request Entity Too Large")
    return uploads


async def read_upload(file: UploadFile) -> Upload:
    """A form's file with its bytes. A sender's type that says nothing is replaced by what the name says."""
    name = file.filename or "file"
    mime = file.content_type
    if not mime or mime == "application/octet-stream":
        mime = _TYPES_BY_SUFFIX.get(name.rpartition(".")[2].lower(), "application/octet-stream")
    return Upload(name=name, data=await file.read(), mime=mime)


_TYPES_BY_SUFFIX: Final = {
    "gif": "image/gif",
    "heic": "image/heic",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "mp4": "video/mp4",
    "pdf": "application/pdf",
    "png": "image/png",
    "txt": "text/plain",
    "webp": "image/webp",
    "zip": "application/zip",
}
