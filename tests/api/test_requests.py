"""The wire form of refusals, and requests that are none (spec §5)."""

import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from app.api.errors import STATUS_BY_KIND
from app.container import Container
from app.core.errors import ErrorKind
from app.domain.generations.options import LARGEST_SEED
from tests.api.conftest import OpenCabinet, connect, order, refusal


def fields_of(answer: httpx.Response) -> dict[str, str]:
    assert refusal(answer) == (422, "VALIDATION_ERROR"), answer.text
    return dict(answer.json()["params"]["fields"])


def test_every_kind_of_refusal_has_a_status() -> None:
    assert set(STATUS_BY_KIND) == set(ErrorKind)


async def test_a_refusal_has_four_fields_and_the_id_of_its_request(
    client: httpx.AsyncClient, container: Container
) -> None:
    answer = await client.get("/api/v1/me", headers={"X-Request-Id": "client-0001", "Accept-Language": "ru"})
    assert answer.json() == {
        "code": "UNAUTHENTICATED",
        "message": container.translator.translate("ru", "error-unauthenticated"),
        "params": {},
        "request_id": "client-0001",
    }
    assert answer.headers["X-Request-Id"] == "client-0001"


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "with space", "ü" * 10, "a\tb-----"])
async def test_a_request_id_that_looks_like_none_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/healthz", headers={b"X-Request-Id": given.encode("latin-1")})
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-Id"])


async def test_what_the_router_refuses_has_the_same_form(client: httpx.AsyncClient) -> None:
    for path in ("/api/v1/nothing", "/nothing", "/"):
        assert refusal(await client.get(path)) == (404, "NOT_FOUND")
    wrong_method = await client.put("/api/v1/me")
    assert refusal(wrong_method) == (405, "NOT_FOUND")
    assert "GET" in wrong_method.headers["Allow"]


async def test_a_failure_inside_says_nothing_about_the_inside(http: FastAPI) -> None:
    router = APIRouter()

    @router.get("/broken")
    async def break_down() -> None:
        message = "the password is hunter2"
        raise RuntimeError(message)

    http.include_router(router)
    async with connect(http) as client:
        answer = await client.get("/broken")
    assert refusal(answer) == (500, "INTERNAL_ERROR")
    assert "hunter2" not in answer.text
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b'"text"', b"[]", b"null", b"[" * 30_000, b'{"a":' + b"9" * 5_000 + b"}", b"NaN"],
)
async def test_a_body_that_is_no_object_is_refused_cleanly(open_cabinet: OpenCabinet, content: bytes) -> None:
    cabinet = await open_cabinet(7)
    answer = await cabinet.client.post(
        "/api/v1/generations", content=content, headers={"Content-Type": "application/json"}
    )
    assert fields_of(answer)


