"""The settings by what they are about, each with its type and its usual value."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0)]


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


def _parts(value: object) -> object:
    """What is written with commas, in parts."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value
