# Refusals, in plain text: they are shown in chats, in alerts over a chat (200 characters) and in the cabinet.

error-validation-error = Something in the request does not fit. Please check it and try again.
error-unauthenticated = Please sign in first.
error-init-data-invalid = Telegram’s sign-in data could not be confirmed. Please open the app from the bot again.
error-init-data-expired = The sign-in has become too old. Please close the app and open it from the bot again.
error-session-expired = The session is over. Please sign in again.
error-forbidden = You may not do this.
error-user-banned = Your account is blocked. If you think this is a mistake, write to us: /paysupport
error-user-suspended = Your account is suspended until { $until }. Reason: { $reason }
error-user-not-found = There is no such user.
error-generation-not-found = There is nothing like this in your history.
error-not-found = It is not there (any more).
error-insufficient-credits = Not enough credits: { $required } 💎 needed, { $available } 💎 available. You were not charged.
error-duplicate-request = This has already been accepted. You were not charged twice.
error-idempotency-key-reused = This request key was used for something else. You were not charged.
error-concurrent-update = Somebody was faster just now. You were not charged. Please try again.
error-price-changed = The price is now { $price } 💎. You were not charged.
error-generation-not-cancellable = It can no longer be cancelled: it is being made or is finished.
error-max-active-generations =
    { $limit ->
        [one] { $limit } order is being made for you already: that is the limit. Please wait until it is done. You were not charged.
       *[other] { $limit } orders are being made for you already: that is the limit. Please wait until one is done. You were not charged.
    }
error-rate-limit-exceeded =
    { $retry_after ->
        [one] Too many at once. Please try again in { $retry_after } second. You were not charged.
       *[other] Too many at once. Please try again in { $retry_after } seconds. You were not charged.
    }
error-model-unavailable = This model is not available right now. Please choose another one. You were not charged.
error-style-unavailable = This style is not available right now. Please choose another one. You were not charged.
error-maintenance = We are doing maintenance and will be back soon. You were not charged.
error-provider-unavailable = This does not work right now. Please try again a little later. You were not charged.
error-prompt-rejected = This request breaks the content rules. Please put it differently. You were not charged.
error-payment-not-found = There is no such payment. You were not charged.
error-payment-mismatch = This payment does not fit the order. You were not charged. Please order anew.
error-already-subscribed = Your premium renews by itself already; you would pay for it twice. You were not charged. The command /subscription shows it.
error-payment-consumed = This payment has been used already. You were not charged again.
error-payment-already-refunded = This payment has been refunded already.
error-refund-exceeds-balance = The credits of this payment are spent: { $required } 💎 would be taken back, { $available } 💎 are there.
error-promo-invalid = This promo code is not valid.
error-promo-exhausted = This promo code has been used up.
error-promo-used = You have used this promo code already.
error-upload-invalid =
    { $problem ->
        [format] This is not a picture that we can read. Please send a JPEG, PNG, WebP or HEIC. You were not charged.
        [too_many_pixels] This picture has too many pixels. Please send a smaller one. You were not charged.
        [empty] The file is empty. Please send it again. You were not charged.
        [gone] The photo is not kept any more. Please send it again. You were not charged.
       *[damaged] The picture is damaged and cannot be opened. Please send it again. You were not charged.
    }
error-upload-too-large = The file is too large: at most { $limit_megabytes } MB. You were not charged.
error-internal-error = Something broke on our side. We know about it already. Please try again a little later.
error-generation-timeout = It took too long. The credits were returned.
error-provider-error = The model could not make it. The credits were returned.
error-provider-outcome-unknown = We lost sight of this one. The credits were returned.

# Why a generation failed; the money is told of in the next line.
failure-generation-timeout = It took too long, and we stopped waiting.
failure-provider-error = The model could not make it. It may work at the next try, or in other words.
failure-provider-outcome-unknown = The connection to the model was lost, and we could not find what it made.
failure-prompt-rejected = The model refused it because of its content rules. Please put it differently.
failure-internal-error = Something broke on our side. We know about it already.
