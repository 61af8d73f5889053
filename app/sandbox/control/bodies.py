"""Bodies of the control API: what may be sent, and examples for its documentation."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.sandbox.faults import FaultKind
from app.sandbox.stars.paying import Outcome
from app.sandbox.stars.subscriptions import Renewal


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewUser(_Body):
    """A user to be made."""

    first_name: Annotated[str, Field(min_length=1, max_length=64)]
    last_name: Annotated[str, Field(max_length=64)] | None = None
    username: Annotated[str, Field(pattern=r"^[A-Za-z]\w{3,31}$")] | None = None
    language_code: Annotated[str, Field(max_length=16)] | None = "en"


class NewMessage(_Body):
    """A text message of a user's."""

    text: str
    reply_to_message_id: int | None = None


class NewCallback(_Body):
    """A tap on a button."""

    message_id: int
    data: Annotated[str, Field(min_length=1)]


class NewFault(_Body):
    """Calls that are to go wrong.

    `method` is a Bot API method, `*` for all of those, `vendor:create|check|cancel`, or one of T-Bank's: `tbank:Init`.
    """

    method: Annotated[str, Field(min_length=1)]
    # A status may be written as the number that it is.
    kind: Annotated[FaultKind, BeforeValidator(lambda kind: str(kind) if isinstance(kind, int) else kind)]
    times: Annotated[int, Field(ge=1)] | None = Field(1, description="null: until a reset or DELETE /faults")
    retry_after: Annotated[int, Field(ge=1)] | None = Field(None, description="seconds, for 429; 1 when left out")


class Redelivery(_Body):
    """How often an update is sent again, all at once."""

    times: Annotated[int, Field(ge=1, le=100)] = 1


class ClockAdvance(_Body):
    """How far the clock goes forward; fractions are allowed."""

    advance_seconds: Annotated[float, Field(ge=0, le=10 * 365 * 86_400)]


class NewPayment(_Body):
    """An invoice to be paid: that of a message in the user's chat, or of a link (`https://t.me/$…`)."""

    message_id: int | None = None
    link: Annotated[str, Field(min_length=1)] | None = None
    outcome: Outcome = Outcome.PAID
    report: bool = Field(default=True, description="false: charged, and the bot is not told")


class NewRefund(_Body):
    """A charge that Telegram gives back."""

    charge_id: Annotated[str, Field(min_length=1)]
    report: bool = Field(default=True, description="false: given back, and the bot is not told")


class WalletChange(_Body):
    """What a wallet is to hold."""

    stars: Annotated[int, Field(ge=0, le=1_000_000_000)]


class SubscriptionChange(_Body):
    """Whether the user does not want the renewal."""

    canceled: bool


class RenewalChoice(_Body):
    """How renewals come."""

    charge_id: Annotated[str, Field(min_length=1)]
    renewal: Renewal
    report: bool = Field(default=True, description="false: charged, and the bot is not told")


class UserOut(BaseModel):
    """A user: the Bot API object, and where the chat with the bot stands."""

    id: int
    is_bot: Literal[False] = False
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None
    started: bool
    blocked: bool


class BotOut(BaseModel):
    """The bot, and who runs it."""

    token: str
    username: str
    webhook_url: str | None
    webhook_secret: str | None
    alert_chat_id: int | None
    admin_ids: list[int]
    cabinet_url: str | None
    now: str
