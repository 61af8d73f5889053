"""Whatever is sent, the answer is described and never a 500; no secret is logged (trap 47)."""

import string
from typing import Any
from uuid import uuid4

import httpx
import structlog
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.paging import encode_cursor
from app.settings import Settings
from tests.api.conftest import OpenCabinet, connect
from tests.api.signing import Person
from tests.harness import BOT_TOKEN

EXAMPLES = 60
FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    # The database, app and user are the test's own; every example adds at most a few rows to them.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=40),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=12), children, max_size=3),
    max_leaves=8,
)
nearly_orders = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.just("image") | anything,
        "model": st.sampled_from(["image-standard", "image-pro", "", "image_standard\n"]) | anything,
        "prompt": st.text(min_size=1, max_size=50) | anything,
        "negative_prompt": st.none() | st.text(max_size=50) | anything,
        "options": st.fixed_dictionaries(
            {},
            optional={
                "aspect_ratio": st.sampled_from(["1:1", "16:9"]) | anything,
                "count": st.integers(-1, 6) | anything,
                "seed": st.integers() | anything,
            },
        )
        | anything,
        "parent_id": st.uuids().map(str) | anything,
        "style": st.sampled_from(["film-poster", "anime", "copy-look", "no-such-style", "", "a\n"]) | anything,
        "funding": st.just("credits") | anything,
        "max_price": st.integers(0, 20) | anything,
    },
)
# Latin-1, since that is what a header can carry at all.
header_values = st.text(
    alphabet=st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=80
)
cursors = st.text(alphabet=string.ascii_letters + string.digits + "-_=", max_size=80) | st.text(max_size=20)


_UNAVAILABLE = {"MODEL_UNAVAILABLE", "STYLE_UNAVAILABLE"}


def assert_answered(answer: httpx.Response) -> None:
    assert answer.status_code < 500 or answer.json()["code"] in _UNAVAILABLE, answer.text
    if answer.status_code >= 400:
        assert set(answer.json()) == {"code", "message", "params", "request_id"}


async def test_no_body_breaks_an_order(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7, balance=100_000)

    async def send(body: Any) -> None:
        for path in ("/generations", "/drafts", "/session"):
            assert_answered(await cabinet.post(path, body))
        assert_answered(await cabinet.patch("/me", body))

    await _fuzz(send, nearly_orders | anything)


async def test_no_bytes_break_the_parser(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)

    async def send(content: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        assert_answered(await cabinet.client.post("/api/v1/generations", content=content, headers=headers))

    await _fuzz(send, st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-16")))


async def test_no_header_breaks_the_border(http: FastAPI) -> None:
    async with connect(http) as client:

        async def send(value: str) -> None:
            raw = value.encode("latin-1")
            for name in (b"Authorization", b"Idempotency-Key", b"Accept-Language", b"X-Request-Id"):
                assert_answered(await client.get("/api/v1/me", headers={name: raw}))
            for scheme in (b"tma ", b"Bearer "):
                assert_answered(await client.get("/api/v1/me", headers={b"Authorization": scheme + raw}))

        await _fuzz(send, header_values)


async def test_no_cursor_breaks_a_list(open_cabinet: OpenCabinet) -> None:
    cabinet = await open_cabinet(7)

    async def send(cursor: str) -> None:
        for path in ("/generations", "/ledger"):
            assert_answered(await cabinet.get(path, cursor=cursor))

    await _fuzz(send, cursors)


async def test_no_forged_cursor_breaks_a_list(open_cabinet: OpenCabinet) -> None:
    """Cursors of the right form whose contents no list of ours ever had."""
    cabinet = await open_cabinet(7)
    ids = ("0", "-1", str(2**63), "9" * 60, "1_0", "\0", "٣")
    times = (
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-11-21T00:00:00",
        "2026-11-21T00:00:00+00:00",
        "2026-W01",
    )
    keys = (str(uuid4()), str(uuid4()).replace("-", ""), "\0", "{" + str(uuid4()) + "}")
    forged = [encode_cursor(row_id) for row_id in ids] + [encode_cursor(at, key) for at in times for key in keys]
    for cursor in forged:
        for path in ("/generations", "/ledger"):
            assert_answered(await cabinet.get(path, cursor=cursor))


async def _fuzz(send: Any, strategy: st.SearchStrategy[Any]) -> None:
    """Draw examples inside the running event loop, which Hypothesis's own decorator cannot do."""
    for example in _examples(strategy):
        await send(example)


def _examples(strategy: st.SearchStrategy[Any]) -> list[Any]:
    drawn: list[Any] = []

    @FUZZ
    @given(strategy)
    def draw(example: Any) -> None:
        drawn.append(example)

    draw()
    return drawn


async def test_nothing_secret_is_logged(http: FastAPI, settings: Settings) -> None:
    """Trap 47: neither the bot's token nor a session's, nor launch data, whatever comes of the call."""
    person = Person(7)
    init_data = person.init_data()
    with structlog.testing.capture_logs() as logs:
        async with connect(http) as client:
            token = (await client.post("/api/v1/session", json={"init_data": init_data})).json()["token"]
            await client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}, params={"token": token})
            await client.get("/api/v1/me", headers={"Authorization": f"tma {init_data}"})
            await client.get("/api/v1/me", headers={"Authorization": f"tma {init_data}x"})
            await client.get("/api/v1/ledger", params={"cursor": BOT_TOKEN}, headers=person.headers)
            await client.get("/metrics", headers={"Authorization": "Bearer wrong"})
    text = str(logs)
    assert len(logs) >= 6
    launch_hash = init_data.rpartition("hash=")[2]
    for secret in (token, launch_hash, BOT_TOKEN, settings.metrics_token.get_secret_value()):
        assert secret not in text
