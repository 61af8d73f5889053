"""Generations and drafts by HTTP: read, list, cancel, delete, start; nobody sees another's (promise 7)."""

import re
from uuid import UUID, uuid4

import httpx
from sqlalchemy import text

from app.container import Container
from app.core.ids import new_id
from app.domain.actors import Actor
from app.domain.generations.models import Status
from tests.api.conftest import OpenCabinet, order, refusal

PRICE = 4
KINDS = ("image", "edit", "video", "upscale", "pack")
SHAPE = {
    "id", "kind", "status", "model", "prompt", "options", "price", "charged", "returned", "funding", "progress",
    "outputs", "error", "parent_id", "inputs", "style", "avatar", "created_at", "started_at", "completed_at",
}  # fmt: skip
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def test_a_generation_has_the_shape_of_the_contract(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    options = {"aspect_ratio": "3:4", "count": 2, "seed": 9}
    made = (await cabinet.submit(options=options, negative_prompt="rain")).json()
    assert set(made) == SHAPE
    assert (made["options"], made["inputs"]) == ({**options, "duration_seconds": None}, [])
    assert (made["status"], made["price"], made["charged"], made["returned"]) == ("pending", 2 * PRICE, 0, 0)
    assert made["progress"] == {"stage": "queued", "percent": 0, "queue_position": 1, "eta_seconds": None}
    assert (made["outputs"], made["error"], made["completed_at"]) == ([], None, None)
    assert TIME.fullmatch(made["created_at"])
    assert UUID(made["id"]).version == 7
    assert (await cabinet.get(f"/generations/{made['id']}")).json() == made


async def test_what_is_left_out_is_the_models_default(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    catalogue = (await cabinet.get("/catalog")).json()
    model = catalogue["models"][0]
    made = (await cabinet.submit(model=model["key"])).json()
    assert made["options"] == {
        "aspect_ratio": model["options"]["default_aspect_ratio"],
        "count": 1,
        "seed": None,
        "duration_seconds": None,
    }
    assert made["price"] == model["price"]
    assert catalogue["styles"] == (await cabinet.get("/styles")).json()["items"]


async def test_the_catalogue_speaks_the_users_language(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, language="ru")
    assert (await cabinet.get("/catalog")).json()["models"][0]["title"] == "Стандарт"
    changed = await cabinet.patch("/me", {"language": "uz", "quick_mode": True})
    assert (changed.json()["language"], changed.json()["quick_mode"]) == ("uz", True)
    assert (await cabinet.get("/catalog")).json()["models"][0]["title"] == "Standart"
    assert refusal(await cabinet.patch("/me", {"language": "tlh"})) == (422, "VALIDATION_ERROR")
    assert refusal(await cabinet.patch("/me", {"quick_mode": "yes"})) == (422, "VALIDATION_ERROR")


async def test_a_completed_one_has_links_that_work(open_cabinet: OpenCabinet, container: Container) -> None:
    cabinet = await open_cabinet(7)
    made = (await cabinet.submit()).json()["id"]
    await cabinet.settle(made)
    key = f"tests-api/{made}"
    await container.storage.put(f"{key}.png", b"picture", mime="image/png")
    await container.storage.put(f"{key}.jpg", b"preview", mime="image/jpeg")
    await _store_output(container, made, key)
    done = (await cabinet.get(f"/generations/{made}")).json()
    assert (done["status"], done["charged"], done["returned"]) == ("completed", PRICE, 0)
    assert done["progress"]["stage"] == "done"
    assert TIME.fullmatch(done["completed_at"])
    (output,) = done["outputs"]
    assert (output["mime"], output["width"], output["height"]) == ("image/png", 1024, 768)
    assert (output["duration_seconds"], output["watermarked"]) == (None, False)
    async with httpx.AsyncClient() as browser:
        assert (await browser.get(output["url"])).content == b"picture"
        assert (await browser.get(output["preview_url"])).content == b"preview"
        unsigned = await browser.get(output["url"].partition("?")[0])
        assert unsigned.status_code >= 400


async def test_a_failed_one_says_why_and_that_the_credits_are_back(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, language="ru")
    made = (await cabinet.submit()).json()["id"]
    await cabinet.settle(made, Status.FAILED)
    failed = (await cabinet.get(f"/generations/{made}")).json()
    assert (failed["status"], failed["charged"], failed["returned"]) == ("failed", 0, PRICE)
    assert failed["error"]["code"] == "PROVIDER_ERROR"
    assert f"{PRICE}\u00a0💎" in failed["error"]["message"]
    statement = await cabinet.ledger()
    assert [entry["kind"] for entry in statement] == ["RELEASE", "HOLD", "GRANT"]
    assert statement[0]["reference"] == f"generation:{made}"
    assert all(entry["text"] and not entry["text"].startswith("ledger-") for entry in statement)


async def test_lists_page_by_page_newest_first_without_gap_or_repeat(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, balance=100)
    ids = [(await cabinet.submit()).json()["id"] for _ in range(5)]
    for path, size in (("/generations", 5), ("/ledger", 7)):
        seen: list[object] = []
        page = (await cabinet.get(path, limit=2)).json()
        while True:
            assert set(page) == {"items", "next_cursor"}
            seen += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            page = (await cabinet.get(path, limit=2, cursor=page["next_cursor"])).json()
        assert len(seen) == len(set(seen)) == size
        if path == "/generations":
            assert seen == ids[::-1]


async def test_lists_by_kind_and_status(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    done, waiting = [(await cabinet.submit()).json()["id"] for _ in range(2)]
    await cabinet.settle(done)
    for query, expected in (
        ({"status": "completed"}, [done]),
        ({"status": "pending"}, [waiting]),
        ({"status": "failed"}, []),
        ({"kind": "image"}, [waiting, done]),
    ):
        items = (await cabinet.get("/generations", **query)).json()["items"]
        assert [item["id"] for item in items] == expected


async def test_cancels_what_waits_at_once_and_in_full(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    made = (await cabinet.submit()).json()["id"]
    answer = await cabinet.post(f"/generations/{made}/cancel")
    assert (answer.status_code, answer.json()["status"], answer.json()["returned"]) == (200, "cancelled", PRICE)
    assert (await cabinet.me())["credits"] == 20
    again = await cabinet.post(f"/generations/{made}/cancel")
    assert refusal(again) == (409, "GENERATION_NOT_CANCELLABLE")


async def test_a_cancel_at_the_vendor_is_on_its_way(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    made = (await cabinet.submit()).json()["id"]
    await cabinet.claim(made)
    answer = await cabinet.post(f"/generations/{made}/cancel")
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["progress"]["stage"]) == ("processing", "cancelling")
    assert (await cabinet.me())["held"] == PRICE


async def test_deletes_what_is_finished_and_only_that(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    made = (await cabinet.submit()).json()["id"]
    assert refusal(await cabinet.delete(f"/generations/{made}")) == (409, "GENERATION_NOT_CANCELLABLE")
    await cabinet.settle(made)
    deleted = await cabinet.delete(f"/generations/{made}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert refusal(await cabinet.get(f"/generations/{made}")) == (404, "GENERATION_NOT_FOUND")
    assert refusal(await cabinet.delete(f"/generations/{made}")) == (404, "GENERATION_NOT_FOUND")
    assert (await cabinet.get("/generations")).json()["items"] == []
    assert [entry["kind"] for entry in await cabinet.ledger()] == ["CAPTURE", "HOLD", "GRANT"]


async def test_nobody_reaches_what_is_somebody_elses(open_cabinet: OpenCabinet) -> None:
    """Promise 7: another's object and one that never was cannot be told apart."""
    owner, stranger = await open_cabinet(7), await open_cabinet(8)
    draft = (await owner.post("/drafts", order())).json()["id"]
    made = (await owner.submit()).json()["id"]
    for known, code, calls in (
        (made, "GENERATION_NOT_FOUND", (("GET", ""), ("DELETE", ""), ("POST", "/cancel"))),
        (draft, "NOT_FOUND", (("GET", ""), ("POST", "/start"))),
    ):
        kind = "generations" if known == made else "drafts"
        for method, rest in calls:
            answers = [
                await stranger.client.request(method, f"/api/v1/{kind}/{object_id}{rest}")
                for object_id in (known, uuid4())
            ]
            assert [refusal(answer) for answer in answers] == [(404, code)] * 2, f"{method} {kind}{rest}"
            assert answers[0].json()["message"] == answers[1].json()["message"]
    for parent in (made, str(uuid4())):
        assert refusal(await stranger.submit(parent_id=parent)) == (404, "GENERATION_NOT_FOUND")
        assert refusal(await stranger.post("/drafts", order(parent_id=parent))) == (404, "GENERATION_NOT_FOUND")
    assert (await stranger.get("/generations")).json()["items"] == []
    assert len(await stranger.ledger()) == 1
    assert (await owner.get(f"/generations/{made}")).json()["status"] == "pending"


async def test_a_parent_of_ones_own_is_kept(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    parent = (await cabinet.submit()).json()["id"]
    child = (await cabinet.submit(parent_id=parent)).json()
    assert child["parent_id"] == parent


async def test_a_draft_locks_its_price_and_starts_once(open_cabinet: OpenCabinet, container: Container) -> None:
    cabinet = await open_cabinet(7)
    answer = await cabinet.post("/drafts", order(options={"count": 2}))
    draft = answer.json()
    assert answer.status_code == 201
    assert set(draft) == {"id", "price", "stars", "rub", "status", "expires_at", "generation_id"}
    assert (draft["price"], draft["status"], draft["generation_id"]) == (2 * PRICE, "open", None)
    async with container.db.transaction() as tx:
        await tx.execute(text("UPDATE models SET price_credits = 9"))
    container.services.catalog.forget()
    started = await cabinet.post(f"/drafts/{draft['id']}/start", {})
    assert (started.status_code, started.json()["price"]) == (202, 2 * PRICE)
    again = await cabinet.post(f"/drafts/{draft['id']}/start")
    assert refusal(again) == (409, "DUPLICATE_REQUEST")
    assert again.json()["params"] == {"generation_id": started.json()["id"]}
    assert (await cabinet.get(f"/drafts/{draft['id']}")).json() == {
        **draft,
        "status": "started",
        "generation_id": started.json()["id"],
    }
    assert (await cabinet.me())["held"] == 2 * PRICE


async def test_a_draft_that_costs_too_much_does_not_start(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, balance=PRICE - 1)
    draft = (await cabinet.post("/drafts", order())).json()["id"]
    assert refusal(await cabinet.post(f"/drafts/{draft}/start")) == (402, "INSUFFICIENT_CREDITS")
    await cabinet.container.services.credits.adjust(Actor.operator("tests"), 7, 1, reason="a test")
    assert (await cabinet.post(f"/drafts/{draft}/start")).status_code == 202


async def test_a_draft_is_not_started_on_a_payment_of_nobodys(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    draft = (await cabinet.post("/drafts", order())).json()["id"]
    answer = await cabinet.post(f"/drafts/{draft}/start", {"payment_id": str(new_id())})
    assert refusal(answer) == (404, "PAYMENT_NOT_FOUND")
    assert (await cabinet.me())["held"] == 0


async def test_an_expired_draft_is_gone(open_cabinet: OpenCabinet, container: Container) -> None:
    cabinet = await open_cabinet(7)
    draft = (await cabinet.post("/drafts", order())).json()["id"]
    async with container.db.transaction() as tx:
        await tx.execute(text("UPDATE drafts SET expires_at = clock_now()"))
    assert (await cabinet.get(f"/drafts/{draft}")).json()["status"] == "expired"
    assert refusal(await cabinet.post(f"/drafts/{draft}/start")) == (404, "NOT_FOUND")


async def test_a_key_makes_one_draft(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    first = await cabinet.post("/drafts", order(), key="k")
    again = await cabinet.post("/drafts", order(max_price=PRICE), key="k")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    other_body = await cabinet.post("/drafts", order(prompt="another"), key="k")
    assert refusal(other_body) == (422, "IDEMPOTENCY_KEY_REUSED")
    other_key = await cabinet.post("/drafts", order(), key="l")
    assert (other_key.status_code, other_key.json()["id"] == first.json()["id"]) == (201, False)


async def test_a_draft_above_the_clients_limit_is_refused(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    answer = await cabinet.post("/drafts", order(max_price=PRICE - 1), key="k")
    assert refusal(answer) == (409, "PRICE_CHANGED")
    assert answer.json()["params"] == {"price": PRICE}
    # Nothing was written, the key included.
    assert (await cabinet.post("/drafts", order(prompt="another"), key="k")).status_code == 201


async def test_a_drafts_body_is_judged_before_its_key(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    await cabinet.post("/drafts", order(), key="k")
    assert refusal(await cabinet.post("/drafts", order(prompt=""), key="k")) == (422, "VALIDATION_ERROR")


async def test_what_is_left_empty_is_as_if_not_said(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    empty = order(inputs=[], style="", avatar=None, negative_prompt=None, options={}, funding="credits")
    nothing = order(inputs=None, style=None, avatar="")
    first = await cabinet.post("/drafts", order(), key="k")
    for body in (empty, nothing):
        assert (await cabinet.post("/drafts", body, key="k")).json() == first.json()
    assert (await cabinet.post("/generations", empty, key="k")).status_code == 202
    assert refusal(await cabinet.post("/generations", nothing, key="k")) == (409, "DUPLICATE_REQUEST")
    assert (await cabinet.post(f"/drafts/{first.json()['id']}/start", {"payment_id": None})).status_code == 202


async def test_kinds_of_which_there_are_none_yet_are_an_empty_list(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    assert (await cabinet.submit()).status_code == 202
    found = {kind: len((await cabinet.get("/generations", kind=kind)).json()["items"]) for kind in KINDS}
    assert found == {"image": 1, "edit": 0, "video": 0, "upscale": 0, "pack": 0}


async def test_a_rejected_prompt_costs_nothing(open_cabinet: OpenCabinet, container: Container) -> None:
    cabinet = await open_cabinet(7)
    rules = {"words": {"spam": ["forbiddenword"]}, "patterns": {}}
    await container.services.moderation.replace(Actor.operator("tests"), rules, reason="a test")
    answer = await cabinet.submit(prompt="a forbiddenword in the sky")
    assert refusal(answer) == (422, "PROMPT_REJECTED")
    assert answer.json()["params"] == {"category": "spam"}
    assert ((await cabinet.me())["credits"], len(await cabinet.ledger())) == (20, 1)


async def _store_output(container: Container, generation_id: str, key: str) -> None:
    async with container.db.transaction() as tx:
        await tx.execute(
            text(
                """
                INSERT INTO generation_outputs (id, generation_id, output_index, fence, storage_key, preview_key,
                    thumbnail_key, mime, width, height, size_bytes, preview_size_bytes)
                VALUES (:id, :generation_id, 0, 1, :original, :preview, :preview, 'image/png', 1024, 768, 7, 7)
                """
            ),
            {"id": new_id(), "generation_id": UUID(generation_id), "original": f"{key}.png", "preview": f"{key}.jpg"},
        )
