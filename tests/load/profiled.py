"""`starbrush serve` under a sampling profiler: says which stage of a generation the processor works for.

A timer of the process's own processor time fires every few milliseconds; the sample belongs to the stage whose code
is furthest down the stack. On SIGUSR1 the samples are written to `PROFILE_PATH` and counted anew.
"""

import collections
import functools
import json
import os
import signal
from pathlib import Path
from types import FrameType

from app.main import serve
from app.settings import Settings

_EVERY_SECONDS = 0.002

# The first that matches a file on the stack, from the innermost frame outwards, wins.
STAGES = {
    "webhook and handlers": ("/app/bot/", "/aiogram/dispatcher/"),
    "submit": ("/generations/accept.py", "/generations/service.py", "/generations/drafts.py"),
    "accounts": ("/domain/accounts/",),
    "claim, park": ("/generations/claims.py", "/generations/running.py"),
    "provider call": (
        *(f"/generations/{name}.py" for name in ("making", "creates", "tasks", "journal", "attempts")),
        "/adapters/providers/",
        "/httpx/",
    ),
    "prepare and store": (
        "/generations/results.py",
        "/generations/keeping.py",
        "/core/media.py",
        "/adapters/storage.py",
        "/aiobotocore/",
    ),
    "settle": ("/generations/settle.py",),
    "deliver": ("/domain/delivery/", "/generations/contents.py", "/adapters/telegram/", "/aiogram/"),
    "rings and queues": ("/adapters/queue.py", "/arq/", "/redis/", "/app/worker/"),
    "HTTP server": ("/app/api/", "/uvicorn/", "/fastapi/", "/starlette/"),
}

_samples: collections.Counter[str] = collections.Counter()


def _sample(_number: int, frame: FrameType | None) -> None:
    _samples[_stage(frame)] += 1


def _stage(frame: FrameType | None) -> str:
    while frame is not None:
        stage = _stage_of(frame.f_code.co_filename)
        if stage is not None:
            return stage
        frame = frame.f_back
    return "event loop and the rest"


@functools.cache
def _stage_of(path: str) -> str | None:
    """Remembered, so that the measuring itself costs next to nothing."""
    return next((stage for stage, marks in STAGES.items() if any(mark in path for mark in marks)), None)


def _write(_number: int, _frame: FrameType | None) -> None:
    Path(os.environ["PROFILE_PATH"]).write_text(json.dumps(_samples))
    _samples.clear()


if __name__ == "__main__":
    signal.signal(signal.SIGPROF, _sample)
    signal.signal(signal.SIGUSR1, _write)
    signal.setitimer(signal.ITIMER_PROF, _EVERY_SECONDS, _EVERY_SECONDS)
    serve(Settings(_env_file=None))