async def test_a_body_must_say_that_it_is_json(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    body = json.dumps(order()).encode()
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = await cabinet.client.post("/api/v1/generations", content=body, headers={"Content-Type": content_type})
        assert fields_of(answer), content_type


async def test_a_body_is_bounded_whether_its_length_is_told_or_not(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    body = json.dumps(order(prompt="x" * 70_000)).encode()

    async def in_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    for content in (body, in_pieces()):
        answer = await cabinet.client.post("/api/v1/generations", content=content)
        assert fields_of(answer) == {"body": "must be at most 64 KB"}
        assert answer.headers["Connection"] == "close"


MISFITS: list[tuple[dict[str, object], str]] = [
    ({"kind": "sculpture"}, "kind"),
    ({"funding": "gift"}, "funding"),
    ({"inputs": ["0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90"]}, "inputs"),
    ({"style": "Film Noir"}, "style"),
    ({"style": "x" * 65}, "style"),
    ({"style": "anime"}, "style"),
    ({"style": "film-poster", "prompt": ""}, "prompt"),
    ({"avatar": 1}, "avatar"),
    ({"model": 7}, "model"),
    ({"model": "Image Standard"}, "model"),
    ({"prompt": ""}, "prompt"),
    ({"prompt": "  \n "}, "prompt"),
    ({"prompt": "x" * 2_001}, "prompt"),
    ({"prompt": "a\0b"}, "prompt"),
    ({"prompt": None}, "prompt"),
    ({"negative_prompt": "x" * 2_001}, "negative_prompt"),
    ({"negative_prompt": "\0"}, "negative_prompt"),
    ({"options": {"count": 0}}, "options.count"),
    ({"options": {"count": 5}}, "options.count"),
    ({"options": {"count": "2"}}, "options.count"),
    ({"options": {"count": True}}, "options.count"),
    ({"options": {"count": 1.0}}, "options.count"),
    ({"options": {"seed": -1}}, "options.seed"),
    ({"options": {"seed": 2**32}}, "options.seed"),
    ({"options": {"seed": 2**64}}, "options.seed"),
    ({"options": {"aspect_ratio": "7:1"}}, "options.aspect_ratio"),
    ({"options": {"duration_seconds": 5}}, "options.duration_seconds"),
    ({"options": []}, "options"),
    ({"parent_id": "x"}, "parent_id"),
    ({"max_price": -1}, "max_price"),
    ({"surprise": 1}, "surprise"),
]


async def test_names_the_field_that_does_not_fit(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    for changes, field in MISFITS:
        for path in ("/generations", "/drafts"):
            assert list(fields_of(await cabinet.post(path, order(**changes)))) == [field], changes
    assert (await cabinet.me())["credits"] == 20


async def test_half_a_character_is_refused_wherever_it_stands(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    for body in (
        b'{"kind":"image","model":"image-standard","prompt":"a \\ud800 b"}',
        b'{"kind":"image","model":"image-standard","prompt":"a","\\ud800":1}',
    ):
        answer = await cabinet.client.post(
            "/api/v1/generations", content=body, headers={"Content-Type": "application/json"}
        )
        assert fields_of(answer)


@pytest.mark.parametrize("key", ["", "x" * 65, "ключ", "tab\t", "new\x7f"])
async def test_a_key_is_short_and_printable(open_cabinet: OpenCabinet, key: str) -> None:
    cabinet = await open_cabinet(7)
    answer = await cabinet.client.post(
        "/api/v1/generations", json=order(), headers={b"Idempotency-Key": key.encode("utf-8")}
    )
    assert list(fields_of(answer)) == ["Idempotency-Key"]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "x"},
        {"cursor": "x"},
        {"cursor": "AAAA"},
        {"cursor": "x" * 201},
        {"cursor": "\0"},
        {"kind": "film"},
        {"status": "COMPLETED"},
    ],
)
async def test_names_the_parameter_of_a_list_that_does_not_fit(
    open_cabinet: OpenCabinet, query: dict[str, str | int]
) -> None:
    cabinet = await open_cabinet(7)
    assert list(fields_of(await cabinet.get("/generations", **query))) == list(query)


async def test_answers_carry_the_headers_of_a_careful_server(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/api/v1/me")).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in headers
    assert not [name for name in headers if name.lower().startswith("access-control")]


async def test_figures_are_kept_by_route_and_not_by_path(
    client: httpx.AsyncClient, container: Container, open_cabinet: OpenCabinet
) -> None:
    cabinet = await open_cabinet(7)
    for number in range(3):
        await cabinet.get(f"/generations/0193c8a2-6f1e-7b54-9c1d-00000000000{number}")
        await client.get(f"/nothing/{number}")
    name = "starbrush_http_request_seconds_count"
    one = [("method", "GET"), ("route", "/api/v1/generations/{generation_id}"), ("status", "404")]
    assert container.metrics.value(name, one) == 3
    assert container.metrics.value(name, [("method", "GET"), ("route", "unmatched"), ("status", "404")]) == 3


async def test_the_largest_seed_of_the_service_is_taken_and_documented(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)
    answer = await cabinet.client.post("/api/v1/generations", json=order(options={"seed": LARGEST_SEED}))
    assert answer.status_code == 202, answer.text
    document = (await cabinet.client.get("/api/openapi.json")).json()
    seed = document["components"]["schemas"]["GenerationOptions"]["properties"]["seed"]
    assert LARGEST_SEED in {choice.get("maximum") for choice in seed["anyOf"]}
