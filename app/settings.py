"""Every environment variable, typed and grouped: the only reader of the environment.

The names are the field names in capitals; `.env.example` lists them all, and a test holds the two together.
"""

import logging
import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0)]

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


class Environment(StrEnum):
    """Where the process runs. Only outside production are clock offsets, plain http and crash points allowed."""

    DEMO = "demo"
    TEST = "test"
    PRODUCTION = "production"


class WebSettings(BaseModel):
    """The process and its address."""

    environment: Environment = Environment.PRODUCTION
    host: str = "0.0.0.0"  # noqa: S104 - a container is reached from outside by definition
    port: Positive = 8080
    public_url: str = Field(default="", validation_alias=AliasChoices("PUBLIC_URL", "WEBAPP_BASE_URL"))
    trusted_proxies: str = ""
    log_level: str = "INFO"
    sentry_dsn: SecretStr = SecretStr("")
    metrics_token: SecretStr = SecretStr("")
    crash_at: str = ""


class TelegramSettings(BaseModel):
    """The bot."""

    bot_token: SecretStr = SecretStr("")
    bot_username: str = ""
    telegram_api_url: str = "https://api.telegram.org"
    telegram_webhook_secret: SecretStr = SecretStr("")
    telegram_sends_per_second: Seconds = 25.0
    telegram_chat_sends_per_second: Seconds = 1.0
    webhook_handler_seconds: Seconds = 8.0
    admin_ids: Annotated[tuple[int, ...], NoDecode] = ()
    alert_chat_id: int | None = None

    @field_validator("admin_ids", mode="before")
    @classmethod
    def _split_ids(cls, value: object) -> object:
        return _parts(value)

    @field_validator("alert_chat_id", mode="before")
    @classmethod
    def _empty_chat(cls, value: object) -> object:
        return None if value == "" else value


class DataSettings(BaseModel):
    """PostgreSQL, Redis and the object store."""

    database_url: SecretStr = SecretStr("")
    db_pool_size: Positive = 10
    db_max_overflow: NotNegative = 20
    redis_url: SecretStr = SecretStr("")
    s3_endpoint_url: str = ""
    s3_public_url: str = ""
    s3_access_key: SecretStr = SecretStr("")
    s3_secret_key: SecretStr = SecretStr("")
    s3_bucket: str = "starbrush"
    s3_region: str = "us-east-1"
    result_link_seconds: Positive = 3600


