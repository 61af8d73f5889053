"""Figures are counted per process, served in Prometheus' format, and cannot grow without bound."""

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from app.core.metrics import Metrics


def test_everything_is_served_and_can_be_parsed() -> None:
    metrics = Metrics()
    metrics.generation_changed(status="COMPLETED", model="standard")
    metrics.generation_ended(status="COMPLETED", model="standard", seconds=3.5)
    metrics.queue_waited(0.012)
    metrics.provider_called(provider="demo", call="submit", outcome="ok", seconds=0.2)
    metrics.delivery_tried(kind="result", outcome="sent")
    metrics.update_received(kind="message", outcome="handled")
    metrics.http_served(method="GET", route="/api/v1/generations/{id}", status=200, seconds=0.01)
    metrics.ledger_breached(1)
    metrics.rings_lost(2)
    metrics.alert_raised("ledger")
    metrics.pool_in_use("generation", 7)
    metrics.db_pool_in_use(4)
    metrics.sweep_age(1.5)
    metrics.worker_loop_age("generation", 0.02)

    families = {family.name for family in text_string_to_metric_families(metrics.render().decode())}

    assert "process_resident_memory_bytes" in families
    ours = {name for name in families if name.startswith("starbrush_") and not name.endswith("_created")}
    assert ours == {
        "starbrush_generations",
        "starbrush_generation_seconds",
        "starbrush_queue_wait_seconds",
        "starbrush_provider_call_seconds",
        "starbrush_deliveries",
        "starbrush_webhook_updates",
        "starbrush_http_request_seconds",
        "starbrush_payment_reports",
        "starbrush_refunds",
        "starbrush_refused_events",
        "starbrush_ledger_breaches",
        "starbrush_rings_lost",
        "starbrush_alerts",
        "starbrush_pool_in_use",
        "starbrush_db_pool_in_use",
        "starbrush_sweep_age_seconds",
        "starbrush_worker_loop_age_seconds",
    }
    assert metrics.value("starbrush_rings_lost_total") == 2
    assert metrics.value("starbrush_pool_in_use", [("queue", "generation")]) == 7
    assert metrics.content_type.startswith("text/plain")


def test_two_in_one_process_do_not_mix_and_nothing_is_registered_for_all() -> None:
    one, other = Metrics(), Metrics()
    one.rings_lost(5)
    assert other.value("starbrush_rings_lost_total") == 0
    assert REGISTRY.get_sample_value("starbrush_rings_lost_total") is None


def test_what_clients_write_makes_no_new_series() -> None:
    metrics = Metrics()
    for number in range(100):
        metrics.http_served(method=f"HACK{number}", route="", status=404, seconds=0)
    series = [
        line
        for line in metrics.render().decode().splitlines()
        if line.startswith("starbrush_http_") and "_count" in line
    ]
    assert len(series) == 1
    assert 'method="other",route="unmatched"' in series[0]


def test_a_figure_that_was_never_counted_is_zero() -> None:
    assert Metrics().value("starbrush_alerts_total", [("cause", "ledger")]) == 0
