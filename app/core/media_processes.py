"""Runs `media_worker` processes: decoders of foreign files may crash, hang or fill the memory, and only they do."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import structlog

from app.core.media import MediaInvalid, MediaProblem

log = structlog.get_logger(__name__)

_INPUT: Final = "input"
# A worker that died may have been ended by the machine, for want of memory: once more, then somebody has to look.
_TRIES: Final = 2
# Where the `app` package is, since it need not be installed, nor be where we were started.
_PACKAGES: Final = str(Path(__file__).resolve().parents[2])


class MediaUnavailable(Exception):
    """No worker has answered: it died, was too slow or could not be started. That says nothing of the file."""


class MediaProcesses:
    """Lets files be worked on in processes of their own, a few at a time, each within `seconds`."""

    def __init__(self, *, processes: int = 2, seconds: float = 300.0) -> None:
        self._turns = asyncio.Semaphore(processes)
        self._seconds = seconds

    async def run(
        self, order: str, data: bytes, options: Mapping[str, object]
    ) -> tuple[Mapping[str, Any], Mapping[str, bytes]]:
        """Have `order` (see `media_worker`) done to a file; returns the answer and the files that it names.

        Raises: MediaInvalid when a worker says so, MediaUnavailable when none answers.
        """
        async with self._turns:
            answer, files = await self._insist(order, data, options)
        if "problem" in answer:
            raise MediaInvalid(MediaProblem(answer["problem"]), str(answer["detail"]))
        return answer, files

    async def _insist(
        self, order: str, data: bytes, options: Mapping[str, object]
    ) -> tuple[Mapping[str, Any], Mapping[str, bytes]]:
        """Try again at once what has failed, except for time: others wait for the turn."""
        tries = 0
        while True:
            tries += 1
            try:
                with tempfile.TemporaryDirectory(prefix="starbrush-media-") as directory:
                    return await self._try(Path(directory), order, data, options)
            except TimeoutError as error:
                log.warning("media_worker_too_slow", order=order, size_bytes=len(data))
                raise MediaUnavailable(f"no answer within {self._seconds:.0f} seconds") from error
            except (MediaUnavailable, OSError, ValueError) as error:
                # No room for the files, no process, or words that are no answer.
                log.warning("media_worker_failed", order=order, size_bytes=len(data), error=str(error))
                if tries == _TRIES:
                    raise MediaUnavailable(str(error)) from error

    async def _try(
        self, directory: Path, order: str, data: bytes, options: Mapping[str, object]
    ) -> tuple[Mapping[str, Any], Mapping[str, bytes]]:
        await asyncio.to_thread((directory / _INPUT).write_bytes, data)
        async with _worker(order, directory, options) as process:
            async with asyncio.timeout(self._seconds):
                # Its input stays open as long as we live; it ends itself when that closes.
                said = await process.stdout.read() if process.stdout else b""
                await process.wait()
        if process.returncode != 0:
            raise MediaUnavailable(f"the worker ended with status {process.returncode}")
        answer: Mapping[str, Any] = json.loads(said)
        if "fault" in answer:
            raise MediaUnavailable(str(answer["fault"]))
        names = list(answer.get("files", ()))
        contents = await asyncio.gather(*(asyncio.to_thread((directory / name).read_bytes) for name in names))
        return answer, dict(zip(names, contents, strict=True))


@asynccontextmanager
async def _worker(
    order: str, directory: Path, options: Mapping[str, object]
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.core.media_worker",
        order,
        str(directory / _INPUT),
        json.dumps(options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # Our secrets are in the environment, and a stranger's file may turn a decoder into somebody else's program.
        env={"PYTHONPATH": os.pathsep.join(dict.fromkeys((_PACKAGES, *filter(None, sys.path))))},
        # Ctrl-C goes to everything in the terminal, and would end work that the app still waits for.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
