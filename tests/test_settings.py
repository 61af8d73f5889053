"""Ordinary slips in a configuration are named, each with how to mend it, and end no command in a traceback."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import main
from app.doctor import examine, list_problems
from app.settings import Settings
from tests.harness import BOT_TOKEN, run_starbrush

COMPLETE: dict[str, Any] = {
    "environment": "test",
    "public_url": "http://127.0.0.1:8080",
    "bot_token": BOT_TOKEN,
    "bot_username": "starbrush_test_bot",
    "telegram_webhook_secret": "w",
    "database_url": "postgresql://someone:hidden@127.0.0.1:5432/starbrush",
    "redis_url": "redis://127.0.0.1:6379/0",
    "s3_endpoint_url": "http://127.0.0.1:9000",
    "s3_access_key": "a",
    "s3_secret_key": "s",
    "webapp_secret": "c",
    "metrics_token": "m",
    "providers": "demo",
    "demo_api_key": "demo",
    "demo_base_url": "http://127.0.0.1:8081/vendor",
}
SLIPS = [
    ({"bot_token": "hello"}, "BOT_TOKEN is no token"),
    ({"bot_token": "123:short"}, "BOT_TOKEN is no token"),
    ({"kling_callback_secret": "hello world"}, "KLING_CALLBACK_SECRET is no such secret"),
    ({"database_url": "mysql://someone:hidden@127.0.0.1/x"}, "DATABASE_URL is no address"),
    ({"database_url": "postgresql://someone:hidden@127.0.0.1:port/x"}, "DATABASE_URL is no address"),
    ({"database_url": "127.0.0.1:5432/x"}, "DATABASE_URL is no address"),
    ({"redis_url": "http://127.0.0.1:6379"}, "REDIS_URL is no address"),
    ({"redis_url": "redis://127.0.0.1:99999/0"}, "REDIS_URL is no address"),
    ({"s3_endpoint_url": "127.0.0.1:9000"}, "S3_ENDPOINT_URL is no address"),
    ({"s3_public_url": "files.example"}, "S3_PUBLIC_URL is no address"),
    ({"public_url": "star.example"}, "PUBLIC_URL is no address"),
    ({"telegram_api_url": "http://"}, "TELEGRAM_API_URL is no address"),
    ({"demo_base_url": "vendor"}, "DEMO_BASE_URL is no address"),
    ({"gemini_base_url": "generativelanguage"}, "GEMINI_BASE_URL is no address"),
    ({"kie_base_url": "ftp://api.kie.ai"}, "KIE_BASE_URL is no address"),
    ({"log_level": "loud"}, "LOG_LEVEL is no level"),
    ({"crash_at": "nowhere"}, "CRASH_AT is no point"),
    ({"crash_at": "claim.committed:often"}, "CRASH_AT is no point"),
    ({"demo_base_url": ""}, "DEMO_BASE_URL is not set"),
    ({"demo_api_key": ""}, "DEMO_API_KEY is not set"),
    ({"providers": ""}, "PROVIDERS names no provider"),
    ({"providers": "demo,dall-e"}, "PROVIDERS names dall-e, which is none of"),
    ({"tbank_base_url": "securepay"}, "TBANK_BASE_URL is no address"),
    ({"tbank_terminal_key": "Shop"}, "of TBANK_TERMINAL_KEY and TBANK_PASSWORD only one is set"),
    ({"tbank_test_password": "hidden"}, "of TBANK_TEST_TERMINAL_KEY and TBANK_TEST_PASSWORD only one is set"),
    ({"cards_enabled": True}, "CARDS_ENABLED is on, but neither"),
    ({"tbank_taxation": "osn"}, "TBANK_RECEIPT_EMAIL is not set"),
]


def settings(**changes: object) -> Settings:
    return Settings(_env_file=None, **(COMPLETE | changes))


def test_a_complete_configuration_has_no_problems() -> None:
    assert list_problems(settings()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"database_url": "postgresql+asyncpg://someone@db.example/x"},
        {"database_url": "postgresql://someone@/x?host=/run/postgresql"},
        {"redis_url": "rediss://:word@redis.example:6380/1"},
        {"log_level": "debug"},
        {"crash_at": "claim.committed:2"},
        {"s3_public_url": ""},
    ],
)
def test_what_fits_is_let_through(changes: dict[str, object]) -> None:
    assert list_problems(settings(**changes)) == []


@pytest.mark.parametrize(("changes", "named"), SLIPS)
async def test_a_slip_is_named_and_the_doctor_goes_no_further(changes: dict[str, object], named: str) -> None:
    wrong = settings(**changes)
    problems = list_problems(wrong)
    assert [problem for problem in problems if problem.startswith(named)], problems
    assert "hidden" not in "".join(problems)
    if "is no " in named:
        assert {finding.name for finding in await examine(wrong)} == {"settings"}


@pytest.mark.parametrize("name", ["telegram_api_url", "tbank_base_url", "kling_base_url", "aimlapi_base_url"])
def test_plain_http_is_for_demo_and_tests(name: str) -> None:
    plain = {name: "http://127.0.0.1:9"}
    assert list_problems(settings(**plain)) == []
    wanted = f"{name.upper()} must begin with https://"
    assert [p for p in list_problems(settings(environment="production", **plain)) if p.startswith(wanted)]
    assert not [p for p in list_problems(settings(environment="production")) if p.startswith(wanted)]


@pytest.mark.parametrize(
    ("given", "setting"), [("kling_callback_secret", "KLING_CALLBACK_SECRET"), ("kie_callback_key", "KIE_CALLBACK_KEY")]
)
async def test_the_doctor_warns_of_a_vendor_that_does_not_call(given: str, setting: str) -> None:
    vendors = {"providers": "kling,kie", "kling_api_key": "k", "kie_api_key": "k", "redis_url": ""}
    for secret in ("", "whsec_AAAA"):
        warnings = [found for found in await examine(settings(**vendors, **{given: secret})) if setting in found.detail]
        assert [found.ok for found in warnings] == ([] if secret else [True])


async def test_the_doctor_goes_no_further_without_connections() -> None:
    for missing in ("bot_token", "database_url", "redis_url", "s3_endpoint_url"):
        findings = await examine(settings(**{missing: ""}))
        assert [finding.detail for finding in findings] == [f"{missing.upper()} is not set"]


async def test_the_doctor_blames_a_database_that_is_away_once_and_names_no_other_cure() -> None:
    nobody = "127.0.0.1:9"
    away = settings(
        database_url=f"postgresql://a:b@{nobody}/c",
        redis_url=f"redis://{nobody}/0",
        s3_endpoint_url=f"http://{nobody}",
        telegram_api_url=f"http://{nobody}",
    )
    failed = {finding.name: finding.detail for finding in await examine(away) if not finding.ok}
    assert "mend DATABASE_URL" in failed["database"]
    for name in ("schema", "clock", "catalogue", "moderation"):
        assert failed[name] == "not looked at, since the database does not answer"


@pytest.mark.parametrize(
    "arguments", [("serve",), ("worker",), ("migrate",), ("reconcile",), ("user", "show", "1")], ids=" ".join
)
async def test_no_command_ends_in_a_traceback(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Away from the work tree, where a developer's `.env` would be read.
    monkeypatch.chdir(tmp_path)
    environment = {name.upper(): value for name, value in COMPLETE.items()} | {"DATABASE_URL": "localhost:port"}
    ended = await asyncio.to_thread(CliRunner().invoke, main, arguments, env=environment)
    assert isinstance(ended.exception, SystemExit)
    assert ended.exit_code == 1
    assert "DATABASE_URL is no address" in ended.stderr


def test_the_document_needs_no_configuration(tmp_path: Path) -> None:
    for environment in ({}, {"DATABASE_URL": "localhost:port", "CRASH_AT": "nowhere", "ENVIRONMENT": "test"}):
        ended = run_starbrush("openapi", env=environment, cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr
        assert "/api/v1/generations" in json.loads(ended.stdout)["paths"]
