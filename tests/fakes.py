"""Hand-written doubles behind the ports: a scripted vendor, a store in memory, a messenger that remembers.

`tests/domain/test_fakes.py` holds them to the contracts of the real adapters.
"""

import asyncio
import io
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from PIL import Image

from app.core.db import refuse_inside_transaction
from app.core.jobs import Job, Ring
from app.domain.errors import ProviderUnavailable
from app.domain.ports import (
    Artifact,
    CancelOutcome,
    FileGone,
    FileTooLarge,
    Made,
    ObjectMissing,
    Outgoing,
    Priority,
    ProviderReferenceKnown,
    ProviderTraits,
    Sent,
    SessionOwner,
    Shape,
    StorageUnavailable,
    TaskReport,
    TaskState,
    VendorRequest,
)

Answer = BaseException | Artifact
Report = BaseException | TaskReport


def picture(width: int = 64, height: int = 64, colour: str = "red") -> bytes:
    """A small JPEG."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "JPEG")
    return out.getvalue()


PICTURE = picture()
RESULT_URL = "https://vendor.test/result"


def succeeded(url: str = RESULT_URL, *, cost_micros: int = 7) -> TaskReport:
    """A vendor's report of a finished task."""
    return TaskReport(TaskState.SUCCEEDED, artifact=Artifact("image/jpeg", url=url), cost_micros=cost_micros)


class Gate:
    """Holds a call until it is opened; `reached` tells that somebody waits."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._open = asyncio.Event()

    def open(self) -> None:
        self._open.set()

    async def pass_(self) -> None:
        self.reached.set()
        await self._open.wait()


@dataclass
class ScriptedProvider:
    """A vendor that answers as it is told, by output index; without a script everything succeeds.

    `creates` and `asked` are what it was asked, in order. With `takes_unanswered` a create that raises is taken all
    the same.
    """

    name: str = "demo"
    way: Shape = Shape.TASK
    traits: ProviderTraits = field(
        default_factory=lambda: ProviderTraits(
            finds_by_reference=True, refuses_known_reference=True, stops_free=True, first_poll_seconds=1.0
        )
    )
    creates: list[VendorRequest] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)
    tasks: dict[str, str] = field(default_factory=dict)
    answers: dict[int, deque[Answer]] = field(default_factory=lambda: defaultdict(deque))
    reports: dict[int, deque[Report]] = field(default_factory=lambda: defaultdict(deque))
    find_errors: deque[BaseException] = field(default_factory=deque)
    cancel_answers: deque[BaseException | CancelOutcome] = field(default_factory=deque)
    names_known_task: bool = True
    hides_tasks: bool = False
    gate: Gate | None = None
    takes_unanswered: bool = False

    def will_answer(self, *answers: Answer, index: int = 0) -> None:
        self.answers[index].extend(answers)

    def will_report(self, *reports: Report, index: int = 0) -> None:
        self.reports[index].extend(reports)

    def shape(self, request: VendorRequest) -> Shape:  # noqa: ARG002 - the port's signature
        return self.way

    async def generate(self, request: VendorRequest) -> Made:
        answer = await self._answer(request)
        return Made(answer or Artifact("image/jpeg", data=PICTURE), cost_micros=5)

    async def submit(self, request: VendorRequest) -> str:
        if request.reference in self.tasks and self.traits.refuses_known_reference:
            refuse_inside_transaction("a vendor's call")
            self.creates.append(request)
            task_id = self.tasks[request.reference] if self.names_known_task else None
            raise ProviderReferenceKnown("known", task_id=task_id)
        await self._answer(request)
        return self.take(request.reference)

    def take(self, reference: str) -> str:
        """Create the task behind a reference, as the vendor does when our answer is lost."""
        task_id = f"{self.name}-{len(self.tasks) + 1}"
        self.tasks[reference] = task_id
        return task_id

    async def check(self, task_id: str) -> TaskReport:
        refuse_inside_transaction("a vendor's call")
        self.asked.append(task_id)
        reference = next((known for known, task in self.tasks.items() if task == task_id), None)
        if reference is None:
            return TaskReport(TaskState.GONE)
        script = self.reports[_index(reference)]
        report = script.popleft() if script else succeeded()
        if isinstance(report, BaseException):
            raise report
        return report

    async def find(self, reference: str) -> str | None:
        refuse_inside_transaction("a vendor's call")
        self.asked.append(reference)
        if self.find_errors:
            raise self.find_errors.popleft()
        return None if self.hides_tasks else self.tasks.get(reference)

    async def cancel(self, task_id: str) -> CancelOutcome:
        refuse_inside_transaction("a vendor's call")
        self.cancels.append(task_id)
        answer = self.cancel_answers.popleft() if self.cancel_answers else CancelOutcome.STOPPED
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:  # noqa: ARG002 - the port's
        return body.decode() or None

    async def close(self) -> None:
        """Nothing is open."""

    async def _answer(self, request: VendorRequest) -> Artifact | None:
        refuse_inside_transaction("a vendor's call")
        self.creates.append(request)
        if self.gate is not None:
            await self.gate.pass_()
        script = self.answers[_index(request.reference)]
        answer = script.popleft() if script else None
        if isinstance(answer, BaseException):
            if self.takes_unanswered:
                self.take(request.reference)
            raise answer
        return answer


def _index(reference: str) -> int:
    return int(reference.split("/")[1])


@dataclass
class ScriptedDownloader:
    """Gives `data` for every link; `errors` first, each once."""

    data: bytes = PICTURE
    errors: deque[BaseException] = field(default_factory=deque)
    fetched: list[str] = field(default_factory=list)
    gate: Gate | None = None

    async def fetch(self, url: str, *, allowed_origin: str | None) -> bytes:  # noqa: ARG002 - the port's signature
        refuse_inside_transaction("a download")
        self.fetched.append(url)
        if self.gate is not None:
            await self.gate.pass_()
        if self.errors:
            raise self.errors.popleft()
        return self.data

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class MemoryStorage:
    """An object store in memory. `outages` puts, or `read_outages` reads, fail before the next one succeeds.

    `reads` are the keys that were asked for.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    outages: int = 0
    read_outages: int = 0
    on_put: Callable[[str], None] | None = None
    reads: list[str] = field(default_factory=list)
    read_gate: Gate | None = None

    async def open(self) -> None:
        """Nothing to connect."""

    async def put(self, key: str, data: bytes, *, mime: str) -> None:  # noqa: ARG002 - the port's signature
        refuse_inside_transaction("the object store")
        if self.on_put is not None:
            self.on_put(key)
        if self.outages:
            self.outages -= 1
            raise StorageUnavailable("away")
        self.objects[key] = data

    async def get(self, key: str) -> bytes:
        refuse_inside_transaction("the object store")
        self.reads.append(key)
        if self.read_gate is not None:
            await self.read_gate.pass_()
        if self.read_outages:
            self.read_outages -= 1
            raise StorageUnavailable("away")
        if key not in self.objects:
            raise ObjectMissing(key)
        return self.objects[key]

    async def delete(self, keys: Sequence[str]) -> None:
        refuse_inside_transaction("the object store")
        for key in keys:
            self.objects.pop(key, None)

    async def list_keys(self, prefix: str) -> Sequence[str]:
        refuse_inside_transaction("the object store")
        return sorted(key for key in self.objects if key.startswith(prefix))[:1000]

    async def link(self, key: str, *, expires_seconds: int, filename: str | None = None) -> str:
        return f"https://store.test/{key}?expires={expires_seconds}&filename={filename or ''}"

    async def check(self) -> None:
        """It is always there."""

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class RecordingMessenger:
    """Telegram that remembers: `sent`, `edited` and `removed`; `errors` first, each once.

    `takes_files` False makes a text of links of what has media.
    """

    sent: list[tuple[int, Outgoing]] = field(default_factory=list)
    edited: list[tuple[int, Outgoing]] = field(default_factory=list)
    removed: list[tuple[int, int]] = field(default_factory=list)
    errors: deque[BaseException] = field(default_factory=deque)
    gate: Gate | None = None
    takes_files: bool = True

    async def send(self, outgoing: Outgoing, priority: Priority) -> Sent:  # noqa: ARG002 - the port's signature
        await self._meet()
        message_id = 100 + len(self.sent)
        self.sent.append((message_id, outgoing))
        taken = outgoing.media if self.takes_files else ()
        return Sent(message_id, tuple(f"file-{message_id}-{at}" for at, _ in enumerate(taken)))

    async def edit(self, message_id: int, outgoing: Outgoing, priority: Priority) -> None:  # noqa: ARG002 - likewise
        await self._meet()
        self.edited.append((message_id, outgoing))

    async def remove(self, chat_id: int, message_id: int, priority: Priority) -> None:  # noqa: ARG002 - likewise
        await self._meet()
        self.removed.append((chat_id, message_id))

    @property
    def templates(self) -> list[str]:
        return [outgoing.template for _, outgoing in self.sent]

    def set_share(self, processes: int) -> None:
        """Nothing is paced."""

    async def _meet(self) -> None:
        refuse_inside_transaction("Telegram")
        if self.gate is not None:
            await self.gate.pass_()
        if self.errors:
            raise self.errors.popleft()


