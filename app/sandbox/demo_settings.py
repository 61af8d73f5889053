"""The settings of a demo: what was given, what is generated once and kept, and what follows from both."""

import json
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.sandbox.processes import HOST, ServerError, free_port
from app.sandbox.servers import S3, S3_REGION, EmbeddedServer, Postgres, Valkey, new_secret

DEFAULT_PORT: Final = 8080
DEFAULT_SANDBOX_PORT: Final = 8081
BOT_USERNAME: Final = "starbrush_demo_bot"

_BUCKET: Final = "starbrush"
# Not ids of playground users, which are counted from elsewhere.
_OPERATOR_ID: Final = 600_000_001
_ALERT_CHAT_ID: Final = 600_000_002
_BOT_ID: Final = 4_000_000_001
_PORTS: Final = 65_536
_TOKEN_LENGTH: Final = 35
_TOKEN_LETTERS: Final = string.ascii_letters + string.digits
# Names of settings are read where they are documented, since the sandbox does not know the product's.
_EXAMPLE_NAME: Final = re.compile(r"^#? ?([A-Z][A-Z0-9_]*)=", re.MULTILINE)
_SECRETS: Final = (
    "postgres_password",
    "s3_access_key",
    "s3_secret_key",
    "telegram_webhook_secret",
    "webapp_secret",
    "admin_ui_session_secret",
    "metrics_token",
    "tbank_password",
    "tbank_test_password",
)
_SERVERS: Final = ("postgres", "redis", "s3")


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """Everything the processes of a demo are started with."""

    environment: Mapping[str, str]
    servers: tuple[EmbeddedServer, ...]
    """Those to start: the ones not named by URL."""

    @property
    def port(self) -> int:
        return int(self.environment["PORT"])

    @property
    def sandbox_port(self) -> int:
        return int(self.environment["SANDBOX_PORT"])


def settle(given: Mapping[str, str], *, data_dir: Path, example: Path) -> DemoSettings:
    """Decide every setting. A given variable wins; an empty one counts as not given.

    Secrets and ports are generated once and kept below `data_dir`.
    Raises: ServerError when a given variable makes no sense.
    """
    given = {key: value for key, value in given.items() if value}
    kept = _kept(data_dir / "secrets" / "demo.json")
    servers: tuple[EmbeddedServer, ...] = (
        Postgres(data_dir, int(kept["postgres_port"]), kept["postgres_password"]),
        Valkey(data_dir, int(kept["redis_port"])),
        S3(data_dir, int(kept["s3_port"]), kept["s3_access_key"], kept["s3_secret_key"], bucket=_BUCKET),
    )
    urls = dict(zip(("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT_URL"), servers, strict=True))
    # A shell that has read `.data/run/env` gives the addresses of our own servers.
    ours = {name: server for name, server in urls.items() if given.get(name, server.url) == server.url}
    if "S3_ENDPOINT_URL" not in ours and not given.keys() >= {"S3_ACCESS_KEY", "S3_SECRET_KEY"}:
        message = "S3_ENDPOINT_URL is given, so S3_ACCESS_KEY and S3_SECRET_KEY must be, too"
        raise ServerError(message)
    defaults = {
        **{name: server.url for name, server in ours.items()},
        **_product_settings(given, kept),
    }
    documented = set(_EXAMPLE_NAME.findall(example.read_text())) if example.exists() else set()
    names = sorted((documented | urls.keys()) & given.keys() | defaults.keys())
    environment = {name: given.get(name, defaults.get(name, "")) for name in names}
    return DemoSettings(environment=environment, servers=tuple(ours.values()))


def given_port(given: Mapping[str, str], name: str, default: int) -> str:
    """The port of that name, or the default. Raises: ServerError when it is none."""
    port = given.get(name) or str(default)
    if not port.isdecimal() or not 0 < int(port) < _PORTS:
        message = f"{name} must be a TCP port, not {port!r}"
        raise ServerError(message)
    return port


def _product_settings(given: Mapping[str, str], kept: Mapping[str, str]) -> dict[str, str]:
    port = given_port(given, "PORT", DEFAULT_PORT)
    sandbox_port = given_port(given, "SANDBOX_PORT", DEFAULT_SANDBOX_PORT)
    sandbox = f"http://{HOST}:{sandbox_port}"
    return {
        "ENVIRONMENT": "demo",
        # The demo's sign-in is printed on the screen, so nobody else's machine may reach it.
        "HOST": HOST,
        "PORT": port,
        "SANDBOX_PORT": sandbox_port,
        "PUBLIC_URL": f"http://{HOST}:{port}",
        "BOT_TOKEN": kept["bot_token"],
        "BOT_USERNAME": BOT_USERNAME,
        "TELEGRAM_API_URL": sandbox,
        "TELEGRAM_WEBHOOK_SECRET": kept["telegram_webhook_secret"],
        "ADMIN_IDS": str(_OPERATOR_ID),
        "ALERT_CHAT_ID": str(_ALERT_CHAT_ID),
        "S3_ACCESS_KEY": kept["s3_access_key"],
        "S3_SECRET_KEY": kept["s3_secret_key"],
        "S3_BUCKET": _BUCKET,
        "S3_REGION": S3_REGION,
        "PROVIDERS": "demo",
        "DEMO_BASE_URL": f"{sandbox}/vendor",
        "DEMO_API_KEY": "demo",
        "CARDS_ENABLED": "true",
        "TBANK_BASE_URL": f"{sandbox}/tbank",
        "TBANK_TERMINAL_KEY": "StarbrushDemo",
        "TBANK_PASSWORD": kept["tbank_password"],
        "TBANK_TEST_TERMINAL_KEY": "StarbrushDemoDEMO",
        "TBANK_TEST_PASSWORD": kept["tbank_test_password"],
        "TBANK_TAXATION": "usn_income",
        "TBANK_RECEIPT_EMAIL": "receipts@starbrush.example",
        "WEBAPP_SECRET": kept["webapp_secret"],
        "ADMIN_UI_PASSWORD": kept["admin_ui_password"],
        "ADMIN_UI_SESSION_SECRET": kept["admin_ui_session_secret"],
        "METRICS_TOKEN": kept["metrics_token"],
    }


def shell_lines(environment: Mapping[str, str]) -> str:
    """`KEY='value'` lines for `set -a; . file`."""
    quoted = {key: value.replace("'", "'\\''") for key, value in environment.items()}
    return "".join(f"{key}='{value}'\n" for key, value in quoted.items())


def _kept(path: Path) -> dict[str, str]:
    """What was generated at the first start, and now whatever has been added since."""
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    generators = {
        "bot_token": _new_bot_token,
        "admin_ui_password": lambda: f"operator-{secrets.token_hex(6)}",
        **dict.fromkeys(_SECRETS, new_secret),
    }
    # The same ports as last time where they are free, so that links in old messages go on working.
    ports = {f"{name}_port": str(free_port(_last_port(kept, name))) for name in _SERVERS}
    settled = {name: kept.get(name) or generate() for name, generate in generators.items()} | ports
    if settled != kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(settled, indent=2))
        fresh.chmod(0o600)
        fresh.replace(path)
    return settled


def _last_port(kept: Mapping[str, str], name: str) -> int | None:
    port = kept.get(f"{name}_port")
    return int(port) if port is not None else None


def _new_bot_token() -> str:
    return f"{_BOT_ID}:{''.join(secrets.choice(_TOKEN_LETTERS) for _ in range(_TOKEN_LENGTH))}"
