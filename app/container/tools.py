"""Adapters whose building takes more than a line: of pictures and videos, and of cards."""

from typing import Final

from app.adapters.download import MAX_BYTES
from app.adapters.payments.tbank import TBankGateway
from app.adapters.payments.tbank_receipts import ReceiptTerms
from app.core.media import ImagePreparer
from app.core.media_inputs import InputPreparer
from app.core.media_processes import MediaProcesses
from app.core.media_results import ResultPreparer, VideoPreparer
from app.domain.ports import CardGateway, Terminal
from app.settings import Settings

# What a vendor may send back as one picture.
_RESULT_MAX_BYTES: Final = 50_000_000
_RESULT_MAX_PIXELS: Final = 50_000_000
# Vendors' longest videos last 15 s, their largest are 4K.
_VIDEO_MAX_PIXELS: Final = 4096 * 2304
_VIDEO_MAX_SECONDS: Final = 120
# What stands on the pictures that the house has paid for.
_WATERMARK: Final = "starbrush"


def build_result_preparer(processes: MediaProcesses) -> ResultPreparer:
    """Makes what vendors send ready."""
    images = ImagePreparer(max_pixels=_RESULT_MAX_PIXELS, max_bytes=_RESULT_MAX_BYTES, watermark=_WATERMARK)
    videos = VideoPreparer(
        processes,
        max_bytes=MAX_BYTES,
        max_pixels=_VIDEO_MAX_PIXELS,
        max_seconds=_VIDEO_MAX_SECONDS,
        watermark=_WATERMARK,
    )
    return ResultPreparer(images, videos)


def build_input_preparer(settings: Settings, processes: MediaProcesses) -> InputPreparer:
    """Makes what users send ready."""
    max_pixels = settings.upload_max_megapixels * 1_000_000
    max_bytes = settings.upload_max_megabytes * 1_000_000
    images = ImagePreparer(max_pixels=max_pixels, max_bytes=max_bytes, watermark=_WATERMARK)
    return InputPreparer(images, processes, max_pixels=max_pixels, max_bytes=max_bytes)


def build_cards(settings: Settings) -> dict[Terminal, CardGateway]:
    """A gateway for each configured terminal; those of earlier orders work on when cards are not sold any more."""
    receipts = None
    if settings.tbank_taxation:
        receipts = ReceiptTerms(
            taxation=settings.tbank_taxation,
            vat=settings.tbank_vat,
            payment_method=settings.tbank_payment_method,
            payment_object=settings.tbank_payment_object,
            ffd_version=settings.tbank_ffd_version,
            email=settings.tbank_receipt_email,
        )
    pairs = {
        Terminal.PRODUCTION: (settings.tbank_terminal_key, settings.tbank_password),
        Terminal.TEST: (settings.tbank_test_terminal_key, settings.tbank_test_password),
    }
    return {
        terminal: TBankGateway(
            base_url=settings.tbank_base_url,
            terminal_key=key.get_secret_value(),
            password=password.get_secret_value(),
            receipts=receipts,
        )
        for terminal, (key, password) in pairs.items()
        if key.get_secret_value()
    }
