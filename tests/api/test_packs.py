"""Photo packs on the wire: listed, ordered, cancelled; what is no pack is named."""

from typing import Any
from uuid import uuid4

from tests.api.conftest import Cabinet, OpenCabinet, refusal
from tests.api.test_avatars import photos

UNIT = 6


async def pack(cabinet: Cabinet, **changes: object) -> dict[str, object]:
    """The body of a pack of eight shots, of a new avatar."""
    made = await cabinet.post("/avatars", {"name": "Me", "inputs": await photos(cabinet, 2)})
    return {"kind": "pack", "model": "pack-standard", "style": "seasons", "avatar": made.json()["id"], **changes}


async def test_packs_are_listed_with_their_shots_and_their_price(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(71, language="ru")
    listed: list[dict[str, Any]] = (await cabinet.get("/styles")).json()["items"]
    packs = {style["key"]: style for style in listed if style["kind"] == "pack"}
    assert {key: (style["shots"], style["price"]) for key, style in packs.items()} == {
        "business": (23, 23 * UNIT),
        "travel": (12, 12 * UNIT),
        "seasons": (8, 8 * UNIT),
    }
    assert packs["business"]["title"] == "Деловые портреты"
    assert all(style["shots"] is None for style in listed if style["kind"] != "pack")
    catalogue = (await cabinet.get("/catalog")).json()
    assert catalogue["styles"] == listed
    [model] = [model for model in catalogue["models"] if model["kind"] == "pack"]
    assert (model["price"], model["options"]["default_aspect_ratio"]) == (UNIT, "3:4")


async def test_a_pack_is_ordered_and_told_as_one_generation(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(72, balance=100)
    body = await pack(cabinet)
    answer = await cabinet.post("/generations", body)
    assert answer.status_code == 202, answer.text
    shown = answer.json()
    assert (shown["kind"], shown["price"], shown["options"]["count"]) == ("pack", 8 * UNIT, 8)
    assert (shown["style"], shown["avatar"], len(shown["inputs"])) == ("seasons", body["avatar"], 2)
    me = await cabinet.me()
    assert (me["credits"], me["held"], me["active_generations"]) == (100 - 8 * UNIT, 8 * UNIT, 1)
    page = (await cabinet.get("/generations", kind="pack")).json()["items"]
    assert page == [(await cabinet.get(f"/generations/{shown['id']}")).json()]
    await cabinet.settle(shown["id"])
    assert (await cabinet.get(f"/generations/{shown['id']}")).json()["charged"] == 8 * UNIT


async def test_a_pack_is_cancelled_while_it_waits(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(73, balance=100)
    shown = (await cabinet.post("/generations", await pack(cabinet))).json()
    answer = await cabinet.post(f"/generations/{shown['id']}/cancel")
    assert (answer.status_code, answer.json()["returned"]) == (200, 8 * UNIT)


async def test_a_pack_at_work_is_asked_to_stop(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(74, balance=100)
    shown = (await cabinet.post("/generations", await pack(cabinet))).json()
    await cabinet.claim(shown["id"])
    answer = await cabinet.post(f"/generations/{shown['id']}/cancel")
    assert (answer.status_code, answer.json()["progress"]["stage"]) == (202, "cancelling")


async def test_the_same_key_is_the_same_pack_and_another_avatar_is_another_body(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(75, balance=100)
    body = await pack(cabinet)
    first = await cabinet.post("/generations", body, key="pack-1")
    again = await cabinet.post("/generations", body, key="pack-1")
    assert refusal(again) == (409, "DUPLICATE_REQUEST")
    assert again.json()["params"]["generation_id"] == first.json()["id"]
    for changes in ({"avatar": str(uuid4())}, {"style": "travel"}):
        assert refusal(await cabinet.post("/generations", body | changes, key="pack-1")) == (
            422,
            "IDEMPOTENCY_KEY_REUSED",
        )


async def test_a_draft_of_a_pack_locks_its_price(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(76, balance=100)
    draft = await cabinet.post("/drafts", await pack(cabinet, prompt="in autumn colours"))
    assert (draft.status_code, draft.json()["price"]) == (201, 8 * UNIT)
    started = await cabinet.post(f"/drafts/{draft.json()['id']}/start")
    assert (started.status_code, started.json()["options"]["count"]) == (202, 8)


async def test_what_is_no_pack_is_named(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(77, balance=100)
    body = await pack(cabinet)
    for changes, field in (
        ({"style": None}, "style"),
        ({"avatar": None}, "avatar"),
        ({"avatar": ""}, "avatar"),
        ({"options": {"count": 1}}, "options.count"),
        ({"options": {"count": 3}}, "options.count"),
        ({"options": {"count": 23}}, "options.count"),
        ({"options": {"count": 24}}, "options.count"),
        ({"inputs": await photos(cabinet, 1)}, "inputs"),
        ({"kind": "edit", "model": "edit-standard", "style": None, "prompt": "x"}, "avatar"),
    ):
        for path in ("/generations", "/drafts"):
            answer = await cabinet.post(path, body | changes)
            assert refusal(answer) == (422, "VALIDATION_ERROR"), (changes, answer.text)
            assert field in answer.json()["params"]["fields"]
    assert (await cabinet.me())["held"] == 0


async def test_the_count_of_a_pack_is_that_of_its_shots_said_or_not(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(80, balance=300)
    body = await pack(cabinet)
    for style, options, shots in (("seasons", {"count": 8}, 8), ("business", {"count": 23}, 23), ("travel", {}, 12)):
        shown = (await cabinet.post("/generations", {**body, "style": style, "options": options})).json()
        assert (shown["options"]["count"], shown["price"]) == (shots, shots * UNIT)


async def test_what_is_not_there_costs_nothing(open_cabinet: OpenCabinet) -> None:
    cabinet, other = await open_cabinet(78, balance=100), await open_cabinet(79)
    body, theirs = await pack(cabinet), await pack(other)
    for changes, expected in (
        ({"style": "nothing"}, (503, "STYLE_UNAVAILABLE")),
        ({"avatar": theirs["avatar"]}, (404, "NOT_FOUND")),
        ({"style": "business"}, (402, "INSUFFICIENT_CREDITS")),
        ({"max_price": 8 * UNIT - 1}, (409, "PRICE_CHANGED")),
    ):
        assert refusal(await cabinet.post("/generations", body | changes)) == expected
    assert (await cabinet.me())["credits"] == 100
