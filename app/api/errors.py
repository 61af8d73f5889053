"""Refusals on the wire (spec §5): one table of statuses, one form of body, one way to document them."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_jsonable_python
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from app.api.languages import language_of
from app.core.errors import AppError, ErrorKind, message_key
from app.core.i18n import Translator, moment
from app.domain.errors import (
    DuplicateRequest,
    InsufficientCredits,
    MaxActiveGenerations,
    NotFound,
    PriceChanged,
    PromptRejected,
    RateLimitExceeded,
    RefundExceedsBalance,
    UploadInvalid,
    UploadTooLarge,
    UserSuspended,
    ValidationFailed,
)

log = structlog.get_logger(__name__)

STATUS_BY_KIND: Final[Mapping[ErrorKind, HTTPStatus]] = {
    ErrorKind.VALIDATION: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorKind.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    ErrorKind.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorKind.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorKind.PAYMENT_REQUIRED: HTTPStatus.PAYMENT_REQUIRED,
    ErrorKind.CONFLICT: HTTPStatus.CONFLICT,
    ErrorKind.UNPROCESSABLE: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorKind.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorKind.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorKind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorKind.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}

_EXAMPLE_ID: Final = "0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90"
# What stands in `params`, for the documentation; a class that is missing here has none.
_EXAMPLE_PARAMS: Final[Mapping[type[AppError], Mapping[str, object]]] = {
    ValidationFailed: {"fields": {"options.count": "must be from 1 to 4"}},
    UserSuspended: {"until": "2027-01-31T12:00:00Z", "reason": "spam"},
    InsufficientCredits: {"required": 10, "available": 4},
    DuplicateRequest: {"generation_id": _EXAMPLE_ID},
    PriceChanged: {"price": 12},
    MaxActiveGenerations: {"limit": 5},
    RateLimitExceeded: {"retry_after": 42},
    PromptRejected: {"category": "violence"},
    RefundExceedsBalance: {"required": 100, "available": 40},
    UploadInvalid: {"problem": "damaged"},
    UploadTooLarge: {"limit_megabytes": 20},
}

# A hostile body can be wrong in thousands of places, under names of any length.
_MOST_FIELDS: Final = 20
_LONGEST_FIELD_NAME: Final = 100


class ErrorBody(BaseModel):
    """Every refusal looks like this."""

    model_config = ConfigDict(frozen=True)

    code: str = Field(description="Stable; what a program looks at.")
    message: str = Field(description="What to tell the user, in their language.")
    params: dict[str, Any] = Field(description="The figures of the message; which ones depends on the code.")
    request_id: str = Field(description="Also the header `X-Request-Id`; what to quote to support.")


def status_of(error: type[AppError] | AppError) -> HTTPStatus:
    """The HTTP status of a refusal."""
    return STATUS_BY_KIND[error.kind]


def refusal(scope: Scope, translator: Translator, error: AppError, *, status: int | None = None) -> Response:
    """The answer that says it: spec §5's wire form, with the headers that HTTP asks for."""
    params = to_jsonable_python(error.params, fallback=str)
    body = ErrorBody(
        code=error.code,
        message=sentence(translator, language_of(scope), error.code, error.params),
        params=params,
        request_id=scope.get("state", {}).get("request_id", ""),
    )
    response = JSONResponse(body.model_dump(), status_code=int(status or status_of(error)))
    if isinstance(error, RateLimitExceeded):
        response.headers["Retry-After"] = str(error.params["retry_after"])
    if error.kind is ErrorKind.TOO_LARGE:
        # The rest of the body is still on its way; nobody will read it.
        response.headers["Connection"] = "close"
    if error.kind is ErrorKind.UNAUTHENTICATED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def sentence(translator: Translator, language: str, code: str, params: Mapping[str, object]) -> str:
    """A refusal in the user's words: programs read times as ISO 8601, people do not."""
    if "quota" in params:
        # Until midnight it is a matter of hours, which nobody counts in seconds.
        return translator.translate(language, f"toast-{params['quota']}-used")
    figures = dict(params)
    if code == UserSuspended.code:
        figures["until"] = moment(str(figures["until"]))
    return translator.translate(language, message_key(code), **figures)


def install(app: FastAPI, translator: Translator) -> None:
    """Give every expected refusal its form. What nobody expected is caught at the border (`middlewares`)."""

    async def refuse(request: Request, error: Exception) -> Response:
        if not isinstance(error, AppError):
            raise error
        log.info("request_refused", code=error.code, params=error.params, **error.log)
        return refusal(request.scope, translator, error)

    async def refuse_invalid(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return await refuse(request, ValidationFailed(_fields(error)))

    async def refuse_unroutable(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        if error.status_code == HTTPStatus.BAD_REQUEST:
            # FastAPI's word for a body that is no JSON in a way that its parser does not name.
            return await refuse(request, ValidationFailed({"body": "is not JSON in UTF-8"}))
        response = refusal(request.scope, translator, NotFound(), status=error.status_code)
        response.headers.update(error.headers or {})
        return response

    app.add_exception_handler(AppError, refuse)
    app.add_exception_handler(RequestValidationError, refuse_invalid)
    app.add_exception_handler(HTTPException, refuse_unroutable)


def refusals(*errors: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation that can answer with these; their messages are filled in by `openapi`."""
    documented: dict[int | str, dict[str, Any]] = {}
    for error in dict.fromkeys(errors):
        entry = documented.setdefault(
            int(status_of(error)),
            {"model": ErrorBody, "description": "", "content": {"application/json": {"examples": {}}}},
        )
        entry["description"] = " · ".join(filter(None, (entry["description"], f"`{error.code}`")))
        entry["content"]["application/json"]["examples"][error.code] = {
            "summary": (error.__doc__ or "").partition("\n")[0],
            "value": {
                "code": error.code,
                "message": "",
                "params": dict(_EXAMPLE_PARAMS.get(error, {})),
                "request_id": _EXAMPLE_ID,
            },
        }
    return documented


def _fields(error: RequestValidationError) -> dict[str, str]:
    fields: dict[str, str] = {}
    for found in error.errors()[:_MOST_FIELDS]:
        place, *path = found["loc"]
        if found["type"] == "json_invalid":
            return {"body": "is not JSON in UTF-8"}
        name = ".".join(str(part) for part in path) or str(place)
        # JSON can write half a character, which no answer in UTF-8 could repeat.
        name = name.encode("utf-8", "replace").decode()[:_LONGEST_FIELD_NAME]
        fields[name] = str(found["msg"]).removeprefix("Value error, ")
    return fields
