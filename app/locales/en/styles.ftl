# Styles: templates of the operator's, and copying a look. Keys on button- are plain text.

styles-choose =
    🎭 <b>Styles</b>
    Choose one: I show what it looks like and ask for what it needs.

    📷 from your photo
    ✏️ from your words
    🎬 a video
    🪞 the look of another picture
styles-for-yours = 🎭 <b>Which style?</b> You see the price before anything starts.
styles-none = 🎭 There are no styles for this right now. You were not charged.
style-title =
    🎭 <b>{ $style }</b>
    Price: <b>{ $price } 💎</b>
style-asks-photo = 📷 Send a photo. Wishes go into its caption, if you have any.
style-asks-words = ✏️ Write what is to be seen. For example: <i>a fox in the forest</i>
style-asks-video = 🎬 Send the photo that is to come to life. Wishes go into its caption, if you have any.
style-asks-look =
    🪞 Send two pictures, one after the other or as an album:
    1. your photo,
    2. the picture whose look it is to have.
style-asks-look-second = 🪞 Got your photo. Now send the picture whose look it is to have.
style-asks-another = 📷 One more photo, please.
style-copy-free = 🎁 Today’s copy is free, with a watermark.
card-style = 🎭 Style: <b>{ $style }</b>
button-style = { $sign } { $style } · { $price } 💎
button-styles = 🎭 Styles
button-styles-all = 🎭 All styles
button-back = ← Back
button-more = More →
command-styles = Styles: from a photo or from words
