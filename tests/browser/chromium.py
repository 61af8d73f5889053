"""Finds a Chromium for the browser tests, or installs one: `python -m tests.browser.chromium`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_PLAYWRIGHT_HOMES = (Path.home() / ".cache/ms-playwright", Path.home() / "Library/Caches/ms-playwright")
_PLAYWRIGHT_PROGRAMS = ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*")
_PROBE_LIMIT_SECONDS = 30
_INSTALL_LIMIT_SECONDS = 900


class ChromiumMissingError(RuntimeError):
    """There is none, and none could be installed; the message names what to install."""


def find_chromium() -> Path | None:
    """The first Chromium that runs: `CHROMIUM`, one on PATH, or Playwright's own.

    Raises: ChromiumMissingError when `CHROMIUM` names something that does not run.
    """
    if named := os.environ.get("CHROMIUM"):
        if _runs(Path(named)):
            return Path(named)
        message = f"CHROMIUM={named} does not run"
        raise ChromiumMissingError(message)
    return next((path for path in _candidates() if _runs(path)), None)


def chromium() -> Path:
    """The Chromium to test with.

    Raises: ChromiumMissingError when there is none.
    """
    found = find_chromium()
    if found is None:
        message = "no Chromium found: run `python -m tests.browser.chromium`, which installs one, or set CHROMIUM"
        raise ChromiumMissingError(message)
    return found


def ensure_chromium() -> Path:
    """Find a Chromium, or install one: Debian's package as root, Playwright's own otherwise.

    Raises: ChromiumMissingError when neither works.
    """
    for command in (None, *installations(as_root=os.geteuid() == 0)):
        if command is not None:
            print("No Chromium found; running:", *command, flush=True)  # noqa: T201 - a command's output
            _run(command)
        if (found := find_chromium()) is not None:
            return found
    message = (
        "The browser tests need Chromium, and it could not be installed. Install the package `chromium`"
        " (Debian, as root: apt-get install chromium) or Google Chrome, or name one: CHROMIUM=/path/to/chrome"
    )
    raise ChromiumMissingError(message)


def _candidates() -> Iterator[Path]:
    yield from (Path(path) for name in _NAMES if (path := shutil.which(name)))
    named = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    for home in (Path(named),) if named else _PLAYWRIGHT_HOMES:
        for pattern in _PLAYWRIGHT_PROGRAMS:
            yield from sorted(home.glob(pattern), reverse=True)


def installations(*, as_root: bool) -> Iterator[tuple[str, ...]]:
    """The commands that may bring a Chromium, in the order to try them."""
    if as_root and shutil.which("apt-get"):
        yield ("apt-get", "update", "--quiet")
        yield ("apt-get", "install", "--quiet", "--yes", "--no-install-recommends", "chromium")
    yield (sys.executable, "-m", "playwright", "install", "chromium")


def _run(command: tuple[str, ...]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        # A failure is told by no Chromium being found afterwards.
        subprocess.run(command, env=environment, timeout=_INSTALL_LIMIT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        print("gave up after", _INSTALL_LIMIT_SECONDS, "s", flush=True)  # noqa: T201 - a command's output


def _runs(path: Path) -> bool:
    # Ubuntu's /usr/bin/chromium-browser may be a stub that only says what to install.
    try:
        result = subprocess.run([path, "--version"], capture_output=True, timeout=_PROBE_LIMIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0


if __name__ == "__main__":
    try:
        print(ensure_chromium())  # noqa: T201 - a command's output
    except ChromiumMissingError as error:
        sys.exit(str(error))
