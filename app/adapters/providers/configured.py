"""Builds the vendors that PROVIDERS names. Each is imported only where it is used: memory that nobody else pays for."""

from collections.abc import Callable, Mapping
from typing import Final

from pydantic import SecretStr

from app.domain.ports import Provider
from app.settings import Settings

_Build = Callable[[Settings], Provider]


def build_providers(settings: Settings) -> dict[str, Provider]:
    """The configured vendors, in the order of preference; one without a key is passed over, and its routes with it."""
    return {
        name: _BUILDERS[name](settings) for name in settings.providers if name in _BUILDERS and _key(settings, name)
    }


def _key(settings: Settings, name: str) -> str:
    secret: SecretStr = getattr(settings, f"{name}_api_key")
    return secret.get_secret_value()


def _demo(settings: Settings) -> Provider:
    from app.adapters.providers.demo import DemoProvider

    return DemoProvider(
        base_url=settings.demo_base_url,
        api_key=_key(settings, "demo"),
        call_limit_seconds=settings.vendor_call_seconds,
    )


def _gemini(settings: Settings) -> Provider:
    from app.adapters.providers.gemini import GeminiProvider

    return GeminiProvider(
        base_url=settings.gemini_base_url,
        api_key=_key(settings, "gemini"),
        call_limit_seconds=settings.vendor_call_seconds,
    )


def _stability(settings: Settings) -> Provider:
    from app.adapters.providers.stability import StabilityProvider

    return StabilityProvider(
        base_url=settings.stability_base_url,
        api_key=_key(settings, "stability"),
        call_limit_seconds=settings.vendor_call_seconds,
    )


def _kling(settings: Settings) -> Provider:
    from app.adapters.providers.kling import KlingProvider

    return KlingProvider(
        base_url=settings.kling_base_url,
        api_key=_key(settings, "kling"),
        callback_secret=settings.kling_callback_secret.get_secret_value() or None,
    )


def _runway(settings: Settings) -> Provider:
    from app.adapters.providers.runway import RunwayProvider

    return RunwayProvider(base_url=settings.runway_base_url, api_key=_key(settings, "runway"))


def _kie(settings: Settings) -> Provider:
    from app.adapters.providers.kie import KieProvider

    return KieProvider(
        base_url=settings.kie_base_url,
        api_key=_key(settings, "kie"),
        callback_key=settings.kie_callback_key.get_secret_value() or None,
    )


def _aimlapi(settings: Settings) -> Provider:
    from app.adapters.providers.aimlapi import AimlapiProvider

    return AimlapiProvider(
        base_url=settings.aimlapi_base_url,
        api_key=_key(settings, "aimlapi"),
        call_limit_seconds=settings.vendor_call_seconds,
    )


_BUILDERS: Final[Mapping[str, _Build]] = {
    "demo": _demo,
    "gemini": _gemini,
    "stability": _stability,
    "kling": _kling,
    "runway": _runway,
    "kie": _kie,
    "aimlapi": _aimlapi,
}
