"""The description and the routes say the same."""

import json
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

from app.api.openapi import operations
from app.api.setup import create_http
from app.api.webapp import bodies
from app.container import Container
from app.core.errors import AppError, message_key
from app.settings import Settings

ROUTES = {
    ("post", "/api/v1/session"),
    ("get", "/api/v1/me"),
    ("patch", "/api/v1/me"),
    ("delete", "/api/v1/me"),
    ("get", "/api/v1/catalog"),
    ("post", "/api/v1/drafts"),
    ("get", "/api/v1/drafts/{draft_id}"),
    ("post", "/api/v1/drafts/{draft_id}/start"),
    ("post", "/api/v1/generations"),
    ("get", "/api/v1/generations"),
    ("get", "/api/v1/generations/{generation_id}"),
    ("delete", "/api/v1/generations/{generation_id}"),
    ("post", "/api/v1/generations/{generation_id}/cancel"),
    ("post", "/api/v1/generations/{generation_id}/unlock"),
    ("get", "/api/v1/ledger"),
    ("get", "/api/v1/styles"),
    ("post", "/api/v1/payments"),
    ("get", "/api/v1/payments"),
    ("post", "/api/v1/gifts/{gift_id}/revoke"),
    ("post", "/api/v1/subscription/cancel"),
    ("post", "/api/v1/subscription/resume"),
    ("post", "/api/v1/uploads"),
    ("get", "/api/v1/avatars"),
    ("post", "/api/v1/avatars"),
    ("delete", "/api/v1/avatars/{avatar_id}"),
    ("post", "/api/v1/promo"),
    ("get", "/api/v1/referrals"),
    ("get", "/api/v1/events"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/api/health"),
    ("get", "/metrics"),
}
OPEN = {("post", "/api/v1/session"), ("get", "/healthz"), ("get", "/readyz"), ("get", "/api/health")}


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """Built as `starbrush openapi` does it: nothing is opened, no server is asked."""
    return create_http(Container(settings), telegram_router=APIRouter())


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def test_describes_every_route_and_no_other(app: FastAPI, document: dict[str, Any]) -> None:
    served = {
        (method.lower(), str(context.path))
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute) and context.original_route.include_in_schema
        for method in context.methods or ()
    }
    assert {(method, path) for method, path, _ in operations(document)} == served == ROUTES


def test_every_operation_is_told_in_full(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        assert operation["tags"], where
        assert bool(operation.get("security")) is ((method, path) not in OPEN), where
        for status, response in operation["responses"].items():
            assert response["description"], f"{where} {status}"
            if content := response.get("content", {}).get("application/json"):
                assert content.get("example") or content.get("examples"), f"{where} {status}"


def test_every_refusal_has_its_status_and_an_example_in_words(document: dict[str, Any]) -> None:
    told: set[str] = set()
    for method, path, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) < 400 or path == "/readyz":
                continue
            examples = response["content"]["application/json"]["examples"]
            for code, example in examples.items():
                value = example["value"]
                assert value["code"] == code
                assert value["message"], f"{method} {path} {code}"
                assert value["message"] != message_key(code), f"{method} {path} {code}"
                told.add(code)
    # What no operation of the API answers: the kind of a refusal, and what belongs to operators alone.
    silent = {"USER_NOT_FOUND", "REFUND_EXCEEDS_BALANCE"}
    known = {error.code for error in _subclasses(AppError) if "code" in vars(error)}
    assert told == known - silent


def test_signed_in_operations_own_up_to_every_refusal_of_sign_in(document: dict[str, Any]) -> None:
    expected = {"UNAUTHENTICATED", "INIT_DATA_INVALID", "INIT_DATA_EXPIRED", "SESSION_EXPIRED"}
    for method, path, operation in operations(document):
        if path.startswith("/api/v1") and (method, path) not in OPEN:
            examples = operation["responses"]["401"]["content"]["application/json"]["examples"]
            assert set(examples) == expected, f"{method} {path}"
            assert {"USER_BANNED", "USER_SUSPENDED"} <= set(
                operation["responses"]["403"]["content"]["application/json"]["examples"]
            )


def test_examples_of_bodies_are_accepted(document: dict[str, Any]) -> None:
    tried = 0
    for _, _, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            continue
        reference = content["schema"].get("$ref") or content["schema"]["anyOf"][0]["$ref"]
        model: type[BaseModel] = getattr(bodies, reference.rpartition("/")[2])
        if content["example"] is not None:
            model.model_validate_json(json.dumps(content["example"]))
            tried += 1
    assert tried >= 4


def test_ids_and_times_have_their_formats(document: dict[str, Any]) -> None:
    fields = document["components"]["schemas"]["Generation"]["properties"]
    assert fields["id"]["format"] == "uuid"
    assert fields["created_at"]["format"] == "date-time"
    assert set(fields["status"]["enum"]) == {"pending", "processing", "completed", "failed", "cancelled"}


def test_nothing_of_fastapis_own_errors_is_left(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_the_page_needs_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/api/docs")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for path in ("/api/docs/docs.css", "/api/docs/docs.js", "/api/openapi.json"):
        part = await client.get(path)
        assert part.status_code == 200, path
        assert path in page.text
    script = await client.get("/api/docs/docs.js")
    for text in (page.text, script.text):
        assert "https://" not in text
        assert "innerHTML" not in text
    assert (await client.get("/api/docs/../setup.py")).status_code == 404


def _subclasses(error: type[AppError]) -> set[type[AppError]]:
    found = set(error.__subclasses__())
    return found | {deeper for subclass in found for deeper in _subclasses(subclass)}
