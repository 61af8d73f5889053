"""How it is wired: builds the adapters from the settings, hands them to the services. Nothing points up to here
but the surfaces; building connects to nothing, `open` does.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final, Self

from app.adapters.download import HttpDownloader
from app.adapters.moderation import RuleModerator
from app.adapters.providers.configured import build_providers
from app.adapters.queue import ArqQueue
from app.adapters.rate_counter import RedisRateCounter
from app.adapters.sessions import RedisSessions
from app.adapters.signals import RedisSignals
from app.adapters.storage import S3Storage
from app.adapters.telegram.client import create_bot
from app.adapters.telegram.files import TelegramFiles
from app.adapters.telegram.messenger import TelegramMessenger
from app.adapters.telegram.money_updates import SOURCE as STARS_EVENTS
from app.adapters.telegram.money_updates import read_update
from app.adapters.telegram.rendering import Renderer
from app.adapters.telegram.sender import PacedSender
from app.adapters.telegram.stars import TelegramStars
from app.container.alarms import dead_letter_alert, failing_event_alert
from app.container.terms import (
    acceptance_terms,
    account_terms,
    breaker_terms,
    making_limits,
    order_terms,
    pages,
    product_prices,
    samples,
    seed_prices,
)
from app.container.tools import build_cards, build_input_preparer, build_result_preparer
from app.core.crashpoints import CrashPoints
from app.core.db import Database
from app.core.i18n import Translator
from app.core.media_processes import MediaProcesses
from app.core.metrics import Metrics
from app.domain.accounts.browser_links import BrowserLinkService
from app.domain.accounts.service import AccountService
from app.domain.alerts.service import AlertService
from app.domain.avatars.service import AvatarService
from app.domain.catalog.breaker import RouteBreaker
from app.domain.catalog.service import CatalogService
from app.domain.credits.service import CreditService
from app.domain.delivery.models import DeliveryKind
from app.domain.delivery.service import DeliveryService
from app.domain.generations.cards import CardService
from app.domain.generations.choosing import Chooser
from app.domain.generations.collecting import ObjectCollector
from app.domain.generations.composing import CardContent
from app.domain.generations.contents import GenerationContents, ProgressEditor
from app.domain.generations.doorbell import Doorbell
from app.domain.generations.drafts import DraftService
from app.domain.generations.inputs import InputFetcher, InputResolver
from app.domain.generations.intake import IntakeService
from app.domain.generations.judging import PromptJudge
from app.domain.generations.keeping import OutputKeeper
from app.domain.generations.making import OutputMaker
from app.domain.generations.medians import MedianCache
from app.domain.generations.options import PromptLimits
from app.domain.generations.packs import PackPlanner
from app.domain.generations.running import GenerationRunner
from app.domain.generations.service import GenerationService
from app.domain.generations.styling import Stylist
from app.domain.inbox.service import InboxService
from app.domain.moderation.service import ModerationService
from app.domain.payments.card_events import CardEventService
from app.domain.payments.card_refunds import CardRefunder
from app.domain.payments.card_till import CardTill
from app.domain.payments.charges import ChargeService
from app.domain.payments.checkout import Checkout
from app.domain.payments.gifts import GiftService
from app.domain.payments.models import Method
from app.domain.payments.money_back import MoneyBack
from app.domain.payments.orders import OrderService
from app.domain.payments.pay_and_go import GoTerms, PayAndGo
from app.domain.payments.reconciliation import Reconciliation
from app.domain.payments.refunders import StarsRefunder
from app.domain.payments.refunds import RefundService
from app.domain.payments.stars_events import StarsEvents
from app.domain.payments.subscriptions import SubscriptionService
from app.domain.payments.terminals import TerminalService
from app.domain.payments.tills import StarsTill
from app.domain.payments.unlocking import UnlockService
from app.domain.promotions.service import PromotionService
from app.domain.referrals.service import ReferralService
from app.domain.reports.service import BookService
from app.domain.uploads.service import UploadService
from app.domain.users.service import UserService
from app.settings import Settings

_LOCALES: Final = Path(__file__).parents[1] / "locales"
# A HEIC picture of the most pixels takes a few.
_PHOTO_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases, by the part of the product that they belong to."""

    users: UserService
    accounts: AccountService
    credits: CreditService
    catalog: CatalogService
    uploads: UploadService
    avatars: AvatarService
    moderation: ModerationService
    judge: PromptJudge
    generations: GenerationService
    drafts: DraftService
    draft_cards: CardService
    intake: IntakeService
    deliveries: DeliveryService
    alerts: AlertService
    inbox: InboxService
    orders: OrderService
    terminals: TerminalService
    card_events: CardEventService
    browser_links: BrowserLinkService
    checkout: Checkout
    charges: ChargeService
    refunds: RefundService
    subscriptions: SubscriptionService
    gifts: GiftService
    unlocks: UnlockService
    pay_and_go: PayAndGo
    money_back: MoneyBack
    promotions: PromotionService
    referrals: ReferralService
    reconciliation: Reconciliation
    books: BookService
    runner: GenerationRunner
    doorbell: Doorbell
    progress: ProgressEditor
    collector: ObjectCollector


