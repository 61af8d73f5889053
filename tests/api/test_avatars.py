"""`/avatars` on the wire."""

from typing import Any
from uuid import uuid4

from tests.api.conftest import Cabinet, OpenCabinet, refusal
from tests.fakes import PICTURE


async def photos(cabinet: Cabinet, count: int) -> list[str]:
    """So many uploads."""
    answers = [
        await cabinet.client.post("/api/v1/uploads", files={"file": ("me.jpg", PICTURE, "image/jpeg")})
        for _ in range(count)
    ]
    return [answer.json()["id"] for answer in answers]


async def listed(cabinet: Cabinet) -> list[dict[str, Any]]:
    """Everything that the list shows."""
    answer = (await cabinet.get("/avatars")).json()
    assert answer["next_cursor"] is None
    return list(answer["items"])


async def test_an_avatar_is_made_seen_and_deleted(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(61)
    ids = await photos(cabinet, 2)
    made = await cabinet.post("/avatars", {"name": "Me", "inputs": ids})
    assert made.status_code == 201
    shown = made.json()
    assert set(shown) == {"id", "name", "photos", "photo_urls", "created_at"}
    assert (shown["name"], shown["photos"], len(shown["photo_urls"])) == ("Me", ids, 2)
    assert [item["id"] for item in await listed(cabinet)] == [shown["id"]]
    assert (await cabinet.delete(f"/avatars/{shown['id']}")).status_code == 204
    assert await listed(cabinet) == []
    assert refusal(await cabinet.delete(f"/avatars/{shown['id']}")) == (404, "NOT_FOUND")


async def test_the_same_key_answers_with_the_first_avatar(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(62)
    body = {"name": "Me", "inputs": await photos(cabinet, 1)}
    first, again = [await cabinet.post("/avatars", body, key="avatar-1") for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert refusal(await cabinet.post("/avatars", body | {"name": "You"}, key="avatar-1")) == (
        422,
        "IDEMPOTENCY_KEY_REUSED",
    )


async def test_somebody_elses_is_neither_seen_nor_deleted(open_cabinet: OpenCabinet) -> None:
    ann, bob = await open_cabinet(63), await open_cabinet(64)
    ids = await photos(ann, 1)
    avatar = (await ann.post("/avatars", {"name": "Ann", "inputs": ids})).json()
    assert refusal(await bob.post("/avatars", {"name": "Ann", "inputs": ids})) == (404, "NOT_FOUND")
    assert refusal(await bob.delete(f"/avatars/{avatar['id']}")) == (404, "NOT_FOUND")
    assert await listed(bob) == []
    assert len(await listed(ann)) == 1


async def test_what_does_not_fit_is_named(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(65)
    for body, field in (
        ({"name": " ", "inputs": [str(uuid4())]}, "name"),
        ({"name": "Me", "inputs": []}, "inputs"),
        ({"name": "Me", "inputs": [str(uuid4())] * 2}, "inputs"),
        ({"name": "Me"}, "inputs"),
    ):
        answer = await cabinet.post("/avatars", body)
        assert refusal(answer) == (422, "VALIDATION_ERROR")
        assert set(answer.json()["params"]["fields"]) == {field}
