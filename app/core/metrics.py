"""What the process counts and times, in the Prometheus format.

One object with its own registry, handed to whoever measures. Labels come from closed sets (statuses, model keys,
route templates), never from user input, so that the number of series stays bounded.
"""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

# From a ring that is answered at once to a queue that has stood still for minutes.
_WAIT_BUCKETS: Final = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800)
_PROVIDER_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 120)
_HTTP_BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 8)
_GENERATION_BUCKETS: Final = (1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1800, 3600)

_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Metrics:
    """Every figure of one process. Methods never raise and never wait."""

    content_type: Final = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # Memory, CPU time and open files of the process.
        ProcessCollector(registry=self.registry)
        self._build_work()
        self._build_border()
        self._build_health()

    def _build_work(self) -> None:
        self._generations = Counter(
            "starbrush_generations",
            "Changes of status of generations.",
            ("status", "model"),
            registry=self.registry,
        )
        self._generation_seconds = Histogram(
            "starbrush_generation_seconds",
            "From acceptance to the final status.",
            ("model", "status"),
            buckets=_GENERATION_BUCKETS,
            registry=self.registry,
        )
        self._queue_wait = Histogram(
            "starbrush_queue_wait_seconds",
            "From the commit of a generation to its first provider call.",
            buckets=_WAIT_BUCKETS,
            registry=self.registry,
        )
        self._provider_seconds = Histogram(
            "starbrush_provider_call_seconds",
            "Calls of vendors by what came of them.",
            ("provider", "call", "outcome"),
            buckets=_PROVIDER_BUCKETS,
            registry=self.registry,
        )
        self._deliveries = Counter(
            "starbrush_deliveries",
            "Attempts to deliver, by what is delivered and what came of it.",
            ("kind", "outcome"),
            registry=self.registry,
        )

    def _build_border(self) -> None:
        self._updates = Counter(
            "starbrush_webhook_updates",
            "Updates from Telegram by kind and outcome.",
            ("kind", "outcome"),
            registry=self.registry,
        )
        self._http_seconds = Histogram(
            "starbrush_http_request_seconds",
            "HTTP requests by route template.",
            ("method", "route", "status"),
            buckets=_HTTP_BUCKETS,
            registry=self.registry,
        )

        self._payments = Counter(
            "starbrush_payment_reports",
            "Charges reported by vendors, by what became of the report.",
            ("method", "outcome"),
            registry=self.registry,
        )
        self._refunds = Counter(
            "starbrush_refunds", "Refunds that ended, by outcome.", ("method", "outcome"), registry=self.registry
        )
        self._refused_events = Counter(
            "starbrush_refused_events",
            "Vendors' events that were not believed or fitted nothing of ours.",
            ("source", "reason"),
            registry=self.registry,
        )

    def _build_health(self) -> None:
        self._ledger_breaches = Counter(
            "starbrush_ledger_breaches", "Users whose balance and ledger disagreed.", registry=self.registry
        )
        self._rings_lost = Counter(
            "starbrush_rings_lost", "Rings that the queue did not take; the sweep repeats them.", registry=self.registry
        )
        self._alerts = Counter("starbrush_alerts", "Alerts raised, by cause.", ("cause",), registry=self.registry)
        self._pool_in_use = Gauge(
            "starbrush_pool_in_use", "Jobs running in this process, by queue.", ("queue",), registry=self.registry
        )
        self._db_pool_in_use = Gauge("starbrush_db_pool_in_use", "Database connections in use.", registry=self.registry)
        self._sweep_age = Gauge(
            "starbrush_sweep_age_seconds", "Seconds since the last completed sweep.", registry=self.registry
        )
        self._worker_loop_age = Gauge(
            "starbrush_worker_loop_age_seconds",
            "Seconds since a queue's reader last turned.",
            ("queue",),
            registry=self.registry,
        )

    # ------------------------------------------------------------------------------------------- events

    def generation_changed(self, *, status: str, model: str) -> None:
        """A generation took this status."""
        self._generations.labels(status, model).inc()

    def generation_ended(self, *, status: str, model: str, seconds: float) -> None:
        """A generation reached its final status this long after it was accepted."""
        self._generation_seconds.labels(model, status).observe(seconds)

    def queue_waited(self, seconds: float) -> None:
        """From commit to the first provider call."""
        self._queue_wait.observe(seconds)

    def provider_called(self, *, provider: str, call: str, outcome: str, seconds: float) -> None:
        """A vendor's call (`generate`, `submit`, `check`, …) ended; `outcome` is `ok` or the error's class name."""
        self._provider_seconds.labels(provider, call, outcome).observe(seconds)

    def delivery_tried(self, *, kind: str, outcome: str) -> None:
        """One attempt to deliver."""
        self._deliveries.labels(kind, outcome).inc()

    def update_received(self, *, kind: str, outcome: str) -> None:
        """One update from Telegram was handled, stored as failed, or refused."""
        self._updates.labels(kind, outcome).inc()

    def payment_reported(self, *, method: str, outcome: str) -> None:
        """Count a reported charge."""
        self._payments.labels(method, outcome).inc()

    def refund_ended(self, *, method: str, outcome: str) -> None:
        """Count a refund that was done or refused."""
        self._refunds.labels(method, outcome).inc()

    def event_refused(self, *, source: str, reason: str) -> None:
        """Count a vendor's event that was not believed, or fitted nothing of ours."""
        self._refused_events.labels(source, reason).inc()

    def http_served(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """One HTTP request; `route` is the template (`/generations/{id}`), or empty when nothing matched."""
        # The method is whatever a client writes.
        method = method if method in _METHODS else "other"
        self._http_seconds.labels(method, route or "unmatched", str(status)).observe(seconds)

    def ledger_breached(self, users: int) -> None:
        """So many users' books do not add up."""
        self._ledger_breaches.inc(users)

    def rings_lost(self, count: int) -> None:
        """So many rings were not taken by the queue."""
        self._rings_lost.inc(count)

    def alert_raised(self, cause: str) -> None:
        """An alert of this cause went out."""
        self._alerts.labels(cause).inc()

    # ------------------------------------------------------------------------------------------- states

    def pool_in_use(self, queue: str, jobs: int) -> None:
        """So many jobs of a queue run in this process."""
        self._pool_in_use.labels(queue).set(jobs)

    def db_pool_in_use(self, connections: int) -> None:
        """So many database connections are checked out."""
        self._db_pool_in_use.set(connections)

    def sweep_age(self, seconds: float) -> None:
        """The last sweep ended this long ago."""
        self._sweep_age.set(seconds)

    def worker_loop_age(self, queue: str, seconds: float) -> None:
        """A queue's reader last turned this long ago."""
        self._worker_loop_age.labels(queue).set(seconds)

    def render(self) -> bytes:
        """Everything, as `/metrics` serves it (`content_type`)."""
        return generate_latest(self.registry)

    def value(self, name: str, labels: Iterable[tuple[str, str]] = ()) -> float:
        """One sample's value, 0 when there is none yet: for `/api/health` and for tests."""
        return self.registry.get_sample_value(name, dict(labels)) or 0.0