class Container:
    """Everything that a process is made of. An asynchronous context manager."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.crashpoints = CrashPoints(settings.crash_at or None)
        self.translator = Translator(_LOCALES)
        self.draining = asyncio.Event()
        self.worker_age_seconds: Callable[[], float | None] = lambda: None
        self._build_adapters(settings)
        self.services = self._build_services(settings)

    def _build_adapters(self, settings: Settings) -> None:
        redis_url = settings.redis_url.get_secret_value()
        self.db = Database(
            settings.sqlalchemy_url, pool_size=settings.db_pool_size, max_overflow=settings.db_max_overflow
        )
        self.queue = ArqQueue(redis_url, metrics=self.metrics)
        self.db.ring_with(self.queue)
        self.rate_counter = RedisRateCounter(redis_url)
        self.sessions = RedisSessions(redis_url)
        self.signals = RedisSignals(redis_url)
        self.storage = S3Storage(
            endpoint_url=settings.s3_endpoint_url,
            public_url=settings.s3_public_url,
            access_key=settings.s3_access_key.get_secret_value(),
            secret_key=settings.s3_secret_key.get_secret_value(),
            bucket=settings.s3_bucket,
            region=settings.s3_region,
        )
        self.preparer = build_result_preparer(MediaProcesses())
        # Of their own, so that what users send never keeps a paid video waiting; a photo that takes longer is none.
        self.input_preparer = build_input_preparer(settings, MediaProcesses(seconds=_PHOTO_SECONDS))
        self.downloader = HttpDownloader(allows_origins=not settings.is_production)
        self.providers = build_providers(settings)
        self.bot = create_bot(settings.bot_token.get_secret_value(), api_url=settings.telegram_api_url)
        self.chat_files = TelegramFiles(self.bot)
        self.stars = TelegramStars(self.bot, self.translator)
        self.cards = build_cards(settings)
        self.messenger = TelegramMessenger(
            self.bot,
            Renderer(self.translator),
            PacedSender(
                per_second=settings.telegram_sends_per_second,
                chat_per_second=settings.telegram_chat_sends_per_second,
            ),
            self.storage,
            link_seconds=settings.result_link_seconds,
        )

    def _build_services(self, settings: Settings) -> Services:
        db, metrics = self.db, self.metrics
        lease = timedelta(seconds=settings.lease_seconds)
        terms = acceptance_terms(settings)
        alerts = AlertService(db, metrics, chat_id=settings.alert_chat_id)
        catalog = CatalogService(db, providers=tuple(self.providers), samples=samples(settings))
        moderation = ModerationService(db, RuleModerator())
        judge = PromptJudge(moderation, catalog)
        medians = MedianCache(db, catalog)
        deliveries = DeliveryService(
            db,
            self.messenger,
            lease=lease,
            retry_delays_seconds=settings.delivery_retry_seconds,
            metrics=metrics,
            crashpoints=self.crashpoints,
        )
        uploads = UploadService(db, self.storage, self.input_preparer, terms.uploads)
        inputs = InputResolver(db, self.storage, uploads)
        avatars = AvatarService(db, terms.uploads)
        packs = PackPlanner(catalog, avatars)
        stylist = Stylist(catalog, PromptLimits(longest=settings.prompt_max_characters))
        generations = GenerationService(
            db,
            catalog,
            judge,
            medians,
            inputs,
            packs,
            stylist,
            terms=terms,
            stoppable_providers=frozenset(
                name for name, provider in self.providers.items() if provider.traits.stops_free
            ),
            metrics=metrics,
            crashpoints=self.crashpoints,
        )
        maker = OutputMaker(
            db,
            catalog,
            self.providers,
            self.downloader,
            OutputKeeper(db, self.storage, self.preparer, self.crashpoints),
            alerts,
            InputFetcher(db, self.storage),
            RouteBreaker(db, catalog, breaker_terms(settings)),
            limits=making_limits(settings),
            metrics=metrics,
            crashpoints=self.crashpoints,
        )
        terminals = TerminalService(
            db, self.cards, is_selling=settings.cards_enabled, testers=frozenset(settings.admin_ids)
        )
        drafts = DraftService(
            db, catalog, generations, inputs, packs, stylist, life=timedelta(hours=settings.draft_life_hours)
        )
        pay_and_go = PayAndGo(db, judge, drafts, limits=terms.limits)
        orders = OrderService(
            db,
            catalog,
            {
                Method.STARS: StarsTill(self.stars),
                Method.TBANK: CardTill(
                    db, self.cards, terminals, addresses=pages(settings), crashpoints=self.crashpoints
                ),
            },
            self.rate_counter,
            pay_and_go,
            terms=order_terms(settings),
        )
        cards = CardService(
            db, catalog, quotas=terms.quotas, stars_for=partial(orders.draft_amount, method=Method.STARS)
        )
        card = CardContent(
            db, cards, drafts, catalog, stylist, uploads, avatars, self.chat_files, crashpoints=self.crashpoints
        )
        deliveries.register(
            {**GenerationContents(db, medians).by_kind(), DeliveryKind.CARD: card}, on_dead=dead_letter_alert(alerts)
        )
        charges = ChargeService(
            db,
            alerts,
            go_terms=GoTerms(terms, money_back=settings.pay_and_go_money_back),
            bot_username=settings.bot_username,
            metrics=metrics,
            crashpoints=self.crashpoints,
        )
        refunds = RefundService(
            db,
            {Method.STARS: StarsRefunder(self.stars), Method.TBANK: CardRefunder(db, self.cards, alerts)},
            alerts,
            window=timedelta(days=settings.refund_window_days),
            metrics=metrics,
            crashpoints=self.crashpoints,
        )
        subscriptions = SubscriptionService(db, self.stars)
        inbox = InboxService(db, failing_event_alert(alerts), self.crashpoints)
        inbox.register(STARS_EVENTS, StarsEvents(read_update, charges, refunds, subscriptions).handle)
        return Services(
            users=UserService(db),
            accounts=AccountService(db, self.sessions, limits=terms.limits, terms=account_terms(settings)),
            credits=CreditService(db),
            catalog=catalog,
            uploads=uploads,
            avatars=avatars,
            moderation=moderation,
            judge=judge,
            generations=generations,
            drafts=drafts,
            draft_cards=cards,
            intake=IntakeService(
                db,
                Chooser(catalog),
                stylist,
                life=timedelta(hours=settings.draft_life_hours),
                crashpoints=self.crashpoints,
            ),
            deliveries=deliveries,
            alerts=alerts,
            inbox=inbox,
            orders=orders,
            terminals=terminals,
            card_events=CardEventService(db, self.cards, charges, refunds, inbox, alerts, metrics),
            browser_links=BrowserLinkService(db, key=settings.webapp_secret.get_secret_value().encode()),
            checkout=Checkout(db, orders, pay_and_go, purchases_per_hour=settings.purchases_per_hour),
            charges=charges,
            refunds=refunds,
            subscriptions=subscriptions,
            gifts=GiftService(db, bot_username=settings.bot_username),
            unlocks=UnlockService(db, catalog, generations),
            pay_and_go=pay_and_go,
            money_back=MoneyBack(db),
            promotions=PromotionService(db, self.rate_counter),
            referrals=ReferralService(db, bot_username=settings.bot_username),
            reconciliation=Reconciliation(db, self.stars, charges, refunds),
            books=BookService(db, alerts, metrics),
            runner=GenerationRunner(
                db,
                maker,
                alerts,
                lease=lease,
                fallback_timeout_seconds=settings.image_timeout_seconds,
                metrics=metrics,
                crashpoints=self.crashpoints,
            ),
            doorbell=Doorbell(db),
            progress=ProgressEditor(db, self.messenger, medians),
            collector=ObjectCollector(db, self.storage),
        )

    async def open(self) -> None:
        """Connect what keeps connections. Only the database must be there; the rest may come later."""
        await self.storage.open()
        await self.signals.open()

    async def seed(self) -> None:
        """Enter the first catalogue where it is missing."""
        await self.services.catalog.seed(seed_prices(self.settings), product_prices(self.settings))

    async def close(self) -> None:
        """Close everything, in reverse."""
        for provider in self.providers.values():
            await provider.close()
        for gateway in self.cards.values():
            await gateway.close()
        await self.downloader.close()
        await self.bot.session.close()
        self.preparer.close()
        self.input_preparer.close()
        await self.storage.close()
        await self.signals.close()
        await self.sessions.close()
        await self.rate_counter.close()
        await self.queue.close()
        await self.db.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
