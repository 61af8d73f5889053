"""`make bench`: every measurement in one run, as a table and as ratios; exit status 1 when one is missed."""

import sys

import uvloop

from app.core.logging import configure_logging
from app.core.redaction import Redactor
from tests.load import arq_baseline, submits, throughput
from tests.load.rig import start_rig

SUBMIT_RATIO = 0.25
IDLE_P50_MILLISECONDS = 30.0
GENERATION_RATIO = 0.03


def main() -> int:
    """Measure, print, judge."""
    configure_logging(as_json=False, level="ERROR", redactor=Redactor([]))
    with start_rig() as rig:
        say("Generations from webhook to delivered, one process, an instant provider …")
        work = uvloop.run(throughput.measure(rig))
        say("Empty arq jobs …")
        jobs = uvloop.run(arq_baseline.measure(rig.environment["REDIS_URL"]))
        say("Submits, through the service and by pgbench …")
        submit = uvloop.run(submits.measure(rig))
    say("")
    verdicts = [
        row("submits a second, service", submit.service),
        row(f"submits a second, pgbench ({submit.statements} statements, {submits.CLIENTS} clients)", submit.pgbench),
        row("  ratio", submit.ratio, at_least=SUBMIT_RATIO),
        row("from commit to provider call, idle, p50 (ms)", work.idle_p50_milliseconds, at_most=IDLE_P50_MILLISECONDS),
        row(f"generations a second, webhook to delivered ({throughput.USERS} users)", work.per_second),
        row("empty arq jobs a second", jobs),
        row("  ratio", work.per_second / jobs, at_least=GENERATION_RATIO),
        row("memory, idle (MB)", work.idle_megabytes),
        row("memory, 500 jobs parked at a slow provider (MB)", work.parked_megabytes),
    ]
    table("processor time a generation, by process (ms)", work.cpu_by_process)
    table("processor time a generation within the app, by stage (ms)", work.cpu_by_stage)
    return 0 if all(verdicts) else 1


def row(name: str, value: float, *, at_least: float | None = None, at_most: float | None = None) -> bool:
    """Print a figure, and what it is held against; False when it misses that."""
    kept = (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
    bound = "" if at_least is None else f"at least {at_least}"
    bound = bound if at_most is None else f"at most {at_most}"
    verdict = f"  {bound}: {'ok' if kept else 'MISSED'}" if bound else ""
    say(f"{name:<70}{value:>10.3f}{verdict}")
    return kept


def table(title: str, figures: dict[str, float]) -> None:
    """Print a table, the largest figure first."""
    say(f"\n{title}")
    for name, value in sorted(figures.items(), key=lambda item: -item[1]):
        say(f"  {name:<50}{value:>8.2f}")
    say(f"  {'together':<50}{sum(figures.values()):>8.2f}")


def say(line: str) -> None:
    """Print at once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
