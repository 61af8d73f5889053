"""Every refusal of the product, on one page (spec §5).

AppError
├── ValidationFailed            VALIDATION_ERROR
├── Unauthenticated             UNAUTHENTICATED
│   ├── InitDataInvalid         INIT_DATA_INVALID
│   ├── InitDataExpired         INIT_DATA_EXPIRED
│   └── SessionExpired          SESSION_EXPIRED
├── Forbidden                   FORBIDDEN
│   ├── UserBanned              USER_BANNED
│   └── UserSuspended           USER_SUSPENDED
├── NotFound                    NOT_FOUND
│   ├── UserNotFound            USER_NOT_FOUND
│   ├── GenerationNotFound      GENERATION_NOT_FOUND
│   ├── PaymentNotFound         PAYMENT_NOT_FOUND
│   └── PromoInvalid            PROMO_INVALID
├── InsufficientCredits         INSUFFICIENT_CREDITS
├── DuplicateRequest            DUPLICATE_REQUEST
├── IdempotencyKeyReused        IDEMPOTENCY_KEY_REUSED
├── ConcurrentUpdate            CONCURRENT_UPDATE
├── PriceChanged                PRICE_CHANGED
├── GenerationNotCancellable    GENERATION_NOT_CANCELLABLE
├── PaymentConflict
│   ├── PaymentMismatch         PAYMENT_MISMATCH
│   ├── PaymentConsumed         PAYMENT_CONSUMED
│   ├── AlreadySubscribed       ALREADY_SUBSCRIBED
│   ├── PaymentAlreadyRefunded  PAYMENT_ALREADY_REFUNDED
│   └── RefundExceedsBalance    REFUND_EXCEEDS_BALANCE
├── PromoConflict
│   ├── PromoExhausted          PROMO_EXHAUSTED
│   └── PromoUsed               PROMO_USED
├── MaxActiveGenerations        MAX_ACTIVE_GENERATIONS
├── RateLimitExceeded           RATE_LIMIT_EXCEEDED
├── Unavailable
│   ├── ModelUnavailable        MODEL_UNAVAILABLE
│   ├── StyleUnavailable        STYLE_UNAVAILABLE
│   ├── Maintenance             MAINTENANCE
│   └── ProviderUnavailable     PROVIDER_UNAVAILABLE
├── PromptRejected              PROMPT_REJECTED
├── UploadInvalid               UPLOAD_INVALID
├── UploadTooLarge              UPLOAD_TOO_LARGE
└── InternalError               INTERNAL_ERROR
"""

from enum import StrEnum

from app.core.errors import AppError, ErrorKind


class ValidationFailed(AppError):
    """The request does not fit; `fields` names what does not, each with a reason in plain words."""

    code = "VALIDATION_ERROR"
    kind = ErrorKind.VALIDATION

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(fields=fields)


class Unauthenticated(AppError):
    """Nobody is signed in."""

    code = "UNAUTHENTICATED"
    kind = ErrorKind.UNAUTHENTICATED


class InitDataInvalid(Unauthenticated):
    """The launch data of the Mini App is forged, malformed or another bot's."""

    code = "INIT_DATA_INVALID"


class InitDataExpired(Unauthenticated):
    """The launch data of the Mini App is too old."""

    code = "INIT_DATA_EXPIRED"


class SessionExpired(Unauthenticated):
    """The session token is unknown or too old."""

    code = "SESSION_EXPIRED"


class Forbidden(AppError):
    """The actor lacks the right."""

    code = "FORBIDDEN"
    kind = ErrorKind.FORBIDDEN


class UserBanned(Forbidden):
    """The user is banned."""

    code = "USER_BANNED"


class UserSuspended(Forbidden):
    """The user is suspended; `until` (ISO 8601 UTC) and `reason` say for how long and why."""

    code = "USER_SUSPENDED"


class NotFound(AppError):
    """There is no such thing, or it is somebody else's."""

    code = "NOT_FOUND"
    kind = ErrorKind.NOT_FOUND


class UserNotFound(NotFound):
    """No user has this id."""

    code = "USER_NOT_FOUND"


class GenerationNotFound(NotFound):
    """The actor has no generation with this id."""

    code = "GENERATION_NOT_FOUND"


class PaymentNotFound(NotFound):
    """No payment or order of the actor has this id."""

    code = "PAYMENT_NOT_FOUND"


class PromoInvalid(NotFound):
    """There is no such promo code, it is over, or it is not for this user or purchase."""

    code = "PROMO_INVALID"


class InsufficientCredits(AppError):
    """`required` credits were needed, `available` are there."""

    code = "INSUFFICIENT_CREDITS"
    kind = ErrorKind.PAYMENT_REQUIRED


