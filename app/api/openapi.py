"""The description of the API: what FastAPI derives, with sign-in, examples and the words of every refusal."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from app.api.deps import SECURITY_SCHEMES
from app.api.errors import sentence
from app.core.i18n import FALLBACK_LANGUAGE, Translator

_DESCRIPTION: Final = """
The cabinet's API. Sign in with `POST /api/v1/session` and send `Authorization: Bearer <token>`, or send
`Authorization: tma <initData>` with any call.

Every refusal has the same form, `{code, message, params, request_id}`: `code` is stable, `message` is in the user's
language (before sign-in: by `Accept-Language`). A repeat is safe with an `Idempotency-Key`. Times are ISO 8601 in UTC,
ids are UUIDs, lists go on with `next_cursor`. Bodies are JSON of at most 64 KB without unknown fields.
""".strip()

_TAGS: Final = (
    ("session", "Sign in."),
    ("me", "The signed-in user."),
    ("catalogue", "What is on sale."),
    ("uploads", "Pictures to work from."),
    ("drafts", "A price locked, to be started later."),
    ("generations", "What was ordered, and what became of it."),
    ("ledger", "Where the credits went."),
    ("payments", "What was bought, and gifts."),
    ("subscription", "Premium that is renewed."),
    ("promotions", "Promo codes and invitations."),
    ("events", "Changes as they happen."),
    ("operation", "For whoever runs it."),
)

# What FastAPI writes for every success, whatever its status.
_UNSAID: Final = "Successful Response"
_OPERATIONS: Final = ("get", "post", "put", "patch", "delete")
_BY_TYPE: Final[Mapping[str, object]] = {
    "string": "text",
    "integer": 1,
    "number": 1.0,
    "boolean": False,
    "null": None,
}


def operation_id(route: APIRoute) -> str:
    """The function's name, which is unique over all modules of routes."""
    return route.name


def describe(app: FastAPI, translator: Translator) -> None:
    """Make `app.openapi()` answer with the whole description. It is built once, at the first asking."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app, translator)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the description


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation of a description: method, path, operation."""
    for path, methods in document["paths"].items():
        for method in _OPERATIONS:
            if method in methods:
                yield method, path, methods[method]


def _build(app: FastAPI, translator: Translator) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=_DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": description} for name, description in _TAGS],
    )
    components = document["components"]
    components["securitySchemes"] = SECURITY_SCHEMES
    for _, _, operation in operations(document):
        if "requestBody" in operation:
            _exemplify(operation["requestBody"], components["schemas"])
        for status, response in operation["responses"].items():
            if response["description"] == _UNSAID:
                response["description"] = HTTPStatus(int(status)).phrase
            _exemplify(response, components["schemas"])
            _translate(response, translator)
    return document


def _exemplify(message: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """Give a body of JSON an example, put together from those of its fields."""
    content = message.get("content", {}).get("application/json")
    if content and not {"example", "examples"} & content.keys():
        content["example"] = example_of(content["schema"], schemas)


def _translate(response: dict[str, Any], translator: Translator) -> None:
    examples = response.get("content", {}).get("application/json", {}).get("examples", {})
    for example in examples.values():
        value = example["value"]
        value["message"] = sentence(translator, FALLBACK_LANGUAGE, value["code"], value["params"])


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """A value that fits a schema, from the examples that stand in it."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if alternatives := schema.get("anyOf"):
        nullable = any(alternative.get("type") == "null" for alternative in alternatives)
        return None if nullable else example_of(alternatives[0], schemas)
    if schema.get("type") == "object":
        return {name: example_of(field, schemas) for name, field in schema.get("properties", {}).items()}
    if schema.get("type") == "array":
        return [example_of(schema["items"], schemas)]
    return _BY_TYPE[schema["type"]]
