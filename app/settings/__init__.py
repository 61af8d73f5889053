"""Every environment variable, typed and grouped: the only reader of the environment.

The names are the field names in capitals; `.env.example` lists them all, and a test holds the two together.
"""

import logging
import re
from typing import Any, Final, Self
from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.settings.groups import (
    AccessSettings,
    CardSettings,
    DataSettings,
    EconomySettings,
    Environment,
    LimitSettings,
    ProviderSettings,
    TelegramSettings,
    WebSettings,
    WorkSettings,
)

__all__ = ["KNOWN_PROVIDERS", "Environment", "Settings"]

# Shorter secrets than this can be guessed offline; it is what `openssl rand -hex 16` gives.
MINIMUM_SECRET_LENGTH: Final = 32
_WEAK_SECRETS: Final = (
    "change",
    "secret",
    "password",
    "default",
    "example",
    "demo",
    "test",
    "admin",
    "12345",
    "qwerty",
)
# What PROVIDERS may name.
KNOWN_PROVIDERS: Final = ("demo", "gemini", "stability", "kling", "runway", "kie", "aimlapi")

_CALLBACK_SECRET: Final = re.compile(r"|(whsec_)?(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_BOT_TOKEN: Final = re.compile(r"\d+:\S{30,}")
_DATABASE_SCHEMES: Final = ("postgresql", "postgres", "postgresql+asyncpg")
_REDIS_SCHEMES: Final = ("redis", "rediss")
_HTTP_SCHEMES: Final = ("http", "https")


class Settings(
    WebSettings,
    TelegramSettings,
    DataSettings,
    ProviderSettings,
    CardSettings,
    AccessSettings,
    EconomySettings,
    LimitSettings,
    WorkSettings,
    BaseSettings,
):
    """All of it. Built once, by the command line; everything else is handed what it needs."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, populate_by_name=True, hide_input_in_errors=True
    )

    @property
    def is_production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @property
    def webhook_url(self) -> str:
        return f"{self.public_url}/telegram/webhook"

    @property
    def sqlalchemy_url(self) -> str:
        """The database's address with the asynchronous driver named."""
        _, _, rest = self.database_url.get_secret_value().partition("://")
        return f"postgresql+asyncpg://{rest}"

    @field_validator(
        "public_url", "telegram_api_url", "s3_endpoint_url", "s3_public_url", "tbank_base_url", mode="after"
    )
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.crash_at and self.is_production:
            message = "CRASH_AT is for tests; unset it in production"
            raise ValueError(message)
        if self.heartbeat_seconds * 2 > self.lease_seconds:
            message = "HEARTBEAT_SECONDS must be at most half of LEASE_SECONDS, or one late beat loses every lease"
            raise ValueError(message)
        if self.vendor_call_seconds > self.drain_seconds:
            message = "VENDOR_CALL_SECONDS must not exceed DRAIN_SECONDS, or each deploy pays calls twice"
            raise ValueError(message)
        return self

    def problems(self) -> list[str]:
        """What is wrong with this configuration, each with how to mend it; empty when the process may start."""
        found = [f"{name} is not set" for name in self._missing()] + self.misshapen()
        if self.is_production:
            found += self._weak_secrets() + self._insecure_addresses()
        return found + self._provider_problems() + self._card_problems()

    def misshapen(self) -> list[str]:
        """The settings that are given and cannot be what they should be: nothing can be built from them."""
        found = []
        token = self.bot_token.get_secret_value()
        if token and not _BOT_TOKEN.fullmatch(token):
            found.append("BOT_TOKEN is no token; @BotFather writes it as 123456789:AA…")
        if self.log_level.upper() not in logging.getLevelNamesMapping():
            found.append("LOG_LEVEL is no level; choose DEBUG, INFO, WARNING or ERROR")
        if not _CALLBACK_SECRET.fullmatch(self.kling_callback_secret.get_secret_value()):
            found.append("KLING_CALLBACK_SECRET is no such secret; Kling's console shows it as whsec_…")
        for name, (address, schemes) in self._addresses().items():
            if address and not _is_address(address, schemes):
                # The address itself stays unsaid: it may hold a password.
                found.append(f"{name} is no address; it must begin with {schemes[0]}:// and name a host")
        return found

    @property
    def has_connections(self) -> bool:
        """Whether every system that a process connects to is named at all."""
        connections = (self.database_url, self.redis_url, self.s3_endpoint_url, self.bot_token)
        return all(_plain(connection) for connection in connections)

    def _addresses(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        return {
            "DATABASE_URL": (self.database_url.get_secret_value(), _DATABASE_SCHEMES),
            "REDIS_URL": (self.redis_url.get_secret_value(), _REDIS_SCHEMES),
            "S3_ENDPOINT_URL": (self.s3_endpoint_url, _HTTP_SCHEMES),
            "S3_PUBLIC_URL": (self.s3_public_url, _HTTP_SCHEMES),
            "PUBLIC_URL": (self.public_url, _HTTP_SCHEMES),
            "TELEGRAM_API_URL": (self.telegram_api_url, _HTTP_SCHEMES),
            "TBANK_BASE_URL": (self.tbank_base_url, _HTTP_SCHEMES),
            **{name: (address, _HTTP_SCHEMES) for name, address in self._vendor_addresses().items()},
        }

    def _vendor_addresses(self) -> dict[str, str]:
        return {f"{name.upper()}_BASE_URL": getattr(self, f"{name}_base_url") for name in KNOWN_PROVIDERS}

    def _provider_problems(self) -> list[str]:
        if not self.providers:
            return [f"PROVIDERS names no provider; of {', '.join(KNOWN_PROVIDERS)} list at least one"]
        found = []
        for name in self.providers:
            if name not in KNOWN_PROVIDERS:
                found.append(f"PROVIDERS names {name}, which is none of {', '.join(KNOWN_PROVIDERS)}")
            elif not self._key_of(name):
                found.append(f"{name.upper()}_API_KEY is not set although PROVIDERS names {name}")
        if "demo" in self.providers and not self.demo_base_url:
            found.append("DEMO_BASE_URL is not set although PROVIDERS names demo")
        return found

    @property
    def tbank_terminals(self) -> dict[str, str]:
        """The configured terminals, each with its password."""
        pairs = (
            (self.tbank_terminal_key, self.tbank_password),
            (self.tbank_test_terminal_key, self.tbank_test_password),
        )
        return {key.get_secret_value(): word.get_secret_value() for key, word in pairs if key.get_secret_value()}

    def _card_problems(self) -> list[str]:
        pairs = {
            "TBANK": (self.tbank_terminal_key, self.tbank_password),
            "TBANK_TEST": (self.tbank_test_terminal_key, self.tbank_test_password),
        }
        found = [
            f"of {name}_TERMINAL_KEY and {name}_PASSWORD only one is set"
            for name, (key, password) in pairs.items()
            if bool(_plain(key)) != bool(_plain(password))
        ]
        if self.cards_enabled and not any(_plain(key) for key, _ in pairs.values()):
            found.append("CARDS_ENABLED is on, but neither TBANK_TERMINAL_KEY nor TBANK_TEST_TERMINAL_KEY is set")
        if self.tbank_taxation and not self.tbank_receipt_email:
            found.append("TBANK_RECEIPT_EMAIL is not set although TBANK_TAXATION asks for receipts (54-FZ)")
        return found

    def _missing(self) -> list[str]:
        required: dict[str, Any] = {
            "PUBLIC_URL": self.public_url,
            "BOT_TOKEN": self.bot_token,
            "BOT_USERNAME": self.bot_username,
            "TELEGRAM_WEBHOOK_SECRET": self.telegram_webhook_secret,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "S3_ENDPOINT_URL": self.s3_endpoint_url,
            "S3_ACCESS_KEY": self.s3_access_key,
            "S3_SECRET_KEY": self.s3_secret_key,
            "WEBAPP_SECRET": self.webapp_secret,
            "METRICS_TOKEN": self.metrics_token,
        }
        return [name for name, value in required.items() if not _plain(value)]

    def _weak_secrets(self) -> list[str]:
        secrets = {
            "TELEGRAM_WEBHOOK_SECRET": self.telegram_webhook_secret,
            "WEBAPP_SECRET": self.webapp_secret,
            "METRICS_TOKEN": self.metrics_token,
            "ADMIN_UI_SESSION_SECRET": self.admin_ui_session_secret,
        }
        return [
            f"{name} is weak; make one with: openssl rand -hex 32"
            for name, secret in secrets.items()
            if _is_weak(secret.get_secret_value(), minimum_length=MINIMUM_SECRET_LENGTH)
        ] + (
            ["ADMIN_UI_PASSWORD is missing or weak; choose at least 12 characters that are no common word"]
            if _is_weak(self.admin_ui_password.get_secret_value(), minimum_length=12)
            else []
        )

    def _insecure_addresses(self) -> list[str]:
        found = []
        if urlsplit(self.public_url).scheme != "https":
            found.append("PUBLIC_URL must begin with https:// in production; Telegram calls nothing else")
        ours = {"TELEGRAM_API_URL": self.telegram_api_url, "TBANK_BASE_URL": self.tbank_base_url}
        # The demo vendor has a word of its own below.
        vendors = {name: address for name, address in self._vendor_addresses().items() if name != "DEMO_BASE_URL"}
        found += [
            f"{name} must begin with https:// in production; keys and money travel there"
            for name, address in (ours | vendors).items()
            if urlsplit(address).scheme != "https"
        ]
        if "demo" in self.providers:
            found.append("PROVIDERS names demo, which draws toy pictures; remove it in production")
        return found

    def _key_of(self, provider: str) -> str:
        secret = getattr(self, f"{provider}_api_key", None)
        return secret.get_secret_value() if isinstance(secret, SecretStr) else ""


def _plain(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _is_address(address: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(address)
        # A port is parsed when it is asked for, and a wrong one raises.
        # PostgreSQL may be reached through a socket, which stands in the query.
        has_host = bool(parts.hostname) or "host=" in parts.query
        return parts.scheme in schemes and has_host and parts.port != 0
    except ValueError:
        return False


def _is_weak(secret: str, *, minimum_length: int) -> bool:
    lowered = secret.lower()
    varied = len(set(secret)) >= 8
    return len(secret) < minimum_length or not varied or any(lowered.startswith(word) for word in _WEAK_SECRETS)
