"""Who is let in: launch data, sessions, bans, forgeries (traps 39 and 40; promise 7)."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from app.api.setup import create_http
from app.container import Container
from app.domain.actors import Actor
from app.settings import Settings
from tests.api.conftest import OpenCabinet, connect, order, refusal
from tests.api.signing import Person, sign

OPERATOR = Actor.operator("tests")
CALLS = [
    ("GET", "/me"),
    ("PATCH", "/me"),
    ("DELETE", "/me"),
    ("GET", "/catalog"),
    ("POST", "/drafts"),
    ("GET", "/drafts/0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90"),
    ("POST", "/drafts/0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90/start"),
    ("POST", "/generations"),
    ("GET", "/generations"),
    ("GET", "/generations/0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90"),
    ("DELETE", "/generations/0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90"),
    ("POST", "/generations/0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90/cancel"),
    ("POST", "/generations/0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90/unlock"),
    ("GET", "/ledger"),
    ("GET", "/events"),
    ("POST", "/payments"),
    ("GET", "/payments"),
    ("POST", "/gifts/0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90/revoke"),
    ("POST", "/subscription/cancel"),
    ("POST", "/subscription/resume"),
    ("POST", "/promo"),
    ("GET", "/referrals"),
]


async def session(client: httpx.AsyncClient, person: Person) -> httpx.Response:
    return await client.post("/api/v1/session", json={"init_data": person.init_data()})


async def test_the_first_call_creates_the_user_with_the_first_credits(client: httpx.AsyncClient) -> None:
    """Trap 40: the Mini App can be opened before `/start`."""
    person = Person(7, first_name="Дильноза", language="uz")
    me = (await client.get("/api/v1/me", headers=person.headers)).json()
    assert (me["first_name"], me["language"], me["credits"], me["tier"]) == ("Дильноза", "uz", 20, "free")
    ledger = (await client.get("/api/v1/ledger", headers=person.headers)).json()["items"]
    assert [(entry["kind"], entry["delta_available"]) for entry in ledger] == [("GRANT", 20)]


async def test_ten_first_calls_at_once_create_one_user_and_one_grant(client: httpx.AsyncClient) -> None:
    headers = Person(7).headers
    answers = await asyncio.gather(*(client.get("/api/v1/me", headers=headers) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert {answer.json()["credits"] for answer in answers} == {20}


async def test_a_session_signs_in_without_launch_data(client: httpx.AsyncClient, settings: Settings) -> None:
    answer = await session(client, Person(7))
    assert answer.status_code == 200
    assert answer.json()["expires_in"] == settings.session_ttl_seconds
    me = await client.get("/api/v1/me", headers={"Authorization": f"Bearer {answer.json()['token']}"})
    assert me.json() == answer.json()["user"]


async def test_every_call_needs_a_sign_in(client: httpx.AsyncClient) -> None:
    for method, path in CALLS:
        for header in (None, "", "Bearer", "Basic dTpw", "7"):
            headers = {} if header is None else {"Authorization": header}
            answer = await client.request(method, f"/api/v1{path}", headers=headers)
            assert answer.status_code == 401, f"{method} {path} {header}"
            assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["x", "ü", "x" * 1000, "0" * 43])
async def test_refuses_a_token_that_is_none_of_ours(client: httpx.AsyncClient, token: str) -> None:
    answer = await client.get("/api/v1/me", headers={b"Authorization": f"Bearer {token}".encode("latin-1")})
    assert refusal(answer) == (401, "SESSION_EXPIRED")


async def test_refuses_forged_and_stale_launch_data(client: httpx.AsyncClient) -> None:
    person = Person(7)
    forged = person.init_data().replace("Ann", "Bob")
    stale = person.init_data(age_seconds=86_400 + 60)
    future = person.init_data(age_seconds=-120)
    others = sign({"user": '{"id":7,"first_name":"Ann"}', "auth_date": "1733584787"}, "7342037359:another-bots-token")
    for init_data, code in (
        (forged, "INIT_DATA_INVALID"),
        (stale, "INIT_DATA_EXPIRED"),
        (future, "INIT_DATA_INVALID"),
        (others, "INIT_DATA_INVALID"),
    ):
        by_header = await client.get("/api/v1/me", headers={"Authorization": f"tma {init_data}"})
        assert refusal(by_header) == (401, code)
    by_body = await client.post("/api/v1/session", json={"init_data": forged})
    assert refusal(by_body) == (401, "INIT_DATA_INVALID")


@pytest.mark.parametrize("init_data", ["", "x" * 5000])
async def test_what_is_no_launch_data_is_refused_and_counted_in_both_forms(
    client: httpx.AsyncClient, init_data: str
) -> None:
    by_header = await client.get("/api/v1/me", headers={"Authorization": f"tma {init_data}"})
    assert refusal(by_header) == (401, "INIT_DATA_INVALID")
    answers = await _forge_until_refused(client, {"init_data": init_data})
    assert refusal(answers[0]) == (401, "INIT_DATA_INVALID")
    assert refusal(answers[-1]) == (429, "RATE_LIMIT_EXCEEDED")


async def test_a_little_ahead_of_our_clock_is_let_in(client: httpx.AsyncClient) -> None:
    headers = {"Authorization": f"tma {Person(7).init_data(age_seconds=-30)}"}
    assert (await client.get("/api/v1/me", headers=headers)).status_code == 200


async def test_a_flood_of_forgeries_is_told_to_wait_and_the_genuine_still_pass(client: httpx.AsyncClient) -> None:
    forged = {"init_data": Person(7).init_data().replace("Ann", "Bob")}
    answers = await _forge_until_refused(client, forged)
    assert {answer.status_code for answer in answers[:10]} == {401}
    assert refusal(answers[-1]) == (429, "RATE_LIMIT_EXCEEDED")
    assert answers[-1].headers["Retry-After"] == "10"
    assert (await session(client, Person(7))).status_code == 200


async def test_only_a_trusted_proxy_may_say_who_the_client_is(settings: Settings, container: Container) -> None:
    forged = {"init_data": Person(7).init_data().replace("Ann", "Bob")}

    async def flood(trusted_proxies: str) -> int:
        trusting = settings.model_copy(update={"trusted_proxies": trusted_proxies})
        app: FastAPI = create_http(_with_settings(container, trusting), telegram_router=APIRouter())
        async with connect(app) as client:
            return (await _forge_until_refused(client, forged, from_everywhere=True))[-1].status_code

    assert await flood("127.0.0.1") == 401
    assert await flood("") == 429


async def test_a_banned_user_is_refused_everywhere(client: httpx.AsyncClient, container: Container) -> None:
    """Trap 39, also with a session from before the ban."""
    person = Person(7, language="ru")
    token = (await session(client, person)).json()["token"]
    await container.services.users.ban(OPERATOR, 7, reason="a test")
    for method, path in CALLS:
        for headers in (person.headers, {"Authorization": f"Bearer {token}"}):
            answer = await client.request(method, f"/api/v1{path}", headers=headers, json=order())
            assert refusal(answer) == (403, "USER_BANNED"), f"{method} {path}"
            assert "заблокирован" in answer.json()["message"]
    assert refusal(await session(client, person)) == (403, "USER_BANNED")


async def test_a_suspended_user_is_told_until_when_and_why(client: httpx.AsyncClient, container: Container) -> None:
    headers = (person := Person(7)).headers
    await client.get("/api/v1/me", headers=headers)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    await container.services.users.suspend(OPERATOR, 7, until=until, reason="spam")
    answer = await client.post("/api/v1/generations", json=order(), headers=headers)
    assert refusal(answer) == (403, "USER_SUSPENDED")
    assert answer.json()["params"] == {"until": until.isoformat().replace("+00:00", "Z"), "reason": "spam"}
    assert until.strftime("suspended until %d.%m.%Y %H:%M UTC.") in answer.json()["message"]
    await container.services.users.unban(OPERATOR, person.telegram_id, reason="a test")
    assert (await client.get("/api/v1/me", headers=headers)).status_code == 200


async def test_erased_users_sessions_are_over(open_cabinet: OpenCabinet, client: httpx.AsyncClient) -> None:
    cabinet = await open_cabinet(7)
    token = (await session(client, cabinet.person)).json()["token"]
    assert (await cabinet.delete("/me")).status_code == 204
    answer = await client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert refusal(answer) == (401, "SESSION_EXPIRED")


async def test_who_comes_back_after_deletion_gets_no_second_grant_and_no_unban(
    open_cabinet: OpenCabinet, container: Container
) -> None:
    """Trap 37."""
    cabinet = await open_cabinet(7)
    assert (await cabinet.delete("/me")).status_code == 204
    assert (await cabinet.me())["credits"] == 0
    await container.services.users.ban(OPERATOR, 7, reason="a test")
    assert refusal(await cabinet.get("/me")) == (403, "USER_BANNED")


async def _forge_until_refused(
    client: httpx.AsyncClient, forged: dict[str, str], *, from_everywhere: bool = False
) -> list[httpx.Response]:
    """The answers up to the first 429, or to the hundredth: on a busy machine the counter may miss some."""
    answers: list[httpx.Response] = []
    while len(answers) < 100 and (not answers or answers[-1].status_code != 429):
        headers = {"X-Forwarded-For": f"198.51.100.{len(answers)}"} if from_everywhere else {}
        answers.append(await client.post("/api/v1/session", json=forged, headers=headers))
    return answers


def _with_settings(container: Container, settings: Settings) -> Container:
    """The same parts under other settings."""
    changed = object.__new__(Container)
    changed.__dict__.update(container.__dict__ | {"settings": settings})
    return changed
