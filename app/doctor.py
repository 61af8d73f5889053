"""Checks a configuration and everything that it points to, and says what to mend."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from app.container import Container
from app.core.app_settings import find_setting
from app.core.clock import OFFSET_KEY
from app.core.crashpoints import POINTS, CrashPoints
from app.core.migrations import newest_revision
from app.settings import Settings

_PROBE_SECONDS: Final = 10.0
# Room for a few rows of the catalogue.
_LONGEST_REASON: Final = 1_000
# What is looked up there; without it their own cures would mislead.
_IN_THE_DATABASE: Final = frozenset({"schema", "clock", "catalogue", "moderation"})
_REVISION = text("SELECT version_num FROM alembic_version")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: how it is, or how to mend it."""

    name: str
    ok: bool
    detail: str


async def examine(settings: Settings) -> list[Finding]:
    """Every setting first; then, as far as they are given, the systems behind them."""
    findings = [Finding("settings", ok=False, detail=problem) for problem in list_problems(settings)]
    if not findings:
        findings.append(Finding("settings", ok=True, detail="complete"))
    findings += [Finding("callbacks", ok=True, detail=warning) for warning in _unsigned_callbacks(settings)]
    if list_misshapen(settings) or not settings.has_connections:
        return findings
    container = Container(settings)
    try:
        database_answers = True
        for name, (probe, mend) in _Probes(container).all().items():
            if name in _IN_THE_DATABASE and not database_answers:
                findings.append(Finding(name, ok=False, detail="not looked at, since the database does not answer"))
                continue
            finding = await _ask(name, probe, mend)
            findings.append(finding)
            database_answers &= finding.ok or name != "database"
    finally:
        await container.close()
    return findings


def list_problems(settings: Settings) -> list[str]:
    """Why a process must not start with these settings, each with how to mend it."""
    return settings.problems() + _crash_point_problems(settings)


def list_misshapen(settings: Settings) -> list[str]:
    """The settings that are given and from which nothing can be built."""
    return settings.misshapen() + _crash_point_problems(settings)


def _crash_point_problems(settings: Settings) -> list[str]:
    try:
        CrashPoints(settings.crash_at)
    except ValueError:
        return [f"CRASH_AT is no point of a protocol; write one of {', '.join(POINTS)}, or name:times"]
    return []


def _unsigned_callbacks(settings: Settings) -> list[str]:
    """What works without a callback secret, but later: the vendor is not asked to call."""
    secrets = {
        "kling": ("KLING_CALLBACK_SECRET", settings.kling_callback_secret),
        "kie": ("KIE_CALLBACK_KEY", settings.kie_callback_key),
    }
    return [
        f"warning: {name} is asked about its tasks and does not call; set {setting} to hear of results at once"
        for name, (setting, secret) in secrets.items()
        if name in settings.providers and not secret.get_secret_value()
    ]


class _Probes:
    """One method a system; each says how it is, or raises."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._settings = container.settings

    def all(self) -> dict[str, tuple[Callable[[], Awaitable[str]], str]]:
        """Every probe, and what mends what it finds."""
        return {
            "database": (self._database, "start PostgreSQL, or mend DATABASE_URL"),
            "schema": (self._schema, "run: starbrush migrate"),
            "clock": (self._clock, "delete the key clock_offset_seconds of app_settings"),
            "redis": (self._redis, "start Redis, or mend REDIS_URL; meanwhile work is late, not lost"),
            "storage": (self._storage, "mend S3_ENDPOINT_URL, S3_ACCESS_KEY, S3_SECRET_KEY or S3_BUCKET"),
            "telegram": (self._telegram, "mend BOT_TOKEN, BOT_USERNAME or TELEGRAM_API_URL"),
            "catalogue": (
                self._catalogue,
                "mend the rows named; if none is, start the app once and check PROVIDERS",
            ),
            "moderation": (self._moderation, "replace the rules: starbrush moderation replace"),
        }

    async def _database(self) -> str:
        await self._container.db.ping()
        return "answers"

    async def _schema(self) -> str:
        async with self._container.db.read() as reader:
            found = await reader.scalar(_REVISION)
        newest = newest_revision(self._settings.sqlalchemy_url)
        if found != newest:
            message = f"is at {found}, the newest is {newest}"
            raise ValueError(message)
        return f"at {found}"

    async def _clock(self) -> str:
        async with self._container.db.read() as reader:
            offset = await find_setting(reader, OFFSET_KEY) or 0
        if self._settings.is_production and offset:
            message = f"is {offset} s ahead"
            raise ValueError(message)
        return "true" if not offset else f"{offset} s ahead, as the sandbox set it"

    async def _redis(self) -> str:
        await self._container.queue.check()
        return "answers"

    async def _storage(self) -> str:
        await self._container.storage.open()
        await self._container.storage.check()
        return f"bucket {self._settings.s3_bucket} is there"

    async def _telegram(self) -> str:
        me = await self._container.bot.get_me()
        if (me.username or "").lower() != self._settings.bot_username.lower():
            message = f"the token belongs to @{me.username}"
            raise ValueError(message)
        return f"@{me.username}"

    async def _catalogue(self) -> str:
        models = await self._container.services.catalog.list_models()
        if slips := await self._container.services.catalog.list_slips():
            message = "; ".join(slips)
            raise ValueError(message)
        if not models:
            message = "no model has a route to a configured provider"
            raise ValueError(message)
        return f"{len(models)} models on sale"

    async def _moderation(self) -> str:
        breaches = await self._container.services.judge.list_own_breaches()
        if not breaches:
            return "no style breaks a rule by its own words"
        named = ", ".join(f"{key} ({category})" for key, category in breaches)
        return f"warning: these styles break a rule by their own words, for which nobody is refused: {named}"


async def _ask(name: str, probe: Callable[[], Awaitable[str]], mend: str) -> Finding:
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            return Finding(name, ok=True, detail=await probe())
    except Exception as error:  # noqa: BLE001 - whatever a system fails with is the finding
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Finding(name, ok=False, detail=f"{reason[:_LONGEST_REASON]}. To mend it: {mend}.")