class ProviderSettings(BaseModel):
    """The vendors that make things, in the order of preference."""

    providers: Annotated[tuple[str, ...], NoDecode] = ()
    demo_api_key: SecretStr = SecretStr("")
    demo_base_url: str = ""
    gemini_api_key: SecretStr = SecretStr("")
    gemini_base_url: str = "https://generativelanguage.googleapis.com"
    stability_api_key: SecretStr = SecretStr("")
    stability_base_url: str = "https://api.stability.ai"
    kling_api_key: SecretStr = SecretStr("")
    kling_callback_secret: SecretStr = SecretStr("")
    kling_base_url: str = "https://api-singapore.klingai.com"
    runway_api_key: SecretStr = SecretStr("")
    runway_base_url: str = "https://api.dev.runwayml.com"
    kie_api_key: SecretStr = SecretStr("")
    kie_callback_key: SecretStr = SecretStr("")
    kie_base_url: str = "https://api.kie.ai"
    aimlapi_api_key: SecretStr = SecretStr("")
    aimlapi_base_url: str = "https://api.aimlapi.com"

    @field_validator("providers", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value


class CardSettings(BaseModel):
    """T-Bank, off by default."""

    tbank_terminal_key: SecretStr = SecretStr("")
    tbank_password: SecretStr = SecretStr("")
    tbank_test_terminal_key: SecretStr = SecretStr("")
    tbank_test_password: SecretStr = SecretStr("")
    tbank_base_url: str = "https://securepay.tinkoff.ru"
    cards_enabled: bool = False
    tbank_taxation: Literal["", "osn", "usn_income", "usn_income_outcome", "esn", "patent"] = ""
    tbank_vat: Literal[
        "none", "vat0", "vat5", "vat7", "vat10", "vat20", "vat22", "vat105", "vat107", "vat110", "vat120", "vat122"
    ] = "none"
    tbank_payment_method: Literal["full_prepayment", "prepayment", "advance", "full_payment"] = "full_payment"
    tbank_payment_object: Literal["service", "payment", "intellectual_activity", "commodity"] = "service"
    tbank_ffd_version: Literal["1.05", "1.2"] = "1.05"
    tbank_receipt_email: str = ""


class AccessSettings(BaseModel):
    """Sign-in of the cabinet and of the admin page."""

    webapp_secret: SecretStr = SecretStr("")
    session_ttl_seconds: Positive = 86_400
    init_data_max_age_seconds: Positive = 86_400
    admin_ui_password: SecretStr = SecretStr("")
    admin_ui_session_secret: SecretStr = SecretStr("")
    unknown_hook_calls_per_10_seconds: Positive = 10


class EconomySettings(BaseModel):
    """Prices and grants; they seed the catalogue once, afterwards the operator owns it."""

    free_credits: NotNegative = 20
    referral_reward: NotNegative = 20
    cost_img_standard: Positive = 4
    cost_img_pro: Positive = 10
    cost_edit_standard: Positive = 6
    cost_edit_pro: Positive = 14
    cost_video_standard: Positive = 60
    cost_video_pro: Positive = 150
    cost_upscale: Positive = 6
    pack_starter_stars: Positive = 100
    pack_starter_credits: Positive = 100
    pack_pro_stars: Positive = 450
    pack_pro_credits: Positive = 500
    sub_monthly_stars: Positive = 350
    sub_monthly_credits: Positive = 400
    sub_annual_stars: Positive = 3_500
    sub_annual_credits: Positive = 5_000
    unlock_stars: Positive = 15
    unlock_credits: Positive = 15
    stars_per_credit: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] = Decimal(1)
    kopecks_per_credit: Positive = 200
    free_generations_per_day: NotNegative = 1
    free_copies_per_day: NotNegative = 1
    refund_window_days: Positive = 21
    purchases_per_hour: Positive = 10
    pay_and_go_money_back: bool = False


class LimitSettings(BaseModel):
    """How much one user may ask for, by tier."""

    active_free: Positive = 5
    active_premium: Positive = 10
    active_vip: Positive = 20
    per_minute_free: Positive = 10
    per_minute_premium: Positive = 30
    per_minute_vip: Positive = 60
    per_hour_free: Positive = 60
    per_hour_premium: Positive = 300
    per_hour_vip: Positive = 1_000
    prompt_max_characters: Positive = 2_000
    upload_max_megabytes: Positive = 20
    upload_max_megapixels: Positive = 50
    order_life_hours: Positive = 24
    draft_life_hours: Positive = 24
    upload_life_hours: Positive = 24
    inputs_kept_hours: NotNegative = 24


class WorkSettings(BaseModel):
    """The generation protocol's waits, leases and retries (spec §4)."""

    pool_size: Positive = 64
    delivery_pool_size: Positive = 32
    start_wait_seconds: Positive = 1_800
    image_timeout_seconds: Positive = 600
    video_timeout_seconds: Positive = 1_800
    pack_timeout_seconds: Positive = 3_600
    vendor_call_seconds: Seconds = 120.0
    drain_seconds: Seconds = 150.0
    creates_per_route: Positive = 2
    creates_per_output: Positive = 4
    breaker_failures: Positive = 5
    breaker_window_seconds: Positive = 60
    breaker_open_seconds: Positive = 30
    lease_seconds: Seconds = 12.0
    heartbeat_seconds: Seconds = 4.0
    sweep_seconds: Seconds = 3.0
    ring_first_seconds: Seconds = 5.0
    ring_longest_seconds: Seconds = 60.0
    rings_per_sweep: Positive = 200
    unreachable_task_hours: Positive = 24
    delivery_retry_seconds: Annotated[tuple[Positive, ...], NoDecode] = (5, 12, 60, 300, 900, 3_600, 21_600)

    @field_validator("delivery_retry_seconds", mode="before")
    @classmethod
    def _split_delays(cls, value: object) -> object:
        return _parts(value)


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


def _parts(value: object) -> object:
    """What is written with commas, in parts."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _is_weak(secret: str, *, minimum_length: int) -> bool:
    lowered = secret.lower()
    varied = len(set(secret)) >= 8
    return len(secret) < minimum_length or not varied or any(lowered.startswith(word) for word in _WEAK_SECRETS)
