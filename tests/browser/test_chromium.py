"""The search for a Chromium: the named one wins, a stub is passed over, and what is missing is named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.chromium import installations
from tests.harness import ROOT

LIMIT_SECONDS = 120
# Nobody listens there, so that Playwright cannot download.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A directory that is all of PATH, with an apt-get that cannot install."""
    directory = tmp_path / "programs"
    directory.mkdir()
    make_program(directory, "apt-get", status=100)
    return directory


def make_program(directory: Path, name: str, *, status: int) -> Path:
    path = directory / name
    path.write_text(f"#!/bin/sh\nexit {status}\n")
    path.chmod(0o755)
    return path


def search(programs: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.browser.chromium"],
        cwd=ROOT,
        env={
            "PATH": str(programs),
            "HOME": str(programs),
            "PLAYWRIGHT_DOWNLOAD_HOST": NOWHERE,
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            **env,
        },
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )


def test_one_on_the_path_is_found(programs: Path) -> None:
    chromium = make_program(programs, "chromium", status=0)
    assert search(programs).stdout.strip() == str(chromium)


def test_the_named_one_wins(programs: Path, tmp_path: Path) -> None:
    make_program(programs, "chromium", status=0)
    named = make_program(tmp_path, "my-chrome", status=0)
    assert search(programs, CHROMIUM=str(named)).stdout.strip() == str(named)


def test_a_named_one_that_does_not_run_is_an_error(programs: Path) -> None:
    make_program(programs, "chromium", status=0)
    result = search(programs, CHROMIUM="/nowhere/chrome")
    assert result.returncode == 1
    assert "CHROMIUM=/nowhere/chrome does not run" in result.stderr


def test_a_stub_that_only_says_what_to_install_is_passed_over(programs: Path) -> None:
    make_program(programs, "chromium-browser", status=1)
    chrome = make_program(programs, "google-chrome", status=0)
    assert search(programs).stdout.strip() == str(chrome)


def test_playwrights_own_is_found(programs: Path) -> None:
    home = programs / ".cache/ms-playwright/chromium-1/chrome-linux"
    home.mkdir(parents=True)
    chrome = make_program(home, "chrome", status=0)
    assert search(programs).stdout.strip() == str(chrome)


def test_where_none_can_be_installed_the_package_is_named(programs: Path) -> None:
    result = search(programs)
    assert result.returncode == 1
    assert "apt-get install chromium" in result.stderr


def test_only_root_asks_the_system_for_a_package() -> None:
    assert [command[0] for command in installations(as_root=False)] == [sys.executable]
