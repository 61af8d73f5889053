"""Every outside system, on one page: what the product asks of it and what it may answer.

Adapters translate their vendor's exceptions into the ones below, `raise … from`. No port may be called inside a
database transaction (`core.db.refuse_inside_transaction`).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

# --------------------------------------------------------------------------------------------- providers


class Shape(StrEnum):
    """How a vendor answers a create: with the result, or with a task to be asked about."""

    NOW = "now"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class VendorInput:
    """A picture to work from: its bytes, and a signed link to them for vendors that fetch inputs themselves."""

    data: bytes
    mime: str
    link: str


@dataclass(frozen=True, slots=True)
class VendorRequest:
    """One output to be made. `reference` is ours: `<generation>/<output index>/<create number>`.

    `kind` is what the vendor does: `image`, `edit`, `upscale` or `video` (from an image where there are inputs).
    `parameters` are the route's own, catalogue data in the vendor's words (a mode, a resolution).
    """

    kind: str
    vendor_model: str
    prompt: str
    negative_prompt: str | None
    aspect_ratio: str
    seed: int
    reference: str
    inputs: tuple[VendorInput, ...] = ()
    duration_seconds: int | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    callback_url: str | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """A result: its bytes, or the vendor's link to them. One of the two is set."""

    mime: str
    data: bytes | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """An at-once call's answer."""

    artifact: Artifact
    cost_micros: int


class TaskState(StrEnum):
    """Where a vendor's task stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class TaskReport:
    """A vendor's answer about a task. `percent` and `queue_position` where the vendor says them."""

    state: TaskState
    percent: int | None = None
    queue_position: int | None = None
    artifact: Artifact | None = None
    cost_micros: int = 0
    detail: str = ""


class CancelOutcome(StrEnum):
    """What a vendor says to a cancellation."""

    STOPPED = "stopped"
    TOO_LATE = "too_late"


