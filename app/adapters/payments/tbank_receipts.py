"""The fiscal receipt of a T-Bank payment (54-FZ): our lines, and the tax words that the operator's accountant chose."""

from dataclasses import dataclass
from typing import Any, Final

from app.domain.ports import CardReceipt, ReceiptLine

# T-Bank API 1.80, Receipt: the longest name of a line.
_NAME_LENGTH: Final = 128
# In the format 1.2 every line has a measure.
_FORMAT_WITH_MEASURES: Final = "1.2"
_PIECE: Final = "шт"


@dataclass(frozen=True, slots=True)
class ReceiptTerms:
    """What every receipt says: the seller's taxation, the VAT of a line, what is sold and how it is paid.

    `email` gets the receipts of buyers without an address of their own.
    """

    taxation: str
    vat: str
    payment_method: str
    payment_object: str
    ffd_version: str
    email: str

    def receipt(self, receipt: CardReceipt) -> dict[str, Any]:
        """The `Receipt` object of Init and Cancel."""
        return {
            "FfdVersion": self.ffd_version,
            "Email": receipt.email or self.email,
            "Taxation": self.taxation,
            "Items": [self._item(line) for line in receipt.lines],
        }

    def _item(self, line: ReceiptLine) -> dict[str, Any]:
        item: dict[str, Any] = {
            "Name": line.name[:_NAME_LENGTH],
            "Price": line.amount_kopecks,
            "Quantity": 1,
            "Amount": line.amount_kopecks,
            "Tax": self.vat,
            "PaymentMethod": self.payment_method,
            "PaymentObject": self.payment_object,
        }
        if self.ffd_version == _FORMAT_WITH_MEASURES:
            item["MeasurementUnit"] = _PIECE
        return item
