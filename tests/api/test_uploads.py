"""`POST /uploads` on the wire: forms, sizes, refusals in words; what is made from an upload."""

import io
from collections.abc import AsyncIterator
from contextlib import ExitStack
from uuid import uuid4

import httpx
from fastapi import FastAPI
from PIL import Image

from app.container import Container
from app.domain.actors import Actor
from tests.api.conftest import OpenCabinet, connect, refusal
from tests.fakes import PICTURE, picture

_PATH = "/api/v1/uploads"
_BOUNDARY = "----a-boundary"


async def send(client: httpx.AsyncClient, data: bytes = PICTURE, *, key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await client.post(_PATH, files={"file": ("../../photo.jpg", data, "text/html")}, headers=headers)


async def test_a_picture_is_taken_by_its_content(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(41)
    out = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(out, "PNG")
    answer = await send(cabinet.client, out.getvalue())
    assert answer.status_code == 201
    shown = answer.json()
    assert set(shown) == {"id", "mime", "width", "height", "expires_at"}
    assert (shown["mime"], shown["width"], shown["height"]) == ("image/png", 30, 20)


async def test_the_same_key_answers_with_the_first_upload(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(42)
    first, again = [await send(cabinet.client, key="photo-1") for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    changed = await send(cabinet.client, picture(colour="blue"), key="photo-1")
    assert refusal(changed) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_what_is_no_picture_is_said_so_in_the_users_language(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(43, language="ru")
    answer = await send(cabinet.client, b"<svg/>")
    assert refusal(answer) == (422, "UPLOAD_INVALID")
    assert answer.json()["params"] == {"problem": "format"}
    assert "HEIC" in answer.json()["message"]


async def test_forms_that_hold_no_file_are_refused(open_cabinet: OpenCabinet) -> None:
    client = (await open_cabinet(44)).client
    forms: list[dict[str, object]] = [
        {"json": {"file": "x"}},
        {"data": {"file": "words"}},
        {"files": {"picture": PICTURE}},
        {"files": [("file", PICTURE), ("file", PICTURE)]},
        {"content": b"nothing", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"nothing", "headers": {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}},
    ]
    for form in forms:
        answer = await client.post(_PATH, **form)  # type: ignore[arg-type]  # of a table
        assert refusal(answer) == (422, "VALIDATION_ERROR"), form
        assert "file" in answer.json()["params"]["fields"]


async def test_nobody_sends_without_signing_in(http: FastAPI) -> None:
    """Nothing of the body is read before that."""
    read: list[int] = []
    async with connect(http) as client:
        answer = await client.post(_PATH, content=_flood(read), headers=_form_headers())
    assert refusal(answer) == (401, "UNAUTHENTICATED")
    assert read == []


async def test_two_gigabytes_are_cut_off_at_the_limit(open_cabinet: OpenCabinet) -> None:
    """Trap 45. Said or unsaid, the length is not believed, and what is read goes to disk."""
    cabinet = await open_cabinet(45)
    declared = await cabinet.client.post(
        _PATH, content=b"", headers={**_form_headers(), "Content-Length": "2000000000"}
    )
    read: list[int] = []
    answer = await cabinet.client.post(_PATH, content=_flood(read), headers=_form_headers())
    for refused in (declared, answer):
        assert refusal(refused) == (413, "UPLOAD_TOO_LARGE")
        assert refused.json()["params"] == {"limit_megabytes": 20}
        assert refused.headers["Connection"] == "close"
    assert len(read) <= 22


async def test_too_many_on_their_way_are_refused_unread(open_cabinet: OpenCabinet, container: Container) -> None:
    cabinet = await open_cabinet(51)
    user = (await container.services.users.get_by_telegram_id(51)).id
    read: list[int] = []
    with ExitStack() as under_way:
        for _ in range(4):
            under_way.enter_context(container.services.uploads.admit(Actor.user(user)))
        answer = await cabinet.client.post(_PATH, content=_flood(read), headers=_form_headers())
    assert refusal(answer) == (429, "RATE_LIMIT_EXCEEDED")
    assert read == []
    assert (await send(cabinet.client)).status_code == 201


async def test_an_edit_is_ordered_with_an_upload(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(46, balance=50)
    upload = (await send(cabinet.client)).json()["id"]
    body = {"kind": "edit", "model": "edit-standard", "prompt": "a hat", "inputs": [upload]}
    answer = await cabinet.post("/generations", body, key="one")
    assert answer.status_code == 202
    assert (answer.json()["kind"], answer.json()["price"], answer.json()["options"]["aspect_ratio"]) == (
        "edit",
        6,
        "auto",
    )
    assert refusal(await cabinet.post("/generations", body, key="one")) == (409, "DUPLICATE_REQUEST")
    other = {**body, "inputs": [(await send(cabinet.client)).json()["id"]]}
    assert refusal(await cabinet.post("/generations", other, key="one")) == (422, "IDEMPOTENCY_KEY_REUSED")
    draft = await cabinet.post("/drafts", body)
    assert (draft.status_code, draft.json()["price"]) == (201, 6)
    listed = await cabinet.get("/generations", kind="edit")
    assert [item["id"] for item in listed.json()["items"]] == [answer.json()["id"]]


async def test_a_video_is_ordered_with_its_length(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(47, balance=500)
    body = {"kind": "video", "model": "video-standard", "prompt": "waves", "options": {"duration_seconds": 10}}
    answer = await cabinet.post("/generations", body)
    assert (answer.status_code, answer.json()["price"], answer.json()["options"]["duration_seconds"]) == (202, 120, 10)
    wrong = {**body, "options": {"duration_seconds": 6}}
    refused = await cabinet.post("/generations", wrong)
    assert refusal(refused) == (422, "VALIDATION_ERROR")
    assert "options.duration_seconds" in refused.json()["params"]["fields"]


async def test_uploads_of_others_and_of_nobody_are_not_found(open_cabinet: OpenCabinet) -> None:
    owner, stranger = await open_cabinet(48), await open_cabinet(49, balance=50)
    upload = (await send(owner.client)).json()["id"]
    for unknown in (upload, str(uuid4())):
        body = {"kind": "edit", "model": "edit-standard", "prompt": "a hat", "inputs": [unknown]}
        assert refusal(await stranger.post("/generations", body)) == (404, "NOT_FOUND")
        assert refusal(await stranger.post("/drafts", body)) == (404, "NOT_FOUND")
    assert (await stranger.me())["held"] == 0


async def test_the_catalogue_says_what_each_model_takes(open_cabinet: OpenCabinet) -> None:
    models = {model["key"]: model for model in (await (await open_cabinet(50)).get("/catalog")).json()["models"]}
    video, edit = models["video-pro"]["options"], models["edit-pro"]["options"]
    assert (video["durations"], video["duration_prices"]) == ([5, 8, 10], {"5": 150, "8": 240, "10": 300})
    assert (edit["min_inputs"], edit["max_inputs"], edit["default_aspect_ratio"]) == (1, 4, "auto")
    assert {model["kind"] for model in models.values()} == {"image", "edit", "video", "upscale", "pack"}


def _form_headers() -> dict[str, str]:
    return {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}


async def _flood(read: list[int]) -> AsyncIterator[bytes]:
    """The beginning of a form with a file that is never whole."""
    yield f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\n\r\n'.encode()
    for _ in range(2_000):
        read.append(1)
        yield bytes(1_000_000)
