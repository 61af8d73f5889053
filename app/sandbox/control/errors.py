"""Errors of the control API: `{"error": "…"}` with a 4xx."""

from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.sandbox.acts import ActRefused
from app.sandbox.botapi.errors import Refusal
from app.sandbox.clock import ClockNotWritten
from app.sandbox.people import UserNotFound
from app.sandbox.renditions import PhotoRefused
from app.sandbox.stars.books import ChargeAlreadyRefunded, ChargeNotFound
from app.sandbox.stars.renewing import CanceledByBot, SubscriptionEnded

_REFUSALS: Final[dict[type[Exception], str]] = {
    ChargeNotFound: "CHARGE_NOT_FOUND",
    ChargeAlreadyRefunded: "CHARGE_ALREADY_REFUNDED",
    SubscriptionEnded: "the subscription has ended",
    CanceledByBot: "the bot has cancelled this subscription, only it can take that back",
}


def install_error_handlers(app: FastAPI) -> None:
    """Let every refusal of the control API be worded alike."""

    @app.exception_handler(UserNotFound)
    async def user_not_found(_request: Request, error: Exception) -> JSONResponse:
        return _error(404, str(error))

    @app.exception_handler(Refusal)
    @app.exception_handler(ActRefused)
    @app.exception_handler(PhotoRefused)
    async def act_refused(_request: Request, error: Exception) -> JSONResponse:
        return _error(400, str(error))

    @app.exception_handler(ChargeNotFound)
    @app.exception_handler(ChargeAlreadyRefunded)
    @app.exception_handler(SubscriptionEnded)
    @app.exception_handler(CanceledByBot)
    async def money_refused(_request: Request, error: Exception) -> JSONResponse:
        return _error(400, _REFUSALS[type(error)])

    @app.exception_handler(ClockNotWritten)
    async def clock_not_written(_request: Request, error: Exception) -> JSONResponse:
        return _error(503, str(error))

    @app.exception_handler(RequestValidationError)
    async def body_refused(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - what this handler is registered for
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part not in {"body", "query", "path"}) or "body"
        return _error(400, f"{place}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def not_served(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101 - what this handler is registered for
        return _error(error.status_code, str(error.detail))


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status)
