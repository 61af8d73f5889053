# Chatdagi suratlar va bir ishdan boshqasiga oʻtish. button- kalitlari oddiy matn.

card-edit =
    ✏️ Model: <b>{ $model }</b>
    🖼 { $inputs ->
        [1] Suratingizdan
       *[other] { $inputs } ta suratingizdan
    }
    📐 Oʻlcham: <b>{ $ratio }</b>
    🔢 Rasmlar: <b>{ $count }</b>

    Narxi: <b>{ $price } 💎</b> · sizda { $balance } 💎
card-motion =
    🎬 Model: <b>{ $model }</b>
    🖼 Suratingizdan
    📐 Oʻlcham: <b>{ $ratio }</b>
    ⏱ Davomiyligi: <b>{ $seconds } s</b>

    Narxi: <b>{ $price } 💎</b> · sizda { $balance } 💎
ratio-as-photo = suratdagidek
button-ratio-as-photo = 📐 Suratdagidek

photo-question =
    { $inputs ->
        [1] 📷 <b>Suratingizni oldim.</b>
       *[other] 📷 <b>{ $inputs } ta suratingizni oldim.</b>
    }
    Nimani oʻzgartiray? Oʻz soʻzlaringiz bilan yozing yoki quyidan tanlang.
next-is-the-answer = <i>Keyingi xabaringiz – javob. Boshqa narsa uchun: /cancel</i>
photo-too-many =
    { $limit ->
        [1] ⚠️ Siz { $sent } ta surat yubordingiz, bu yerda bittasi kerak. Birinchisini oldim.
       *[other] ⚠️ Siz { $sent } ta surat yubordingiz, bu yerda koʻpi bilan { $limit } ta mumkin. Birinchi { $limit } tasini oldim.
    }
photo-gone = Telegramda bu fayl endi yoʻq. Uni qayta yuboring. Hech narsa yechilmadi.
photo-late = ⌛ Bu surat buyurtma boshlangandan keyin keldi va unga kirmadi. Ishlatish uchun yana bir marta yuboring.
ask-photo = 📷 Endi suratni yuboring.
ask-edit =
    ✏️ <b>Rasmda nimani oʻzgartiray?</b> Oʻz soʻzlaringiz bilan yozing. Masalan: <i>qish boʻlsin</i>
    { next-is-the-answer }
motion-question = 🎬 <b>Videoda nima sodir boʻlsin?</b> Oʻz soʻzlaringiz bilan yozing. Masalan: <i>kamera yaqinlashadi, barglar toʻkiladi</i>
ask-motion =
    { motion-question }
    { next-is-the-answer }
ask-video =
    🎬 <b>Videoda nimani koʻrsatay?</b> Oʻz soʻzlaringiz bilan yozing. Masalan: <i>quyosh botishida toʻlqinlar, sekin</i>
    { next-is-the-answer }
only-pictures-are-edited = 🎞 Videolarni hozircha oʻzgartirib boʻlmaydi. Rasmga javob bering yoki javobsiz yozing. Hech narsa yechilmadi.
cancel-question = 👌 Xoʻp, unutdik. Oʻrniga nima qilamiz?

button-edit = ✏️ Oʻzgartirish
button-edit-words = ✏️ Oʻzgarishni yozish
button-to-video = 🎬 Video qilish
button-to-picture = 🖼 Rasm qilish
button-video = 🎬 Video yaratish
