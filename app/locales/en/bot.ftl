# What the bot says. Messages may hold Telegram's HTML; keys that begin with button-, toast- and command- are plain text.

greeting = 👋 Hi, <b>{ $name }</b>! I turn words into pictures and videos, and change your photos.
greeting-gift = 🎁 Here is a gift to begin with: <b>{ $granted } 💎</b>.
greeting-balance = Your balance: <b>{ $credits } 💎</b>
greeting-hint =
    Just write what you would like to see. For example:
    <i>a lighthouse at sunset, oil on canvas</i>

    Or send a photo and say what to change. /help tells you the rest.

language-choose = 🌐 Which language shall we speak?
language-chosen = 🌐 We speak English now.
button-language = 🌐 Change language

help =
    <b>How it works</b>
    ✏️ Write what you would like to see: you get a card with the model, the shape, the number of pictures and the price.
    📷 Send a photo, up to four in one album, or a file, and write what to change; or reply to a picture.
    🎬 Any picture can be enlarged or brought to life, and any request can become a video.
    ▶️ The first button starts. Nothing costs anything before that.
    💎 The price is set aside while we work. If nothing comes of it, everything is returned.

    <b>Commands</b>
    /pack – a photo pack of one person
    /buy – credits and premium
    /balance – balance and statement
    /styles – styles, from a photo or from words
    /history – everything you have made
    /cancel – stop the latest one
    /subscription – my subscription
    /promo – enter a promo code
    /invite – invite friends, earn credits
    /quick – start without the card
    /language – language
    /paysupport – help with payments
    /terms – terms of use
    /privacy – your data

paysupport =
    <b>Help with payments</b>
    Something is wrong with credits or a payment? Write it in one message together with the command, for example:
    <code>/paysupport I was charged on Monday, but there was no picture</code>

    It goes straight to the operator. We answer within two days and return what was charged wrongly. Your number for us: <code>{ $telegram_id }</code>

    Telegram’s own support does not answer questions about purchases in bots.
paysupport-sent = ✉️ Passed on to the operator. You will get an answer within two days. Your number for us: <code>{ $telegram_id }</code>
paysupport-enough = ✉️ Your messages have arrived. Please wait for the answer, or write again in an hour.

terms =
    <b>Terms of use</b>
    1. Credits (💎) pay for pictures and videos. The price is shown before each start.
    2. The price is set aside at the start and charged when the work is ready. For what could not be made, credits are returned by themselves, at once.
    3. Forbidden: sexual content with minors, other people’s intimate pictures, calls to violence, fraud and anything else the law forbids. Such requests are refused, and who insists is blocked.
    4. Pictures and videos are made by neural networks: we do not promise that they are like something in particular, nor that they are unique.
    5. What you have made is yours to use, as far as the law and the rights of others allow.
    6. Questions about payments: /paysupport

privacy =
    <b>Your data</b>
    We keep your Telegram id and name, your requests, the photos you send, what was made of them, and the statement of your credits.
    The text and the photos of a request are passed on to the neural network that makes it, and to nobody else. Your name and id are not.
    Photos that you send are deleted some time after the work is done. Those of a person for photo packs stay until you delete the person in /pack.
    Whatever was made can be deleted in /history: it goes at once, together with its text.
    The statement of credits is kept, as accounting demands.

# The card
card =
    🎨 Model: <b>{ $model }</b>
    📐 Shape: <b>{ $ratio }</b>
    🖼 Pictures: <b>{ $count }</b>

    Price: <b>{ $price } 💎</b> · you have { $balance } 💎
card-video =
    🎬 Model: <b>{ $model }</b>
    📐 Shape: <b>{ $ratio }</b>
    ⏱ Length: <b>{ $seconds } s</b>

    Price: <b>{ $price } 💎</b> · you have { $balance } 💎
card-upscale =
    🔍 <b>{ $model }</b>

    Price: <b>{ $price } 💎</b> · you have { $balance } 💎
button-duration = ⏱ { $seconds } s
button-enlarge = 🔍 Enlarge
button-animate = 🎬 Animate
button-start = ▶️ Create · { $price } 💎
button-model = 🎨 { $model } · change
button-quick-on = ⚡ Quick mode: on
button-quick-off = ⚡ Quick mode: off
quick-mode-on = ⚡ <b>Quick mode is on.</b> What you write is started at once, with the choices of last time.
quick-mode-off = ⚡ <b>Quick mode is off.</b> What you write becomes a card first, with the price and a start button.

# Progress
progress-title = 🎨 <b>{ $model }</b>
progress-queued = ⏳ In the queue
progress-queue-position = ⏳ In the queue, place <b>{ $position }</b>
progress-starting = 🚀 Starting
progress-generating = 🖌 Painting
progress-filming = 🎬 Filming
progress-finishing = ✨ Almost there
progress-cancelling = 🛑 Stopping
progress-percent = { $percent } %
eta-seconds =
    { $seconds ->
        [one] About { $seconds } second left
       *[other] About { $seconds } seconds left
    }
