"""What the sandbox is started with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """Settings of one sandbox process; nothing of it changes while it runs.

    State is kept in `data_dir/sandbox`. Without `database_url` the clock lives in the sandbox alone.
    `vendor_delay_seconds` replaces every working time of the demo vendor and, at 0, makes its pictures small and
    cached, for load tests. `flood_limits` switches on Telegram's own limits of sending.
    `checkout_seconds` is how long a payment waits for the bot, shorter in tests of being late.
    `tbank_terminals` are the terminals that T-Bank's side knows, each with its password.
    """

    port: int
    data_dir: Path
    bot_token: str
    bot_username: str = "starbrush_demo_bot"
    host: str = "127.0.0.1"
    alert_chat_id: int | None = None
    admin_ids: tuple[int, ...] = ()
    database_url: str | None = None
    cabinet_url: str | None = None
    vendor_delay_seconds: float | None = None
    flood_limits: bool = False
    checkout_seconds: float = 10.0
    tbank_terminals: Mapping[str, str] = field(default_factory=dict)

    @property
    def bot_id(self) -> int:
        """The number before the colon of the token.

        Raises: ValueError when the token has not the shape of one.
        """
        number, separator, secret = self.bot_token.partition(":")
        if not (number.isdigit() and separator and secret):
            message = "BOT_TOKEN must look like 123456:letters"
            raise ValueError(message)
        return int(number)
