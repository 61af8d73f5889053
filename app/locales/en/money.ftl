# Money. Messages may hold Telegram's HTML; keys that begin with button-, toast- and share- are plain text.

# The shop
shop-title = 🛍 <b>Credits and premium</b>
shop-balance = You have <b>{ $credits } 💎</b>.
shop-premium = 💫 Premium until { $until }.
shop-pack = <b>{ $title }</b>: { $credits } 💎 for { $price }
shop-monthly = <b>{ $title }</b>: { $credits } 💎 every month and premium, { $price } a month. Stop whenever you like.
shop-once =
    { $days ->
        [one] <b>{ $title }</b>: { $credits } 💎 at once and premium for { $days } day, { $price }.
       *[other] <b>{ $title }</b>: { $credits } 💎 at once and premium for { $days } days, { $price }.
    }
shop-hint =
    Premium makes more at the same time and more an hour. Credits do not run out.
    A tap shows the bill: nothing is charged before you confirm it.
shop-empty = Nothing is on sale right now. Please look in again later.
gift-shop-title =
    🎁 <b>A gift</b>
    You pay, somebody else gets the credits. After the payment you get a link: whoever opens it first has them. Until then you can take them back.
gifts-title = <b>Your gifts</b>
gift-line-OPEN = 🎁 { $credits } 💎 · not opened yet
gift-line-TAKEN = 🎉 { $credits } 💎 · opened
gift-line-REVOKED = ↩️ { $credits } 💎 · taken back
gift-line-CLOSED = ✖️ { $credits } 💎 · refunded
button-buy = { $title } · { $credits } 💎 · { $price }
button-buy-monthly = { $title } · { $price } a month
button-buy-gift = 🎁 As a gift
button-buy-self = ◀ For myself
button-shop = 🛍 Buy credits

# Bills
button-pay = Pay { $price }
button-subscribe = Subscribe · { $price } a month
subscribe =
    💫 <b>{ $title }</b>
    { $credits } 💎 every month, and premium for as long as it runs: { $price } a month.
    Telegram renews it by itself. You can stop it at any time with /subscription, and keep what is paid.
toast-bill = 🧾 Your bill is below
toast-buy-twice = The bill is below already.

# Receipts
paid = ✅ <b>Paid: { $price }.</b>
paid-pack = You have got { $credits } 💎.
paid-gift =
    Your gift of { $credits } 💎 is ready.
    Send this link on. Whoever opens it first gets the credits; until then you can take them back.
paid-subscription = You have got premium until { $until } and { $credits } 💎.
paid-unlock = The result without its watermark is on the way.
paid-draft-started = Your order has been started.
paid-draft-credits = The order could not be started any more. You have got { $credits } 💎 instead.
refunded = ↩️ <b>Refunded: { $price }.</b>
refunded-elsewhere = ↩️ <b>A payment of yours was refunded.</b>
refunded-credits = { $credits } 💎 were taken back for it.
refunded-debt = { $debt } 💎 of them were spent already. You owe them: the next credits pay them first.
nothing-to-give = ↩️ You paid { $price } for what you had already. The money goes back to you by itself.
nothing-to-give-elsewhere = ↩️ You paid for what you had already. The money goes back to you by itself.

# Subscription
subscription-none = You have no premium right now. It makes more at the same time and brings credits.
subscription-active = 💫 <b>Premium</b> until { $until }. Then Telegram renews it by itself.
subscription-canceled = 💫 <b>Premium</b> until { $until }. It will not be renewed; your credits stay.
subscription-failed = 💫 <b>Premium</b> until { $until }. Telegram could not charge the renewal: please see that there are enough Stars.
subscription-once = 💫 <b>Premium</b> until { $until }. It is paid and ends by itself.
subscription-over = Your premium ended on { $until }. Your credits stay.
subscription-given = 💫 <b>Premium</b> is a present from us. There is nothing to pay and nothing to cancel.
subscription-renews-soon = ⏰ On { $until } Telegram renews your premium and charges it. If you do not want that, stop it now.
subscription-ends-soon = ⏰ Your premium ends on { $until }. Your credits stay.
button-subscription-cancel = Stop the renewal
button-subscription-resume = Renew it again
button-subscription-show = 💫 My subscription

# Promo codes
promo-ask = 🎟 Write your promo code behind the command, for example <code>/promo SPRING</code>
promo-credits = 🎉 <b>The promo code is yours:</b> you have got { $credits } 💎.
promo-percent = 🎉 <b>The promo code is yours:</b> { $percent } % off your next pack. The price on the bill is the one that you pay.

# Invitations
invite =
    🤝 <b>Invite your friends</b>
    When a friend who came by your link has bought something for the first time, you get <b>{ $reward } 💎</b>. They come { $days ->
        [one] { $days } day
       *[other] { $days } days
    } after the purchase, when it can no longer be refunded.

    Your link: { $link }
invite-counts = Came: <b>{ $invited }</b> · got: <b>{ $paid } 💎</b> · waiting: <b>{ $escrow } 💎</b>
button-share-invite = 📨 Send the invitation
share-invite = I make pictures out of words here. Try it, there is a gift to begin with!
referral-reward = 🤝 <b>{ $credits } 💎 for your invitation:</b> your friend has bought something. Thank you!
referral-reversed = 🤝 Your friend’s purchase was refunded, and with it { $credits } 💎 of yours for the invitation.

# Gifts
gift-opened = 🎁 <b>A gift for you: { $credits } 💎!</b>
gift-gone = 🎁 Somebody has opened this gift already, or its buyer took it back.
gift-own =
    🎁 This is your own gift: { $credits } 💎. Nobody has opened it yet.
    Send the link on, or take the credits back.
gift-own-taken = 🎉 Your gift of { $credits } 💎 has been opened.
gift-own-ended = 🎁 This gift of yours is no longer there to be opened.
gift-revoked = ↩️ Taken back: { $credits } 💎 are yours.
gift-taken = 🎉 <b>Your gift was opened:</b> { $credits } 💎 have made somebody happy.
button-share-gift = 📨 Send it on
button-gift-revoke = ↩️ Take it back · { $credits } 💎
share-gift = A gift for you: credits for pictures. The link opens it.
toast-gift-revoked = Taken back

# When credits are short, and what is free
short =
    💎 <b>Not enough credits.</b> Needed: { $required } 💎, available: { $available } 💎, missing: <b>{ $missing } 💎</b>.
    You were not charged. The order waits for you with this price.
button-pay-exactly = Pay exactly this: { $price }
button-free = 🎁 Free, with a watermark
toast-free-started = 🚀 Started, free of charge
toast-free-used = Today’s free one is used up. A new one comes at midnight UTC.
toast-copy-used = Today’s free copy of a look is used up. A new one comes at midnight UTC. You were not charged.
free-result = 🎁 Free of charge, therefore with a watermark.
unlock =
    ✨ <b>Without the watermark</b>
    The same result, clean and in full quality. You have { $balance } 💎.
toast-unlocked = ✨ Unlocked, on its way
unlocked = ✨ <b>Without the watermark</b>, as promised.
button-unlock = ✨ Remove the watermark
button-unlock-credits = For { $price } 💎
button-unlock-stars = For { $price }

# Commands in Telegram's menu
command-buy = Buy credits and premium
command-subscription = My subscription
command-promo = Enter a promo code
command-invite = Invite friends
command-web = Open in a browser