class DuplicateRequest(AppError):
    """The same request was accepted before; `generation_id` is what came of it."""

    code = "DUPLICATE_REQUEST"
    kind = ErrorKind.CONFLICT


class IdempotencyKeyReused(AppError):
    """The idempotency key was used with another body."""

    code = "IDEMPOTENCY_KEY_REUSED"
    kind = ErrorKind.UNPROCESSABLE


class ConcurrentUpdate(AppError):
    """A race was lost that cannot be explained otherwise."""

    code = "CONCURRENT_UPDATE"
    kind = ErrorKind.CONFLICT


class PriceChanged(AppError):
    """The price is now `price`, above the client's `max_price`."""

    code = "PRICE_CHANGED"
    kind = ErrorKind.CONFLICT


class GenerationNotCancellable(AppError):
    """The work is finished, or its vendor does not stop free of charge."""

    code = "GENERATION_NOT_CANCELLABLE"
    kind = ErrorKind.CONFLICT


class PaymentConflict(AppError):
    """A payment is not in the state that this asks for."""

    kind = ErrorKind.CONFLICT


class PaymentMismatch(PaymentConflict):
    """Payer, amount or currency are not those of the order."""

    code = "PAYMENT_MISMATCH"


class PaymentConsumed(PaymentConflict):
    """What this payment bought was given already."""

    code = "PAYMENT_CONSUMED"


class AlreadySubscribed(PaymentConflict):
    """Premium renews by itself already: a second subscription would be paid every month beside it."""

    code = "ALREADY_SUBSCRIBED"


class PaymentAlreadyRefunded(PaymentConflict):
    """The payment was refunded, or its refund is under way."""

    code = "PAYMENT_ALREADY_REFUNDED"


class RefundExceedsBalance(PaymentConflict):
    """The credits of the payment are spent: `required` would be taken back, `available` are there."""

    code = "REFUND_EXCEEDS_BALANCE"


class PromoConflict(AppError):
    """A promo code cannot be redeemed (any more)."""

    kind = ErrorKind.CONFLICT


class PromoExhausted(PromoConflict):
    """The promo code was redeemed as often as it may be."""

    code = "PROMO_EXHAUSTED"


class PromoUsed(PromoConflict):
    """The user has redeemed this promo code before."""

    code = "PROMO_USED"


class MaxActiveGenerations(AppError):
    """`limit` generations are active already."""

    code = "MAX_ACTIVE_GENERATIONS"
    kind = ErrorKind.RATE_LIMITED


class RateLimitExceeded(AppError):
    """Too many in the window; `retry_after` seconds until the next is accepted."""

    code = "RATE_LIMIT_EXCEEDED"
    kind = ErrorKind.RATE_LIMITED


class Unavailable(AppError):
    """Cannot be done for now."""

    kind = ErrorKind.UNAVAILABLE


class ModelUnavailable(Unavailable):
    """The model is unknown, switched off or has no working route."""

    code = "MODEL_UNAVAILABLE"


class StyleUnavailable(Unavailable):
    """The style is unknown, switched off or nobody can make it right now."""

    code = "STYLE_UNAVAILABLE"


class Maintenance(Unavailable):
    """The operator has closed the shop for a while."""

    code = "MAINTENANCE"


class ProviderUnavailable(Unavailable):
    """A system that we depend on does not answer."""

    code = "PROVIDER_UNAVAILABLE"


class PromptRejected(AppError):
    """The prompt breaks the content rules; `category` says which."""

    code = "PROMPT_REJECTED"
    kind = ErrorKind.UNPROCESSABLE


class UploadInvalid(AppError):
    """The file cannot be worked from.

    `problem`: `format`, `damaged`, `too_many_pixels`, `empty`, or `gone` when it is not kept any more.
    """

    code = "UPLOAD_INVALID"
    kind = ErrorKind.UNPROCESSABLE


class UploadTooLarge(AppError):
    """The file has more than `limit_megabytes`."""

    code = "UPLOAD_TOO_LARGE"
    kind = ErrorKind.TOO_LARGE


class InternalError(AppError):
    """Our bug; says nothing about the inside."""

    code = "INTERNAL_ERROR"


class FailureReason(StrEnum):
    """Why a generation is FAILED. The user's sentence is the Fluent message of the code."""

    GENERATION_TIMEOUT = "GENERATION_TIMEOUT"
    PROVIDER_ERROR = "PROVIDER_ERROR"
    PROVIDER_OUTCOME_UNKNOWN = "PROVIDER_OUTCOME_UNKNOWN"
    PROMPT_REJECTED = "PROMPT_REJECTED"
    INTERNAL_ERROR = "INTERNAL_ERROR"