eta-minutes =
    { $minutes ->
        [one] About { $minutes } minute left
       *[other] About { $minutes } minutes left
    }
button-cancel = ✖️ Cancel

# Results
result-title-video = ✨ Your video is ready · <b>{ $model }</b>
result-title =
    { $count ->
        [one] ✨ Your picture is ready · <b>{ $model }</b>
       *[other] ✨ Your { $count } pictures are ready · <b>{ $model }</b>
    }
receipt = 🧾 Held { $held } 💎 · charged { $charged } 💎 · returned { $returned } 💎
receipt-partial =
    { $returned ->
        [one] Not every picture came out: { $returned } 💎 was returned.
       *[other] Not every picture came out: { $returned } 💎 were returned.
    }
receipt-balance = Balance: <b>{ $balance } 💎</b>
original = 📎 In full quality
link-to-file =
    ⬇️ File { $number } ({ $minutes ->
        [one] the link works for { $minutes } minute
       *[other] the link works for { $minutes } minutes
    })
button-again = 🔁 Again · { $price } 💎
button-variation = 🎲 Variation · { $price } 💎
button-original =
    { $count ->
        [one] 📎 Original as a file
       *[other] 📎 Originals as files
    }
button-try-again = 🔁 Try again · { $price } 💎
failed-title = 😔 <b>It did not work.</b>
cancelled-title = 🚫 <b>Cancelled.</b>
money-returned =
    { $returned ->
        [one] { $returned } 💎 was returned.
       *[other] { $returned } 💎 were returned.
    }
money-not-charged = You were not charged.
money-coming-back = The money that you paid for it goes back to you by itself.
model-name = <b>{ $model }</b>

# Balance and statement
balance-title = 💎 <b>Balance</b>
balance-available = Available: <b>{ $credits } 💎</b>
balance-held = Set aside for work in progress: <b>{ $held } 💎</b>
balance-debt = Owed: <b>{ $debt } 💎</b>
statement-title = <b>Statement</b>
statement-empty = Nothing has happened on your account yet.
button-newer = ◀ Newer
button-older = Older ▶

# History
history-title = 🗂 <b>What you have made</b>
history-empty = Nothing here yet. Write what you would like to see, and it will be the first.
history-empty-filter = Nothing of this kind.
history-hint = Tap a number to open it.
button-kind-image = 🖼 Pictures
button-kind-edit = ✏️ Edits
button-kind-video = 🎬 Videos
button-kind-upscale = 🔍 Enlarged
button-kind-pack = 📸 Packs
button-filter-all = All
button-filter-done = Ready
button-filter-failed = Not made
status-COMPLETED = ✅ Ready
status-FAILED = ⚠️ Not made
status-CANCELLED = 🚫 Cancelled
status-PENDING = ⏳ In the queue
status-PROCESSING = 🎨 In progress
button-repeat = 🔁 Repeat
button-delete = 🗑 Delete
button-delete-surely = 🗑 Yes, delete
button-keep = Keep it
deleted = 🗑 Deleted, together with its text.

# Small words
cancel-asked = 🛑 Stopping. If it can still be stopped free of charge, everything is returned.
cancel-nothing = Nothing is being made for you right now.
cancel-too-late = It can no longer be cancelled: it is being made. You will have it soon.
toast-started = 🚀 Started
toast-already-started = It has been started already.
toast-cancelled =
    { $returned ->
        [one] Cancelled. { $returned } 💎 was returned.
       *[other] Cancelled. { $returned } 💎 were returned.
    }
toast-cancelling = Stopping…
toast-original = 📎 On its way
toast-price-renewed = That offer had run out. The price now: { $price } 💎. Tap once more to start.
toast-outdated = This button is outdated. Write what you would like to see, or open /history.
toast-deleted = Deleted
toast-kept = Kept
toast-flood = Too fast. Please wait a few seconds.
flood = 🐢 Too fast: I am not reading everything. Please wait a few seconds.
apology = 😔 Something broke on our side, and your message was not handled. We know about it already. If credits had been set aside, they are safe. Please try again a little later.
prompt-too-long = This is too long: it has { $length } characters, and { $limit } are the most. Please make it shorter. You were not charged.
prompt-unreadable = I cannot read this text. Please write it in plain letters. You were not charged.
only-text = 🤷 I understand words and photos: write what you would like to see, or send a photo.
unknown-command = I do not know this command. All that I can do: /help

# Commands in Telegram's menu
command-start = Begin
command-help = How it works
command-balance = Balance and statement
command-history = Everything you have made
command-cancel = Stop the latest one
command-quick = Start without the card
command-language = Language
command-paysupport = Help with payments
command-terms = Terms of use
command-privacy = Your data