@dataclass
class MemorySessions:
    """Sessions in memory; `reachable` False is Redis away."""

    owners: dict[str, SessionOwner] = field(default_factory=dict)
    reachable: bool = True

    async def create(self, user_id: int, *, ttl_seconds: int, in_browser: bool = False) -> str:  # noqa: ARG002 - the port's
        token = f"token-{len(self.owners)}"
        self.owners[token] = SessionOwner(user_id, in_browser)
        return token

    async def find(self, token: str) -> SessionOwner | None:
        return self.owners.get(token)

    async def revoke_all(self, user_id: int) -> None:
        refuse_inside_transaction("the session store")
        if not self.reachable:
            raise ProviderUnavailable
        self.owners = {token: owner for token, owner in self.owners.items() if owner.user_id != user_id}

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class RecordingRinger:
    """A queue that remembers its rings; `reachable` False is Redis away."""

    rings: list[Ring] = field(default_factory=list)
    reachable: bool = True

    async def ring(self, rings: Sequence[Ring]) -> bool:
        if self.reachable:
            self.rings.extend(rings)
        return self.reachable

    @property
    def jobs(self) -> list[Job]:
        return [ring for ring in self.rings if isinstance(ring, Job)]

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class MemoryChatFiles:
    """Telegram's files as a dictionary; `errors` first, each once; `fetched` remembers what was asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    errors: deque[BaseException] = field(default_factory=deque)
    fetched: list[str] = field(default_factory=list)
    gate: Gate | None = None

    async def fetch(self, file_id: str, *, max_bytes: int) -> bytes:
        refuse_inside_transaction("Telegram")
        self.fetched.append(file_id)
        if self.gate is not None:
            await self.gate.pass_()
        if self.errors:
            raise self.errors.popleft()
        if file_id not in self.files:
            raise FileGone
        if len(self.files[file_id]) > max_bytes:
            raise FileTooLarge
        return self.files[file_id]
