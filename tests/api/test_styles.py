"""Styles and copied looks over HTTP: the list, the field of an order, refusals that cost nothing."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.api.conftest import Cabinet, OpenCabinet, order, refusal
from tests.sandbox.rig import picture

POSTER = {"style": "film-poster", "prompt": "a fox"}


async def switch(cabinet: Cabinet, statement: str) -> None:
    async with cabinet.container.db.transaction() as tx:
        await tx.execute(text(statement))
    cabinet.container.services.catalog.forget()


async def upload(cabinet: Cabinet) -> str:
    answer = await cabinet.client.post("/api/v1/uploads", files={"file": ("me.jpg", picture(80, 60, "JPEG"))})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def edit(*inputs: str, **more: object) -> dict[str, Any]:
    return {"kind": "edit", "model": "edit-standard", "inputs": list(inputs), **more}


async def test_styles_are_listed_in_the_users_language(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, language="ru")
    answer = (await cabinet.get("/styles")).json()
    assert answer["next_cursor"] is None
    styles = {style["key"]: style for style in answer["items"]}
    assert styles["film-poster"] == {
        "key": "film-poster",
        "kind": "image",
        "title": "Киноафиша",
        "sample_url": "http://127.0.0.1:9/vendor/v1/samples/film-poster.jpg",
        "model": "image-standard",
        "price": 4,
        "needs_prompt": True,
        "inputs": 0,
        "shots": None,
        "aspect_ratio": "3:4",
        "duration_seconds": None,
    }
    assert (styles["copy-look"]["inputs"], styles["copy-look"]["needs_prompt"]) == (2, False)
    assert (styles["living-photo"]["duration_seconds"], styles["living-photo"]["price"]) == (5, 60)
    assert (await cabinet.get("/catalog")).json()["styles"] == answer["items"]
    # Templates are the operator's business.
    assert "template" not in styles["film-poster"]


async def test_a_style_says_what_is_left_out(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, balance=100)
    made = (await cabinet.submit(**POSTER)).json()
    assert (made["style"], made["prompt"], made["options"]["aspect_ratio"], made["price"]) == (
        "film-poster",
        "a fox",
        "3:4",
        4,
    )
    chosen = (await cabinet.submit(**POSTER, options={"aspect_ratio": "16:9"})).json()
    assert chosen["options"]["aspect_ratio"] == "16:9"
    moving = await cabinet.submit(
        kind="video", model="video-standard", prompt="", style="living-photo", inputs=[await upload(cabinet)]
    )
    assert (moving.json()["options"]["duration_seconds"], moving.json()["price"]) == (5, 60)
    assert (await cabinet.submit()).json()["style"] is None


@pytest.mark.parametrize("language", ["en", "ru", "uz"])
async def test_a_style_that_is_off_is_told_and_free(open_cabinet: OpenCabinet, language: str) -> None:
    cabinet = await open_cabinet(7, language=language)
    draft = (await cabinet.post("/drafts", order(**POSTER))).json()
    await switch(cabinet, "UPDATE styles SET enabled = false WHERE key = 'film-poster'")
    answers = [
        await cabinet.submit(**POSTER),
        await cabinet.submit(style="no-such-style"),
        await cabinet.post("/drafts", order(**POSTER)),
        await cabinet.post(f"/drafts/{draft['id']}/start"),
        await cabinet.post("/payments", {"draft_id": draft["id"], "method": "stars"}),
    ]
    assert {refusal(answer) for answer in answers} == {(503, "STYLE_UNAVAILABLE")}
    words = {
        "en": "This style is not available right now. Please choose another one. You were not charged.",
        "ru": "Этого стиля сейчас нет. Выберите, пожалуйста, другой. Ничего не списано.",
        "uz": "Bu uslub hozir mavjud emas. Iltimos, boshqasini tanlang. Hech narsa yechilmadi.",
    }
    assert {answer.json()["message"] for answer in answers} == {words[language]}
    me = await cabinet.me()
    assert (me["credits"], me["held"], me["active_generations"]) == (20, 0, 0)


async def test_the_style_belongs_to_the_key_of_a_request(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    assert (await cabinet.submit(key="k", **POSTER)).status_code == 202
    assert refusal(await cabinet.submit(key="k", **POSTER)) == (409, "DUPLICATE_REQUEST")
    other: dict[str, Any] = {**POSTER, "style": "sticker"}
    assert refusal(await cabinet.submit(key="k", **other)) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_look_is_copied_once_a_day_for_nothing(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, language="ru")
    mine, look = await upload(cabinet), await upload(cabinet)
    copy = edit(mine, look, prompt="", funding="copy")
    made = await cabinet.submit(**copy)
    assert (made.status_code, made.json()["price"], made.json()["style"]) == (202, 0, "copy-look")
    assert (await cabinet.me())["copy_left"] == 0
    refused = await cabinet.submit(**copy)
    assert refusal(refused) == (429, "RATE_LIMIT_EXCEEDED")
    assert refused.json()["params"]["quota"] == "copy"
    assert refused.json()["message"].startswith("Бесплатное копирование образа на сегодня использовано.")
    assert int(refused.headers["Retry-After"]) <= 24 * 3600
    paid = await cabinet.submit(**edit(mine, look, prompt="in blue", style="copy-look"))
    assert (paid.status_code, paid.json()["price"]) == (202, 6)


async def test_another_model_makes_a_style_in_a_shape_that_it_has(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, balance=100)
    await switch(
        cabinet,
        'UPDATE models SET options = options || \'{"aspect_ratios": ["1:1", "16:9"]}\' WHERE key = \'image-pro\'',
    )
    made = await cabinet.submit(**POSTER, model="image-pro")
    assert made.status_code == 202, made.text
    assert made.json()["options"]["aspect_ratio"] == "1:1"
