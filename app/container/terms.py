"""The settings in the words of the services: prices, limits, lives and waits."""

from datetime import timedelta

from app.domain.accounts.service import AccountTerms
from app.domain.catalog.breaker import BreakerTerms
from app.domain.catalog.seeds import ProductPrices, SeedPrices
from app.domain.generations.accept import Terms
from app.domain.generations.outcomes import MakingLimits
from app.domain.limits.quotas import FreeQuotas
from app.domain.limits.tiers import Limits, TierLimits
from app.domain.payments.card_till import PageAddresses
from app.domain.payments.prices import OrderTerms
from app.domain.uploads.views import UploadTerms
from app.settings import Settings


def acceptance_terms(settings: Settings) -> Terms:
    """What generations are accepted on."""
    return Terms(
        limits=limits(settings),
        quotas=quotas(settings),
        uploads=upload_terms(settings),
        start_wait=timedelta(seconds=settings.start_wait_seconds),
        first_ring=timedelta(seconds=settings.ring_first_seconds),
    )


def upload_terms(settings: Settings) -> UploadTerms:
    """How large uploads may be, and how long they are kept."""
    return UploadTerms(
        max_bytes=settings.upload_max_megabytes * 1_000_000,
        life=timedelta(hours=settings.upload_life_hours),
        kept=timedelta(hours=settings.inputs_kept_hours),
    )


def order_terms(settings: Settings) -> OrderTerms:
    """What is sold at, and for how long an order stands."""
    return OrderTerms(
        bot_username=settings.bot_username,
        life=timedelta(hours=settings.order_life_hours),
        stars_per_credit=settings.stars_per_credit,
        kopecks_per_credit=settings.kopecks_per_credit,
        purchases_per_hour=settings.purchases_per_hour,
    )


def seed_prices(settings: Settings) -> SeedPrices:
    """Of the models of the first catalogue."""
    return SeedPrices(
        image_standard=settings.cost_img_standard,
        image_pro=settings.cost_img_pro,
        edit_standard=settings.cost_edit_standard,
        edit_pro=settings.cost_edit_pro,
        video_standard=settings.cost_video_standard,
        video_pro=settings.cost_video_pro,
        upscale=settings.cost_upscale,
        image_timeout_seconds=settings.image_timeout_seconds,
        video_timeout_seconds=settings.video_timeout_seconds,
        pack_timeout_seconds=settings.pack_timeout_seconds,
    )


def product_prices(settings: Settings) -> ProductPrices:
    """Of the products of the first catalogue."""
    return ProductPrices(
        starter_stars=settings.pack_starter_stars,
        starter_credits=settings.pack_starter_credits,
        pro_stars=settings.pack_pro_stars,
        pro_credits=settings.pack_pro_credits,
        monthly_stars=settings.sub_monthly_stars,
        monthly_credits=settings.sub_monthly_credits,
        annual_stars=settings.sub_annual_stars,
        annual_credits=settings.sub_annual_credits,
        unlock_stars=settings.unlock_stars,
        unlock_credits=settings.unlock_credits,
        kopecks_per_credit=settings.kopecks_per_credit,
    )


def pages(settings: Settings) -> PageAddresses:
    """Where T-Bank notifies us, and where it sends a payer back to."""
    return PageAddresses(
        notification_url=f"{settings.public_url}/hooks/tbank", return_url=f"{settings.public_url}/web/orders"
    )


def samples(settings: Settings) -> str:
    """Where the demo vendor shows what it makes of each style; nowhere without it."""
    return f"{settings.demo_base_url.rstrip('/')}/v1/samples" if "demo" in settings.providers else ""


def quotas(settings: Settings) -> FreeQuotas:
    """What the house pays for a day."""
    return FreeQuotas(generations=settings.free_generations_per_day, copies=settings.free_copies_per_day)


def limits(settings: Settings) -> Limits:
    """What a user of each tier may ask for."""
    return Limits(
        {
            "free": TierLimits(settings.active_free, settings.per_minute_free, settings.per_hour_free),
            "premium": TierLimits(settings.active_premium, settings.per_minute_premium, settings.per_hour_premium),
            "vip": TierLimits(settings.active_vip, settings.per_minute_vip, settings.per_hour_vip),
        }
    )


def making_limits(settings: Settings) -> MakingLimits:
    """How often, how long and how soon vendors are asked."""
    return MakingLimits(
        creates_per_route=settings.creates_per_route,
        creates_per_output=settings.creates_per_output,
        wait_first_seconds=settings.ring_first_seconds,
        wait_longest_seconds=settings.ring_longest_seconds,
        vendor_call_seconds=settings.vendor_call_seconds,
        unreachable_task_seconds=settings.unreachable_task_hours * 3600.0,
        callback_base=f"{settings.public_url}/hooks/providers" if settings.public_url else "",
    )


def breaker_terms(settings: Settings) -> BreakerTerms:
    """When a route is left alone, and tried again."""
    return BreakerTerms(
        failures=settings.breaker_failures,
        window=timedelta(seconds=settings.breaker_window_seconds),
        open_for=timedelta(seconds=settings.breaker_open_seconds),
        # A process that dies while it tries must not keep the route half-open for ever.
        probe=timedelta(seconds=settings.vendor_call_seconds + settings.lease_seconds),
    )


def account_terms(settings: Settings) -> AccountTerms:
    """What newcomers are given, and how they are known again."""
    return AccountTerms(
        free_credits=settings.free_credits,
        hash_key=settings.webapp_secret.get_secret_value().encode(),
        bot_username=settings.bot_username,
        launch_max_age=timedelta(seconds=settings.init_data_max_age_seconds),
        referral_reward=settings.referral_reward,
        referral_escrow=timedelta(days=settings.refund_window_days),
        quotas=quotas(settings),
    )
