"""The HTTP side over real services and servers, without a socket; every answer is compared with the description."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from app.api.openapi import operations
from app.api.setup import create_http
from app.container import Container
from app.domain.actors import Actor
from app.domain.errors import FailureReason
from app.domain.generations import claims, settle
from app.domain.generations.models import Status
from app.settings import Settings
from tests.api.signing import Person

OPERATOR = Actor.operator("tests")
NOBODY = "http://127.0.0.1:9"

_DESCRIPTIONS: list["Description"] = []
OpenCabinet = Callable[..., Awaitable["Cabinet"]]


@pytest.fixture
def settings(app_environment: dict[str, str]) -> Settings:
    """The settings of a process whose Telegram and vendor do not answer."""
    environment: dict[str, Any] = {
        **app_environment,
        "PUBLIC_URL": "http://api.test",
        "TELEGRAM_API_URL": NOBODY,
        "DEMO_BASE_URL": f"{NOBODY}/vendor",
    }
    return Settings(_env_file=None, **{name.lower(): value for name, value in environment.items()})


@pytest.fixture
async def container(settings: Settings) -> AsyncIterator[Container]:
    async with Container(settings) as container:
        await container.seed()
        yield container


@pytest.fixture
def http(container: Container) -> FastAPI:
    return create_http(container, telegram_router=APIRouter())


@pytest.fixture
async def client(http: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who is not signed in."""
    async with connect(http) as client:
        yield client


@pytest.fixture
async def open_cabinet(http: FastAPI, container: Container) -> AsyncIterator[OpenCabinet]:
    """Signs a person in with launch data: `await open_cabinet(7, balance=40)`; `balance` is what they then have."""
    opened: list[Cabinet] = []

    async def sign_in(telegram_id: int, *, balance: int | None = None, language: str = "en") -> Cabinet:
        person = Person(telegram_id, language=language)
        cabinet = Cabinet(connect(http, person.headers), person, container)
        opened.append(cabinet)
        me = await cabinet.me()
        if balance is not None and balance != me["credits"]:
            delta = balance - me["credits"]
            await container.services.credits.adjust(OPERATOR, telegram_id, delta, reason="a test")
        return cabinet

    yield sign_in
    for cabinet in opened:
        await cabinet.client.aclose()


def connect(http: FastAPI, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
    """A client that fails a test when an answer is not in the description."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(http),
        base_url="http://api.test",
        headers=headers,
        event_hooks={"response": [_description(http).check]},
    )


def _description(http: FastAPI) -> "Description":
    """The same for every app of the session, and slow to build."""
    if not _DESCRIPTIONS:
        _DESCRIPTIONS.append(Description(http))
    return _DESCRIPTIONS[0]


class Description:
    """The OpenAPI document, as a judge of answers."""

    def __init__(self, http: FastAPI) -> None:
        self._operations = [
            (method, re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operation)
            for method, path, operation in operations(http.openapi())
        ]

    async def check(self, response: httpx.Response) -> None:
        """Fails for a status or an error code that the operation does not own up to."""
        request = response.request
        operation = self._find(request.method.lower(), request.url.path)
        if operation is None:
            return
        described = operation["responses"].get(str(response.status_code))
        assert described, f"{request.method} {request.url.path} answered {response.status_code}, undescribed"
        if response.status_code >= 400:
            await response.aread()
            codes = described["content"]["application/json"].get("examples")
            assert codes is None or response.json()["code"] in codes, f"{response.text} is not described"

    def _find(self, method: str, path: str) -> dict[str, Any] | None:
        return next(
            (
                operation
                for known, pattern, operation in self._operations
                if known == method and pattern.fullmatch(path)
            ),
            None,
        )


class Cabinet:
    """A signed-in person's view of the API."""

    def __init__(self, client: httpx.AsyncClient, person: Person, container: Container) -> None:
        self.client = client
        self.person = person
        self.container = container

    async def get(self, path: str, **query: str | int) -> httpx.Response:
        return await self.client.get(f"/api/v1{path}", params=query)

    async def post(self, path: str, body: object = None, *, key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        if body is None:
            return await self.client.post(f"/api/v1{path}", headers=headers)
        return await self.client.post(f"/api/v1{path}", json=body, headers=headers)

    async def patch(self, path: str, body: object) -> httpx.Response:
        return await self.client.patch(f"/api/v1{path}", json=body)

    async def delete(self, path: str) -> httpx.Response:
        return await self.client.delete(f"/api/v1{path}")

    async def me(self) -> dict[str, Any]:
        answer = await self.get("/me")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def submit(self, *, key: str | None = None, **changes: object) -> httpx.Response:
        return await self.post("/generations", order(**changes), key=key)

    async def submit_many(self, count: int, **options: Any) -> list[httpx.Response]:
        """So many at the same moment."""
        return await asyncio.gather(*(self.submit(**options) for _ in range(count)))

    async def ledger(self) -> list[dict[str, Any]]:
        """The whole statement."""
        answer = await self.get("/ledger", limit=100)
        assert answer.json()["next_cursor"] is None
        return list(answer.json()["items"])

    async def claim(self, generation_id: str) -> claims.Lease:
        """Take a generation to work on, as a worker would."""
        async with self.container.db.transaction() as tx:
            lease = await claims.claim(
                tx, UUID(generation_id), owner=uuid4(), lease=timedelta(seconds=12), fallback_timeout_seconds=600
            )
        assert lease is not None, f"{generation_id} cannot be claimed"
        return lease

    async def settle(self, generation_id: str, status: Status = Status.COMPLETED) -> None:
        """End a generation, as a worker would."""
        lease = await self.claim(generation_id)
        completed = status is Status.COMPLETED
        ending = settle.Ending(
            status,
            stored=lease.output_count if completed else 0,
            reason="a test",
            error_code=None if completed else FailureReason.PROVIDER_ERROR,
        )
        async with self.container.db.transaction() as tx:
            await settle.settle_leased(tx, lease, ending)


def order(**changes: object) -> dict[str, object]:
    """The body of a generation."""
    return {"kind": "image", "model": "image-standard", "prompt": "a red kite over the sea", **changes}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code, which is empty where nothing was refused."""
    return answer.status_code, answer.json().get("code", "")
