"""What the fixtures of the browser tests hand out: a sandbox process, a watched page, a person's chat on it."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx
from playwright.async_api import ConsoleMessage, Locator, Page, Request

from app.sandbox.processes import HOST, Command, free_port, http_status, kill_tree, spawn, wait_until_ready
from tests.harness import ROOT, machine_environment

TOKEN = "4000000001:AAEplaygroundplaygroundplaygroundplay"
# Nothing here takes so long; a machine that is busy with other things may.
WAIT_LIMIT_MS = 30_000
OpenPage = Callable[..., Any]

# The sandbox as its own process and without PostgreSQL, where only the product's clock would be kept.
_SERVE_SANDBOX = """
import sys
from pathlib import Path
from app.sandbox.app import SandboxConfig, run
run(SandboxConfig(port=int(sys.argv[1]), data_dir=Path(sys.argv[2]), bot_token=sys.argv[3], alert_chat_id=-1001))
"""


class PlaygroundSandbox:
    """A sandbox process and its control API."""

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.page_url = f"{self.url}/sandbox/"
        self._home = home
        self._process: Popen[bytes] | None = None

    def start(self) -> None:
        arguments = ("-c", _SERVE_SANDBOX, str(self.port), str(self._home / "data"), TOKEN)
        log_path = self._home / "sandbox.log"
        command = Command((sys.executable, *arguments), cwd=ROOT, env=machine_environment(), inherits_environment=False)
        self._process = spawn(command, log_path=log_path)
        wait_until_ready("sandbox", self._is_ready, self._process, log_path=log_path)

    def kill(self) -> None:
        if self._process is not None:
            kill_tree(self._process)

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the control API."""
        async with httpx.AsyncClient(base_url=f"{self.url}/sandbox/api", timeout=30) as client:
            response = await client.request(method, path, json=body)
            response.raise_for_status()
            return response.json()

    async def new_user(self, first_name: str = "Anna", language_code: str = "en", *, started: bool = False) -> int:
        """Make a person; `started`: who has pressed Start and got the greeting."""
        user = await self.call("POST", "/users", {"first_name": first_name, "language_code": language_code})
        user_id: int = user["id"]
        if started:
            await self.write(user_id, "/start")
            await self.wait_messages(user_id, 2)
        return user_id

    async def write(self, user_id: int, text: str) -> int:
        """Write as a person, past the page; answers the message's id."""
        answer = await self.call("POST", f"/users/{user_id}/messages", {"text": text})
        message_id: int = answer["message"]["message_id"]
        return message_id

    async def messages(self, user_id: int) -> list[dict[str, Any]]:
        chat = await self.call("GET", f"/users/{user_id}/chat")
        messages: list[dict[str, Any]] = chat["messages"]
        return messages

    async def wait_messages(self, user_id: int, count: int) -> list[dict[str, Any]]:
        """Wait until the chat holds so many messages."""
        async with asyncio.timeout(WAIT_LIMIT_MS / 1000):
            while len(messages := await self.messages(user_id)) < count:  # noqa: ASYNC110 - a process is asked, not a task
                await asyncio.sleep(0.05)  # another process changes it
        return messages

    def _is_ready(self) -> bool:
        return http_status(self.port, "/sandbox/api/bot") == 200


@dataclass
class Watched:
    """A page whose every complaint is remembered; the fixture fails the test for any that it did not expect."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    expects_failures: bool = False

    def attach(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        is_network = "net::" in message.text or "Failed to load resource" in message.text
        if message.type in {"error", "warning"} and not (is_network and self.expects_failures):
            self.complaints.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"http://{HOST}", "blob:", "data:")):
            self.complaints.append(f"asked another host: {request.url}")


@dataclass(frozen=True, slots=True)
class OpenChat:
    """One person's chat on the screen."""

    watched: Watched
    sandbox: PlaygroundSandbox
    user_id: int

    @property
    def page(self) -> Page:
        return self.watched.page

    @property
    def log(self) -> Locator:
        """The messages, without the list of people, which repeats the last words."""
        return self.page.locator(f'.column[data-user="{self.user_id}"]').get_by_role("log")

    @property
    def sent(self) -> Locator:
        """What the person wrote after the greeting: not the /start before it, which is last until that is drawn."""
        return self.log.locator(".message-in ~ .message-out")

    async def send(self, text: str) -> None:
        """Type and press Enter."""
        field = self.page.get_by_label("Message", exact=True)
        await field.fill(text)
        await field.press("Enter")
