"""Where an order is paid: what every till does, and that of Telegram's Stars."""

from dataclasses import dataclass
from typing import Final, Protocol

from app.domain.errors import ProviderUnavailable
from app.domain.payments.views import OrderView
from app.domain.ports import StarsGateway, StarsInvoice, StarsRefused, StarsUnavailable
from app.domain.users.views import UserView


@dataclass(frozen=True, slots=True)
class PaymentPage:
    """Where an order is paid, and the vendor's id of the payment."""

    link: str
    vendor_payment_id: str | None = None


class Till(Protocol):
    """One way to pay: makes the page of an order, outside every transaction."""

    @property
    def currency(self) -> str:
        """The currency of its amounts."""
        ...

    async def terminal(self, user: UserView) -> str | None:
        """Where this user's order will be paid, for vendors that have several. Raises: Forbidden."""
        ...

    async def open_page(self, order: OrderView, *, language: str, item: str) -> PaymentPage:
        """Raises: ProviderUnavailable."""
        ...


class StarsTill:
    """Invoice links of Telegram's."""

    currency: Final = "XTR"

    def __init__(self, stars: StarsGateway) -> None:
        self._stars = stars

    async def terminal(self, user: UserView) -> str | None:  # noqa: ARG002 - the port's; Telegram has one till
        """Telegram has no terminals."""
        return None

    async def open_page(self, order: OrderView, *, language: str, item: str) -> PaymentPage:
        """An invoice link. Raises: ProviderUnavailable."""
        try:
            return PaymentPage(await self._stars.create_link(invoice_of(order, language=language, item=item)))
        except (StarsUnavailable, StarsRefused) as error:
            raise ProviderUnavailable(log={"detail": error.detail}) from error


def invoice_of(order: OrderView, *, language: str, item: str) -> StarsInvoice:
    """What Telegram shows and charges for an order."""
    return StarsInvoice(
        language=language,
        purpose=order.purpose.value,
        item=item,
        credits=order.credits,
        payload=str(order.id),
        stars=order.amount_minor,
        days=order.days,
        recurring=order.recurring,
    )
