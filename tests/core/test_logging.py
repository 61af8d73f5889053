"""One stream for all logs, JSON that machines read, ids on every line, and never a secret (trap 47)."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import aiogram
import httpx
import pytest
import structlog
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramNetworkError
from botocore.exceptions import EndpointConnectionError

from app.core.logging import configure_logging, log_context
from app.core.redaction import Redactor
from app.sandbox.processes import free_port

TOKEN = "7654321098:AAHk3fQ-x_Zw9aBcDeFgHiJkLmNoPqRsTuV"
SECRET = "a-secret-of-this-installation"

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, hook = root.handlers, root.level, sys.excepthook
    yield
    structlog.reset_defaults()
    root.handlers, sys.excepthook = handlers, hook
    root.setLevel(level)


@pytest.fixture
def stream(restored_logging: None) -> io.StringIO:
    out = io.StringIO()
    configure_logging(as_json=True, level="info", redactor=Redactor([SECRET]), stream=out)
    return out


@pytest.fixture
def lines(stream: io.StringIO) -> Lines:
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_its_origin(lines: Lines) -> None:
    structlog.get_logger("app.domain.credits").info("credits_held", credits=10, note="10 💎")
    (line,) = lines()
    assert line["event"] == "credits_held"
    assert line["credits"] == 10
    assert line["note"] == "10 💎"
    assert (line["level"], line["logger"]) == ("info", "app.domain.credits")
    assert line["timestamp"].endswith("Z")


def test_records_of_libraries_take_the_same_way(lines: Lines) -> None:
    logging.getLogger("uvicorn.error").warning("closing %d connections", 3)
    logging.getLogger("some.new.library").error("broken")
    first, second = lines()
    assert (first["event"], first["level"], first["logger"]) == ("closing 3 connections", "warning", "uvicorn.error")
    assert second["event"] == "broken"


def test_ids_are_on_every_line_of_their_block(lines: Lines) -> None:
    with log_context(request_id="r1", update_id=5, generation_id=None):
        structlog.get_logger().info("inside")
        logging.getLogger("library").warning("inside too")
    structlog.get_logger().info("outside")
    ours, library, outside = lines()
    assert (ours["request_id"], ours["update_id"]) == ("r1", "5")
    assert (library["request_id"], library["update_id"]) == ("r1", "5")
    assert "generation_id" not in ours
    assert "request_id" not in outside


def test_lines_below_the_level_and_the_chatter_of_clients_are_left_out(lines: Lines) -> None:
    structlog.get_logger().debug("detail")
    logging.getLogger("library").debug("detail")
    logging.getLogger("httpx").info("HTTP Request: POST https://…")
    logging.getLogger("arq.worker").info("0.00s → run_generation('…')")
    assert lines() == []


def test_handlers_that_a_library_had_installed_do_not_print_beside_us(restored_logging: None) -> None:
    theirs = io.StringIO()
    logging.getLogger("uvicorn").addHandler(logging.StreamHandler(theirs))
    ours = io.StringIO()
    configure_logging(as_json=True, level="INFO", redactor=Redactor(), stream=ours)
    logging.getLogger("uvicorn").warning("once")
    assert theirs.getvalue() == ""
    assert ours.getvalue().count("once") == 1


def test_outside_production_lines_are_for_people(restored_logging: None) -> None:
    out = io.StringIO()
    configure_logging(as_json=False, level="INFO", redactor=Redactor([SECRET]), stream=out)
    try:
        raise ValueError(SECRET)
    except ValueError:
        structlog.get_logger("here").exception("it_failed", url=f"/bot{TOKEN}/getMe")
    assert "it_failed" in out.getvalue()
    assert "Traceback" in out.getvalue()
    assert SECRET not in out.getvalue()
    assert TOKEN not in out.getvalue()


def log_everywhere(error: BaseException) -> None:
    structlog.get_logger("ours").error("failed", exc_info=error, error=str(error), cause=error)
    logging.getLogger("library").error("failed with %s", error, exc_info=error)


def check_clean(stream: io.StringIO, *secrets: str) -> None:
    written = stream.getvalue()
    assert "Traceback" in written
    for secret in secrets:
        assert secret not in written


async def test_an_exception_of_httpx_is_logged_clean(stream: io.StringIO) -> None:
    async with httpx.AsyncClient() as client:
        request = client.build_request("POST", f"https://api.telegram.org/bot{TOKEN}/sendMessage")
        response = httpx.Response(502, request=request)
        with pytest.raises(httpx.HTTPStatusError) as raised:
            response.raise_for_status()
    assert TOKEN in str(raised.value)
    log_everywhere(raised.value)
    check_clean(stream, TOKEN)


async def test_an_exception_of_aiogram_is_logged_clean(stream: io.StringIO) -> None:
    server = TelegramAPIServer.from_base(f"http://127.0.0.1:{free_port()}")
    bot = aiogram.Bot(TOKEN, session=AiohttpSession(api=server))
    try:
        with pytest.raises(TelegramNetworkError) as raised:
            await bot.get_me()
        wrapped = RuntimeError(f"POST {server.api_url(bot.token, 'getMe')} failed")
        wrapped.__cause__ = raised.value
        log_everywhere(wrapped)
    finally:
        await bot.session.close()
    check_clean(stream, TOKEN)


def test_an_exception_of_botocore_is_logged_clean(stream: io.StringIO) -> None:
    link = f"https://s3.example/b/k.png?X-Amz-Credential=AKIAEXAMPLE&X-Amz-Signature={'ab' * 32}"
    try:
        try:
            raise EndpointConnectionError(endpoint_url=link)
        except EndpointConnectionError as error:
            message = f"put with {SECRET}"
            raise OSError(message) from error
    except OSError as error:
        log_everywhere(error)
    check_clean(stream, "AKIAEXAMPLE", "ab" * 32, SECRET)


def test_an_exception_that_nobody_catches_is_logged_clean(stream: io.StringIO, lines: Lines) -> None:
    try:
        message = f"https://api.telegram.org/bot{TOKEN}/getMe"
        raise ValueError(message)
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    check_clean(stream, TOKEN)
    assert lines()[0]["event"] == "uncaught_exception"


def test_names_of_keys_and_settings_are_enough_to_hide_a_value(stream: io.StringIO, lines: Lines) -> None:
    structlog.get_logger().warning("request", password="hunter2", headers={"Authorization": "x"}, url=f"?a={SECRET}")
    (line,) = lines()
    assert line["password"] == line["headers"]["Authorization"] == "[redacted]"
    assert line["url"] == "?a=[redacted]"
