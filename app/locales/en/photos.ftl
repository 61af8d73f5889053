# Photos of the chat, and the ways from one kind of work to another. Keys on button- are plain text.

card-edit =
    ✏️ Model: <b>{ $model }</b>
    🖼 From { $inputs ->
        [one] your photo
       *[other] your { $inputs } photos
    }
    📐 Shape: <b>{ $ratio }</b>
    🔢 Pictures: <b>{ $count }</b>

    Price: <b>{ $price } 💎</b> · you have { $balance } 💎
card-motion =
    🎬 Model: <b>{ $model }</b>
    🖼 From your photo
    📐 Shape: <b>{ $ratio }</b>
    ⏱ Length: <b>{ $seconds } s</b>

    Price: <b>{ $price } 💎</b> · you have { $balance } 💎
ratio-as-photo = as the photo
button-ratio-as-photo = 📐 As the photo

photo-question =
    { $inputs ->
        [one] 📷 <b>Got your photo.</b>
       *[other] 📷 <b>Got your { $inputs } photos.</b>
    }
    What should change? Write it in your own words, or choose below.
next-is-the-answer = <i>Your next message is the answer. Something else: /cancel</i>
photo-too-many =
    { $limit ->
        [one] ⚠️ You sent { $sent } photos; one is taken here. I took the first.
       *[other] ⚠️ You sent { $sent } photos; at most { $limit } are taken here. I took the first { $limit }.
    }
photo-gone = Telegram does not have this file any more. Please send it again. You were not charged.
photo-late = ⌛ This photo came when the order had been started already: it is not part of it. To use it, send it once more.
ask-photo = 📷 Now send me the photo.
ask-edit =
    ✏️ <b>What should change in the picture?</b> Write it in your own words. For example: <i>make it winter</i>
    { next-is-the-answer }
motion-question = 🎬 <b>What should happen in the video?</b> Write it in your own words. For example: <i>the camera comes closer, the leaves are falling</i>
ask-motion =
    { motion-question }
    { next-is-the-answer }
ask-video =
    🎬 <b>What should the video show?</b> Write it in your own words. For example: <i>waves at sunset, slow motion</i>
    { next-is-the-answer }
only-pictures-are-edited = 🎞 Videos cannot be edited yet. Reply to a picture instead, or write without replying. You were not charged.
cancel-question = 👌 Forgotten. What shall we make instead?

button-edit = ✏️ Edit
button-edit-words = ✏️ Describe the change
button-to-video = 🎬 As a video
button-to-picture = 🖼 As a picture
button-video = 🎬 Make a video
