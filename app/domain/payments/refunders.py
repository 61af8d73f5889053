"""Who is asked to give money back: what every vendor's side of a refund does, and Telegram's."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from app.domain.ports import StarsGateway, StarsRefused, StarsUnavailable


@dataclass(frozen=True, slots=True)
class OpenRefund:
    """A refund to be asked for at its vendor. `id` is our request's id, the same at every repeat."""

    id: UUID
    payment_id: UUID
    charge_id: str
    payer_telegram_id: int | None
    amount_minor: int
    attempts: int


class RefundRefused(Exception):
    """The vendor refuses definitely: nothing goes back. `detail` is for the operator."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class RefundLater(Exception):
    """Nothing is known, or the vendor is away: the refund stays open."""

    def __init__(self, detail: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class Refunder(Protocol):
    """Asks a vendor to give money back. Returning means that it has, now or before."""

    async def refund(self, refund: OpenRefund) -> None:
        """Raises: RefundRefused, RefundLater."""
        ...


class StarsRefunder:
    """Stars go back as a whole; a charge that was refunded already is a success."""

    def __init__(self, stars: StarsGateway) -> None:
        self._stars = stars

    async def refund(self, refund: OpenRefund) -> None:
        """Give the charge back. Raises: RefundRefused, RefundLater."""
        if refund.payer_telegram_id is None:
            message = "the payer is not known any more"
            raise RefundRefused(message)
        try:
            await self._stars.refund(refund.payer_telegram_id, refund.charge_id)
        except StarsUnavailable as error:
            raise RefundLater(error.detail, retry_after_seconds=error.retry_after_seconds) from error
        except StarsRefused as error:
            if not error.already_done:
                raise RefundRefused(error.detail) from error
