# Cards: alerts for the operator, and the pages in an outside browser. Nothing of this is said in a chat with a user.

alert-card-forged =
    Somebody has sent a card notification that T-Bank did not sign. It was refused and changed nothing.
    <b>What to do:</b> nothing, if it happens once. If payments are not credited, compare the terminal’s password with the settings.
alert-card-mismatch =
    A signed card notification does not fit the order that it names. It was refused, and nothing was credited.
    <b>What to do:</b> find the payment in T-Bank’s cabinet; give the money back there if it is not ours.
alert-card-terminal-refused =
    T-Bank refuses our terminal or our request; payments and refunds by card wait.
    <b>What to do:</b> compare the terminal’s key and password with T-Bank’s cabinet; <code>starbrush terminal</code> switches to the other one.
alert-card-partial-refund =
    T-Bank reports a refund, and its amount cannot be read. The credits were not touched.
    <b>What to do:</b> look at the payment in T-Bank’s cabinet and set the balance right with <code>starbrush grant</code>.
alert-card-reversed =
    T-Bank says that the money of a paid card order was let go. The order stands as paid, and the credits were not touched.
    <b>What to do:</b> look at the payment in T-Bank’s cabinet. If the money did not come, set the balance right with <code>starbrush grant</code>.
alert-card-order-unclear =
    A card order was asked about for days without a clear answer; it is closed now.
    <b>What to do:</b> look at the payment in T-Bank’s cabinet. If it was paid, replay its notification there: it is still credited.

# Pages
web-entry-title = Open your account
web-entry-text = This link is yours alone: it works once, and only for a few minutes.
web-continue = Continue
web-hello = Hello, { $name }!
web-balance = { $credits } 💎
web-credits = { $credits } 💎
web-premium =
    { $days ->
        [one] Premium for { $days } day
       *[other] Premium for { $days } days
    }
web-buy = Buy for { $price }
web-pay = Pay { $price }
web-back = Back to the shop
web-orders = Your orders
web-empty = Nothing is on sale here right now. Your credits are in the bot, as always.
web-sorry = That did not work
web-expired = This link has been used, or its time is over. Ask the bot for a new one: /web
web-state-pending = Waiting for the payment
web-state-pending-text = { $credits } 💎 for { $price }. This page notices by itself when it is paid.
web-state-paid = Paid
web-state-paid-text = You have got { $credits } 💎. Your balance is { $balance } 💎.
web-state-refunded = Refunded
web-state-refunded-text = { $price } went back to your card, and the credits were taken back.
web-state-expired = The time is over
web-state-expired-text = This order was not paid in time. You were not charged; just order again.
web-state-failed = Not paid
web-state-failed-text = The payment did not come about. You were not charged; just order again.
web-state-closed = Closed
web-state-closed-text = This order is closed and cannot be paid any more.
web-footer = Questions about a payment: /paysupport in the bot.

# The bot
web-link =
    🌐 Your account in the browser. The link works once, for { $minutes } minutes, and for nobody but you: do not pass it on.
    { $link }
web-enough = That is enough links for now. Please use the last one, or ask again in an hour.