class ProviderError(Exception):
    """A vendor's refusal. `detail` is for the log, never for the user."""

    def __init__(self, detail: str = "", *, retry_after_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class ProviderRejected(ProviderError):
    """The vendor refuses the content."""


class ProviderInvalid(ProviderError):
    """The vendor cannot read our request: our bug."""


class ProviderFailed(ProviderError):
    """The vendor took the request and failed to make the result, in its own words."""


class ProviderRateLimited(ProviderError):
    """Not taken: too many requests for now."""


class ProviderHeldBack(ProviderRateLimited):
    """Not taken, and not even sent: our own pace for this vendor is used up. Says nothing about the vendor."""


class ProviderOutOfMoney(ProviderError):
    """Not taken: our account with the vendor is empty or blocked, or the key is refused."""


class ProviderModelGone(ProviderError):
    """Not taken: the vendor no longer has this model."""


class ProviderUnreachable(ProviderError):
    """Not taken: the connection was refused, nothing was sent."""


class ProviderBusy(ProviderError):
    """Not taken: the vendor's own error body says so (its 5xx)."""


class ProviderReferenceKnown(ProviderError):
    """Not taken again: the vendor already has a task with our reference; `task_id` where it names it."""

    def __init__(self, detail: str = "", *, task_id: str | None = None) -> None:
        super().__init__(detail)
        self.task_id = task_id


class ProviderOutcomeUnknown(ProviderError):
    """Sent, but no trustworthy answer came: time-out, reset, a foreign 5xx. It may have been taken."""


@dataclass(frozen=True, slots=True)
class ProviderTraits:
    """What a vendor can do, beyond making things.

    `finds_by_reference`: can be asked for a task by our reference.
    `refuses_known_reference`: a create with a known reference makes nothing new.
    `stops_free`: a running task can be cancelled and is then not charged.
    `rings`: calls `VendorRequest.callback_url` when a task moves; `Provider.read_callback` reads those calls.
    """

    finds_by_reference: bool
    refuses_known_reference: bool
    stops_free: bool
    first_poll_seconds: float = 1.0
    longest_poll_seconds: float = 5.0
    downloads_from: str | None = None
    """The origin of the route's own base URL: its links may be plain or private, outside production only."""
    rings: bool = False


class Provider(Protocol):
    """A vendor of pictures and videos. Creates are never retried inside; every error is one of `ProviderError`.

    A cost of 0 means that the vendor does not say it: the route's own estimate counts.
    """

    @property
    def name(self) -> str:
        """The provider's name in routes and settings."""
        ...

    @property
    def traits(self) -> ProviderTraits:
        """What it can do."""
        ...

    def shape(self, request: VendorRequest) -> Shape:
        """Which of the two ways this request goes."""
        ...

    async def generate(self, request: VendorRequest) -> Made:
        """Make it at once (shape NOW)."""
        ...

    async def submit(self, request: VendorRequest) -> str:
        """Create a task (shape TASK); returns the vendor's task id."""
        ...

    async def check(self, task_id: str) -> TaskReport:
        """Ask about a task."""
        ...

    async def find(self, reference: str) -> str | None:
        """The task id behind our reference, where `finds_by_reference`."""
        ...

    async def cancel(self, task_id: str) -> CancelOutcome:
        """Stop a task, where `stops_free`."""
        ...

    async def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """The task id that a vendor's call names (`rings`); None for a forgery or what is no news of a task.

        A doorbell: the task is then checked, and nothing else of the call is believed. Header names are lower-case.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class Downloader(Protocol):
    """Fetches a vendor's result link: https and public addresses only, bounded size, sniffed type."""

    async def fetch(self, url: str, *, allowed_origin: str | None) -> bytes:
        """The bytes.

        Raises: DownloadRefused (address, size or type not allowed), DownloadFailed (try again).
        """
        ...


class DownloadRefused(Exception):
    """The link points to where we do not go, or to what we do not take."""


class DownloadFailed(Exception):
    """The link did not answer; it may do so later."""


# ----------------------------------------------------------------------------------------------- storage


class StorageUnavailable(Exception):
    """The object store does not answer; nothing is known to have been stored."""


class ObjectMissing(Exception):
    """The object store has no such key."""


class Storage(Protocol):
    """The object store. Keys are ours; links to them are signed and short-lived."""

    async def put(self, key: str, data: bytes, *, mime: str) -> None:
        """Store or replace. Raises: StorageUnavailable."""
        ...

    async def get(self, key: str) -> bytes:
        """Read. Raises: ObjectMissing, StorageUnavailable."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete; missing keys are no error. Raises: StorageUnavailable."""
        ...

    async def list_keys(self, prefix: str) -> Sequence[str]:
        """At most 1,000 keys below a prefix. Raises: StorageUnavailable."""
        ...

    async def link(self, key: str, *, expires_seconds: int, filename: str | None = None) -> str:
        """A presigned link; with `filename`, one that downloads under that name. Signed locally, no request."""
        ...

    async def check(self) -> None:
        """Raises StorageUnavailable when the bucket cannot be reached."""
        ...


# --------------------------------------------------------------------------------------------- messenger


class MessengerError(Exception):
    """Telegram did not take it. `detail` is for the log."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class RecipientUnreachable(MessengerError):
    """The user blocked the bot, deleted the account or never started a chat."""


class SendLater(MessengerError):
    """Flood control: not before `retry_after_seconds`."""

    def __init__(self, detail: str = "", *, retry_after_seconds: float) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class SendFailed(MessengerError):
    """Network, time-out or Telegram's 5xx: it may or may not have arrived."""


class SendRefused(MessengerError):
    """Telegram refuses this content for good."""


@dataclass(frozen=True, slots=True)
class Media:
    """A file to be sent: Telegram's own id of it where known, else our storage key.

    `preview_key` is a JPEG of it, of a video its poster; `thumbnail_key` a small one.
    """

    storage_key: str
    mime: str
    width: int
    height: int
    size_bytes: int
    filename: str
    file_id: str | None = None
    preview_key: str | None = None
    thumbnail_key: str | None = None
    duration_seconds: float | None = None

    @property
    def is_video(self) -> bool:
        return self.mime.startswith("video/")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message: what it says (`template` and `params`, rendered in `language`), what it shows, what it offers.

    `template` names a renderer of the messenger; `params` are plain JSON. `photo_url` is a picture that Telegram
    fetches by itself, and without which the words go alone; it goes with no `media`.
    """

    chat_id: int
    language: str
    template: str
    params: Mapping[str, object] = field(default_factory=dict)
    media: tuple[Media, ...] = ()
    as_document: bool = False
    reply_to_message_id: int | None = None
    photo_url: str | None = None


class Priority(StrEnum):
    """The sender's order: what a person waits for comes first."""

    REPLY = "reply"
    RESULT = "result"
    NOTICE = "notice"
    BROADCAST = "broadcast"


@dataclass(frozen=True, slots=True)
class Sent:
    """What Telegram said: the (first) message's id, and a file id for each medium, in order."""

    message_id: int
    file_ids: tuple[str, ...] = ()


class Messenger(Protocol):
    """Telegram, outgoing, through one paced sender a process.

    Raises (all methods): RecipientUnreachable, SendLater, SendFailed, SendRefused.
    """

    async def send(self, outgoing: Outgoing, priority: Priority) -> Sent:
        """Send a new message."""
        ...

    async def edit(self, message_id: int, outgoing: Outgoing, priority: Priority) -> None:
        """Replace a message's text and buttons; an unchanged or vanished message is no error."""
        ...

    async def remove(self, chat_id: int, message_id: int, priority: Priority) -> None:
        """Delete a message; a vanished one is no error."""
        ...


class FileGone(Exception):
    """Telegram does not have this file (any more)."""


class FileTooLarge(Exception):
    """Telegram hands out no file of this size, or it is longer than was asked for."""


class ChatFiles(Protocol):
    """Files that users have sent into the chat, by Telegram's ids of them."""

    async def fetch(self, file_id: str, *, max_bytes: int) -> bytes:
        """The whole file. Raises: FileGone, FileTooLarge, SendFailed, SendLater."""
        ...


# ------------------------------------------------------------------------------------------------- Stars


class StarsUnavailable(Exception):
    """Telegram did not answer, or not now: nothing is known, try again. `detail` is for the log."""

    def __init__(self, detail: str = "", *, retry_after_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class StarsRefused(Exception):
    """Telegram refuses for good. `already_done`: because it is so already (CHARGE_ALREADY_REFUNDED)."""

    def __init__(self, detail: str = "", *, already_done: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.already_done = already_done


@dataclass(frozen=True, slots=True)
class StarsInvoice:
    """What is to be paid in Stars, told in `language`. `payload` is the order's id.

    `purpose` is the order's; `item` names the product; `recurring` makes it a subscription that Telegram renews.
    """

    language: str
    purpose: str
    item: str
    credits: int
    payload: str
    stars: int
    days: int | None = None
    recurring: bool = False


@dataclass(frozen=True, slots=True)
class StarTransaction:
    """One line of Telegram's own books. Incoming ones have the charge's id; a refund has the same id, outgoing."""

    id: str
    stars: int
    date: datetime
    incoming: bool
    telegram_id: int | None
    payload: str | None
    period_seconds: int | None = None


class StarsGateway(Protocol):
    """Telegram's till. Raises (all methods): StarsUnavailable, StarsRefused."""

    async def create_link(self, invoice: StarsInvoice) -> str:
        """A link at which anybody can pay; the checkout refuses whoever is not the buyer."""
        ...

    async def refund(self, telegram_id: int, charge_id: str) -> None:
        """Give the whole charge back."""
        ...

    async def set_renewal(self, telegram_id: int, charge_id: str, *, is_canceled: bool) -> None:
        """Stop or resume a subscription's renewal."""
        ...

    async def list_transactions(self, *, offset: int, limit: int) -> Sequence[StarTransaction]:
        """The bot's transactions, oldest first, at most 100."""
        ...


# ---------------------------------------------------------------------------------- counters and signals


class RateCounter(Protocol):
    """Counts hits in a moving window, in Redis. Its absence lets everything through."""

    async def hit(self, scope: str, key: str, *, limit: int, window_seconds: int) -> bool:
        """Count one; False when the limit was reached. True when the counter cannot be reached."""
        ...


@dataclass(frozen=True, slots=True)
class SessionOwner:
    """Whose session it is. `in_browser`: opened outside Telegram by a link of ours, where cards may be offered."""

    user_id: int
    in_browser: bool


class SessionStore(Protocol):
    """Sessions of the cabinet: tokens are kept as hashes, in Redis."""

    async def create(self, user_id: int, *, ttl_seconds: int, in_browser: bool = False) -> str:
        """A new token. Raises: ProviderUnavailable."""
        ...

    async def find(self, token: str) -> SessionOwner | None:
        """Who is behind a token; None when it is unknown or over. Raises: ProviderUnavailable."""
        ...

    async def revoke_all(self, user_id: int) -> None:
        """Forget every session of a user. Raises: ProviderUnavailable."""
        ...


class Signals(Protocol):
    """Wakes open event streams, across processes. A lost signal costs seconds: streams also look by themselves."""

    def listen(self, user_id: int) -> AbstractAsyncContextManager[AsyncIterator[None]]:
        """Yields once for each signal to this user (several may be folded into one)."""
        ...


# ------------------------------------------------------------------------------------------- moderation


@dataclass(frozen=True, slots=True)
class ModerationRules:
    """Words and patterns that are refused, by category; patterns are regular expressions on normalised text."""

    words: Mapping[str, Sequence[str]]
    patterns: Mapping[str, Sequence[str]]


class Moderator(Protocol):
    """Judges a prompt before anything is held."""

    async def judge(self, prompt: str, rules: ModerationRules) -> tuple[str, ...]:
        """The categories that refuse it, in the order of the rules.

        Raises: ValueError when a pattern of the rules is not a regular expression.
        """
        ...


# ----------------------------------------------------------------------------------------- card payments


class Terminal(StrEnum):
    """T-Bank's two doors: on the test one nothing is really charged."""

    TEST = "test"
    PRODUCTION = "production"


class CardStatus(StrEnum):
    """Where a card payment stands, in T-Bank's own words; UNKNOWN is a word that we do not know, and changes nothing.

    Only CONFIRMED means that the money was taken. REJECTED and AUTH_FAIL may still be followed by it: the payment page
    can allow another attempt.
    """

    NEW = "NEW"
    FORM_SHOWED = "FORM_SHOWED"
    AUTHORIZING = "AUTHORIZING"
    CHECKING_3DS = "3DS_CHECKING"
    CHECKED_3DS = "3DS_CHECKED"
    PAY_CHECKING = "PAY_CHECKING"
    AUTHORIZED = "AUTHORIZED"
    CONFIRMING = "CONFIRMING"
    CONFIRMED = "CONFIRMED"
    REVERSING = "REVERSING"
    PARTIAL_REVERSED = "PARTIAL_REVERSED"
    REVERSED = "REVERSED"
    REFUNDING = "REFUNDING"
    ASYNC_REFUNDING = "ASYNC_REFUNDING"
    PARTIAL_REFUNDED = "PARTIAL_REFUNDED"
    REFUNDED = "REFUNDED"
    CANCELED = "CANCELED"
    DEADLINE_EXPIRED = "DEADLINE_EXPIRED"
    REJECTED = "REJECTED"
    AUTH_FAIL = "AUTH_FAIL"
    UNKNOWN = "UNKNOWN"

    @property
    def is_refunded_whole(self) -> bool:
        """Whether all of the money went back, or is on its way: a refund that meets this has succeeded."""
        return self in _REFUNDED_WHOLE


_REFUNDED_WHOLE: Final = frozenset(
    {
        CardStatus.REFUNDED,
        CardStatus.REVERSED,
        CardStatus.CANCELED,
        CardStatus.REFUNDING,
        CardStatus.ASYNC_REFUNDING,
    }
)


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One line of a fiscal receipt: one piece of it, at this price."""

    name: str
    amount_kopecks: int


@dataclass(frozen=True, slots=True)
class CardReceipt:
    """What a fiscal receipt lists (54-FZ), and where it is sent; without an address of the buyer's, to the seller's.

    The tax words are settings of the gateway, which leaves the receipt out where none are set.
    """

    lines: tuple[ReceiptLine, ...]
    email: str | None = None


@dataclass(frozen=True, slots=True)
class CardOrder:
    """What a payment page is asked for. `redirect_due` is when the page closes."""

    order_id: str
    amount_kopecks: int
    description: str
    receipt: CardReceipt
    notification_url: str
    success_url: str
    fail_url: str
    redirect_due: datetime
    language: str = "ru"


@dataclass(frozen=True, slots=True)
class CardPayment:
    """A payment as T-Bank has it. `page_url`, where the buyer pays, comes with the creation alone."""

    payment_id: str
    order_id: str
    status: CardStatus
    amount_kopecks: int
    page_url: str | None = None


@dataclass(frozen=True, slots=True)
class CardCancellation:
    """A payment after a cancellation. `new_amount_kopecks` is what is left of it."""

    payment_id: str
    status: CardStatus
    original_amount_kopecks: int
    new_amount_kopecks: int


@dataclass(frozen=True, slots=True)
class CardNotification:
    """A genuine notification: its Token was right. Events of other kinds than a payment's have the status UNKNOWN.

    Order, payment and amount may still not belong together: they are compared with the order's. Missing ids are empty.
    """

    terminal_key: str
    order_id: str
    payment_id: str
    status: CardStatus
    amount_kopecks: int | None
    is_success: bool
    body: Mapping[str, object] = field(default_factory=dict)


class CardError(Exception):
    """T-Bank did not do it. `code` is its own error code where it gave one; `detail` is for the log."""

    def __init__(self, detail: str = "", *, code: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code


class CardUnavailable(CardError):
    """Not done, or cannot be asked, for now: try again later."""


class CardOutcomeUnknown(CardError):
    """Sent, but no trustworthy answer came: it may have been done. Ask before it is repeated."""


class CardRefused(CardError):
    """Definitely refused."""


class CardNotFound(CardRefused):
    """There is no such payment or order."""


class CardMisconfigured(CardError):
    """The terminal or its password is wrong, or the terminal is blocked: nothing can be paid until that is mended."""


class CardForged(CardError):
    """A notification that T-Bank did not sign."""


class CardGateway(Protocol):
    """One terminal of T-Bank. Nothing is retried inside.

    Raises (all calls): CardUnavailable, CardRefused, CardMisconfigured; those that change something also
    CardOutcomeUnknown.
    """

    @property
    def terminal_key(self) -> str:
        """The terminal's public name, which its notifications carry."""
        ...

    async def init(self, order: CardOrder) -> CardPayment:
        """Open a payment page. A repeat would open a second one: after CardOutcomeUnknown `check_order` comes first."""
        ...

    async def get_state(self, payment_id: str) -> CardPayment:
        """Ask about a payment. Raises also: CardNotFound."""
        ...

    async def check_order(self, order_id: str) -> tuple[CardPayment, ...]:
        """Every payment that was opened for an order of ours; none when there is no such order."""
        ...

    async def cancel(
        self,
        payment_id: str,
        *,
        amount_kopecks: int | None,
        receipt: CardReceipt | None,
        external_request_id: str,
    ) -> CardCancellation:
        """Give money back, all of it without an amount, or close a page that was not paid.

        A repeat with the same `external_request_id` gives nothing twice, but for SBP, which ignores it: `get_state`
        comes before a repeat. Raises also: CardNotFound.
        """
        ...

    def read_notification(self, body: bytes) -> CardNotification:
        """Check the Token and read. Raises: CardForged for what this terminal did not sign."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
