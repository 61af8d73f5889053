"""`starbrush` on a real database: what it says, what it refuses, and how it ends."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
from typer.testing import CliRunner

from app.cli import main
from app.settings import Settings
from tests.harness import run_starbrush

Cli = Callable[..., Awaitable[tuple[int, str, str]]]

COMMANDS = [
    (),
    ("demo",),
    ("serve",),
    ("worker",),
    ("migrate",),
    ("sandbox",),
    ("doctor",),
    ("reconcile",),
    ("openapi",),
    ("grant",),
    ("refund",),
    ("terminal",),
    ("promo",),
    ("promo", "create"),
    ("user",),
    ("user", "show"),
    ("user", "ban"),
    ("user", "suspend"),
    ("user", "tier"),
    ("inbox",),
    ("inbox", "list"),
    ("inbox", "replay"),
    ("moderation",),
    ("moderation", "show"),
    ("moderation", "replace"),
]
TELEGRAM_ID = 700_000_001
LATER = (datetime.now(UTC) + timedelta(days=1)).replace(tzinfo=None).isoformat(timespec="minutes")
STRONG = {
    "TELEGRAM_WEBHOOK_SECRET": "Wq7zR2mK9xV4bN8cL1pT6yH3jF5dS0aG",
    "WEBAPP_SECRET": "uE8rY2tI6oP0aQ4sD1fG7hJ3kL9zX5cV",
    "METRICS_TOKEN": "bN2mQ8wE4rT6yU0iO1pA5sD7fG3hJ9kL",
    "ADMIN_UI_SESSION_SECRET": "zX1cV7bN3mQ9wE5rT0yU2iO8pA4sD6fG",
    "ADMIN_UI_PASSWORD": "Zebra-42-crossing",
}


@pytest.fixture
async def cli(app_environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cli]:
    """Runs a command as `starbrush` does, but in this process, which spares a start of seconds each.

    On a thread, since a command runs an event loop of its own; gives exit status, output and complaint.
    """
    environment = app_environment | {
        "PUBLIC_URL": "http://127.0.0.1:9",
        "TELEGRAM_API_URL": "http://127.0.0.1:9",
        "DEMO_BASE_URL": "http://127.0.0.1:9",
        "USER": "olga",
    }
    # Away from the work tree, where a developer's `.env` would be read.
    monkeypatch.chdir(tmp_path)
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = root.handlers[:], root.level

    async def run(*arguments: str, **changes: str) -> tuple[int, str, str]:
        ended = await asyncio.to_thread(CliRunner().invoke, main, arguments, env=environment | changes)
        assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
        return ended.exit_code, ended.stdout, ended.stderr

    yield run
    structlog.reset_defaults()
    root.handlers, sys.excepthook = handlers, hook
    root.setLevel(level)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url.replace("postgresql+asyncpg:", "postgresql:"))
    await connection.execute(
        "INSERT INTO users (telegram_id, telegram_hash, language, first_name) VALUES ($1, 'hash', 'en', 'Ann')",
        TELEGRAM_ID,
    )
    yield connection
    await connection.close()


def test_every_command_explains_itself() -> None:
    for command in COMMANDS:
        shown = CliRunner().invoke(main, [*command, "--help"])
        assert shown.exit_code == 0, command
        assert "Usage" in shown.output


def test_the_command_is_there(tmp_path: Path) -> None:
    ended = run_starbrush("user", "show", "1", env={"ENVIRONMENT": "test"}, cwd=tmp_path)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr


async def test_grant_gives_and_takes(cli: Cli, database: Any) -> None:
    status, out, _ = await cli("grant", str(TELEGRAM_ID), "30", "--reason", "a gift", "--json")
    assert (status, json.loads(out)["credits"]) == (0, 30)
    status, out, _ = await cli("grant", str(TELEGRAM_ID), "-10", "--reason", "a slip")
    assert (status, "credits: 20" in out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("grant", str(TELEGRAM_ID), "-5", "--reason", "too much"), "INSUFFICIENT_CREDITS"),
        (("grant", str(TELEGRAM_ID), "0", "--reason", "nothing"), "VALIDATION_ERROR"),
        (("grant", "1", "5", "--reason", "a gift"), "USER_NOT_FOUND"),
        (("user", "show", "1"), "USER_NOT_FOUND"),
        (("user", "ban", str(TELEGRAM_ID)), "VALIDATION_ERROR"),
        (("user", "ban", str(TELEGRAM_ID), "maybe"), "on or off"),
        (("user", "tier", str(TELEGRAM_ID), "gold", "--reason", "x"), "VALIDATION_ERROR"),
        (("user", "suspend", str(TELEGRAM_ID), "--until", "soon", "--reason", "x"), "is no time"),
        (("user", "suspend", str(TELEGRAM_ID), "maybe", "--until", LATER, "--reason", "x"), "on or off"),
        (("user", "suspend", str(TELEGRAM_ID), "--reason", "x"), "--until goes with on"),
        (("refund", "stx-nobody-paid"), "PAYMENT_NOT_FOUND"),
        (("inbox", "list", "--state", "lost"), "is none of"),
        (("inbox", "replay", "1", "--reason", "x"), "NOT_FOUND"),
        (("refund", "stx-nobody-paid", "--reason", " "), "VALIDATION_ERROR"),
        (("promo", "create", "SPRING"), "give either credits or percent"),
        (("promo", "create", "SPRING", "--credits", "5", "--percent", "5"), "give either credits or percent"),
        (("promo", "create", "x", "--credits", "5"), "VALIDATION_ERROR"),
        (("promo", "create", "SPRING", "--credits", "5", "--until", "soon"), "is no time"),
        (("reconcile", "--payments"), "Telegram does not answer"),
    ],
)
async def test_refusals_end_with_one_and_name_the_reason(
    cli: Cli, database: Any, arguments: tuple[str, ...], complaint: str
) -> None:
    status, out, err = await cli(*arguments)
    assert (status, out) == (1, "")
    assert complaint in err


async def test_what_is_done_to_a_user_is_shown_and_audited(cli: Cli, database: Any) -> None:
    for arguments, field, value in (
        (("user", "ban", str(TELEGRAM_ID), "on", "--reason", "spam", "--json"), "banned", True),
        (("user", "ban", str(TELEGRAM_ID), "off", "--reason", "sorry", "--json"), "banned", False),
        (("user", "tier", str(TELEGRAM_ID), "vip", "--until", LATER, "--reason", "a gift", "--json"), "tier", "vip"),
        (
            ("user", "suspend", str(TELEGRAM_ID), "--until", LATER, "--reason", "calm", "--json"),
            "suspend_reason",
            "calm",
        ),
        (("user", "suspend", str(TELEGRAM_ID), "off", "--reason", "calmed", "--json"), "suspended_until", None),
        (("user", "show", str(TELEGRAM_ID), "--json"), "first_name", "Ann"),
    ):
        status, out, err = await cli(*arguments)
        assert status == 0, err
        assert json.loads(out)[field] == value
    assert await database.fetchval("SELECT array_agg(DISTINCT actor) FROM audit_log") == ["operator:cli:olga"]
    assert await database.fetchval("SELECT count(*) FROM audit_log") == 5


async def test_the_terminal_is_switched_and_audited(cli: Cli, database: Any) -> None:
    cards = {"TBANK_TERMINAL_KEY": "", "TBANK_PASSWORD": ""}
    status, out, _ = await cli("terminal", "test", "--reason", "a rehearsal", "--json", **cards)
    assert (status, json.loads(out)) == (0, {"terminal": "test"})
    assert await database.fetchval("SELECT value FROM app_settings WHERE key = 'card_terminal'") == '"test"'
    row = await database.fetchrow("SELECT actor, reason FROM audit_log WHERE action = 'terminal.switch'")
    assert tuple(row) == ("operator:cli:olga", "a rehearsal")
    status, _, err = await cli("terminal", "production", **cards)
    assert (status, "VALIDATION_ERROR" in err) == (1, True)
    status, _, err = await cli("terminal", "other", **cards)
    assert status == 2


async def test_reconcile_proves_the_books(cli: Cli, database: Any) -> None:
    status, out, _ = await cli("reconcile", "--full", "--json")
    assert (status, json.loads(out)) == (0, {"users": 1, "breaches": [], "broken_audit_entry": None})
    await database.execute("UPDATE users SET credits = 5")
    status, out, _ = await cli("reconcile", "--json")
    assert status == 1
    assert [breach["rule"] for breach in json.loads(out)["breaches"]] == ["available_is_sum"]
    status, out, _ = await cli("reconcile")
    assert (status, "available_is_sum" in out) == (1, True)


async def test_a_promo_code_is_made_once_and_audited(cli: Cli, database: Any) -> None:
    arguments = ("promo", "create", "spring", "--percent", "20", "--total", "9", "--until", LATER)
    status, out, err = await cli(*arguments, "--json")
    assert status == 0, err
    made = json.loads(out)
    assert (made["code"], made["percent"], made["credits"], made["total"]) == ("SPRING", 20, None, 9)
    status, out, err = await cli(*arguments)
    assert (status, out, "exists already" in err) == (1, "", True)
    status, out, _ = await cli("promo", "create", "WINTER", "--credits", "5")
    assert (status, out) == (0, "WINTER gives 5 credits.\n")
    assert await database.fetchval("SELECT count(*) FROM audit_log WHERE action = 'promo.create'") == 2


async def test_a_user_is_shown_with_what_they_have_paid(cli: Cli, database: Any) -> None:
    status, out, _ = await cli("user", "show", str(TELEGRAM_ID), "--json")
    assert (status, json.loads(out)["payments"]) == (0, [])
    await database.execute(
        """
        INSERT INTO payments (id, method, charge_id, period_no, user_id, currency, amount_minor, credits, source)
        SELECT '0193c8a2-6f1e-7b54-9c1d-2f8a4e6b7c90', 'stars', 'stx-1', 0, id, 'XTR', 100, 100, 'update' FROM users
        """
    )
    shown = json.loads((await cli("user", "show", str(TELEGRAM_ID), "--json"))[1])
    assert [(payment["charge_id"], payment["amount_minor"]) for payment in shown["payments"]] == [("stx-1", 100)]
    status, out, _ = await cli("user", "show", str(TELEGRAM_ID))
    assert (status, "stx-1 100 XTR, 100 credits" in out) == (0, True)


async def test_reconcile_proves_the_audit_log(cli: Cli, database: Any) -> None:
    await cli("user", "ban", str(TELEGRAM_ID), "on", "--reason", "spam")
    async with database.transaction():
        await database.execute("SET LOCAL session_replication_role = replica")
        await database.execute("UPDATE audit_log SET reason = 'nothing'")
    status, out, _ = await cli("reconcile", "--audit", "--json")
    assert (status, json.loads(out)["broken_audit_entry"]) == (1, 1)
    assert (await cli("reconcile", "--json"))[0] == 0


async def test_moderation_is_shown_and_replaced(cli: Cli, database: Any, tmp_path: Path) -> None:
    rules = {"words": {"fruit": ["banana"]}, "patterns": {}}
    document = tmp_path / "rules.json"
    document.write_text(json.dumps(rules))
    assert (await cli("moderation", "replace", str(document), "--reason", "no fruit"))[0] == 0
    assert json.loads((await cli("moderation", "show"))[1]) == rules
    document.write_text('{"patterns": {"fruit": ["("]}}')
    status, _, err = await cli("moderation", "replace", str(document), "--reason", "a slip")
    assert (status, "VALIDATION_ERROR" in err) == (1, True)
    document.write_text("no json")
    assert (await cli("moderation", "replace", str(document), "--reason", "a slip"))[0] == 1
    assert json.loads((await cli("moderation", "show"))[1]) == rules


async def test_rules_that_a_style_breaks_by_its_own_words_are_said_to(cli: Cli, database: Any, tmp_path: Path) -> None:
    await database.execute(
        """
        INSERT INTO models (key, kind, titles, price_credits, options, timeout_seconds, position)
        VALUES ('still', 'image', '{"en": "Still"}', 1, '{"aspect_ratios": ["1:1"]}', 60, 1);
        INSERT INTO provider_routes (id, model_key, provider, vendor_model, position, cost_micros)
        VALUES (gen_random_uuid(), 'still', 'demo', 'demo-standard', 1, 0);
        INSERT INTO styles (key, kind, titles, template, model_key, position)
        VALUES ('fruit-bowl', 'image', '{"en": "Bowl"}', 'A banana beside {prompt}', 'still', 1);
        """
    )
    document = tmp_path / "rules.json"
    document.write_text('{"words": {"fruit": ["banana"]}}')
    status, out, _ = await cli("moderation", "replace", str(document), "--reason", "no fruit")
    assert status == 0
    assert "the style fruit-bowl breaks the rule fruit" in out
    document.write_text('{"words": {"fruit": ["apple"]}}')
    assert "fruit-bowl" not in (await cli("moderation", "replace", str(document), "--reason", "no apples"))[1]


async def test_doctor_names_what_is_wrong(cli: Cli, database: Any) -> None:
    status, out, _ = await cli("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(out)}
    assert status == 1
    assert {name for name, finding in findings.items() if not finding["ok"]} == {"telegram", "catalogue"}
    assert "TELEGRAM_API_URL" in findings["telegram"]["detail"]
    status, out, _ = await cli("doctor", REDIS_URL="redis://127.0.0.1:9/0")
    assert status == 1
    assert "FAIL  redis" in out


async def test_a_database_that_is_away_is_named(cli: Cli) -> None:
    status, _, err = await cli("user", "show", "1", DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
    assert status == 1
    assert "database" in err


async def test_a_database_that_is_not_there_is_named(cli: Cli, database_url: str) -> None:
    missing = database_url.rpartition("/")[0] + "/no_such_database"
    status, _, err = await cli("user", "show", "1", DATABASE_URL=missing)
    assert status == 1
    assert "no_such_database" in err


async def test_a_wrong_setting_is_named(cli: Cli) -> None:
    status, _, err = await cli("doctor", DB_POOL_SIZE="many")
    assert status == 1
    assert "DB_POOL_SIZE" in err


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"WEBAPP_SECRET": ""}, "WEBAPP_SECRET is not set"),
        ({"WEBAPP_SECRET": "short"}, "WEBAPP_SECRET is weak"),
        ({"WEBAPP_SECRET": "a" * 40}, "WEBAPP_SECRET is weak"),
        ({"METRICS_TOKEN": "changeme-changeme-changeme-changeme"}, "METRICS_TOKEN is weak"),
        ({"TELEGRAM_WEBHOOK_SECRET": "secret_secret_secret_secret_secret_"}, "TELEGRAM_WEBHOOK_SECRET is weak"),
        ({"ADMIN_UI_PASSWORD": "admin"}, "ADMIN_UI_PASSWORD is missing or weak"),
        ({"ADMIN_UI_SESSION_SECRET": ""}, "ADMIN_UI_SESSION_SECRET is weak"),
        ({"PUBLIC_URL": "http://example.org"}, "PUBLIC_URL must begin with https"),
        ({"PROVIDERS": "demo"}, "PROVIDERS names demo"),
        ({"CRASH_AT": "claim.committed"}, "CRASH_AT is for tests"),
    ],
)
async def test_production_does_not_start_with(cli: Cli, changes: dict[str, str], named: str) -> None:
    production = {
        "ENVIRONMENT": "production",
        "PUBLIC_URL": "https://star.example",
        "PROVIDERS": "gemini",
        "GEMINI_API_KEY": "key",
        **STRONG,
    }
    status, _, err = await cli("serve", **(production | changes))
    assert status == 1
    assert named in err
    assert "uE8rY2tI6oP0aQ4sD1fG7hJ3kL9zX5cV" not in err


def test_a_strong_production_has_no_problem(app_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    production = app_environment | STRONG
    production |= {
        "ENVIRONMENT": "production",
        "PUBLIC_URL": "https://star.example",
        "PROVIDERS": "gemini",
        "GEMINI_API_KEY": "key",
        "TELEGRAM_API_URL": "https://api.telegram.org",
    }
    for name, value in production.items():
        monkeypatch.setenv(name, value)
    assert Settings(_env_file=None).problems() == []
