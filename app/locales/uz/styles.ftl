# Uslublar: operator andozalari va koʻrinishni koʻchirish. button- kalitlari oddiy matn.

styles-choose =
    🎭 <b>Uslublar</b>
    Birini tanlang: qanday koʻrinishini koʻrsataman va nima kerakligini soʻrayman.

    📷 suratingizdan
    ✏️ soʻzlaringizdan
    🎬 video
    🪞 boshqa rasmning koʻrinishi
styles-for-yours = 🎭 <b>Qaysi uslubda?</b> Boshlashdan oldin narxini koʻrasiz.
styles-none = 🎭 Hozircha bunga mos uslub yoʻq. Hech narsa yechilmadi.
style-title =
    🎭 <b>{ $style }</b>
    Narxi: <b>{ $price } 💎</b>
style-asks-photo = 📷 Surat yuboring. Istaklaringiz boʻlsa, uning izohiga yozing.
style-asks-words = ✏️ Rasmda nima boʻlishini yozing. Masalan: <i>oʻrmondagi tulki</i>
style-asks-video = 🎬 Jonlanadigan suratni yuboring. Istaklaringiz boʻlsa, uning izohiga yozing.
style-asks-look =
    🪞 Ikkita surat yuboring, ketma-ket yoki albom qilib:
    1. oʻz suratingiz,
    2. koʻrinishi koʻchiriladigan rasm.
style-asks-look-second = 🪞 Suratingizni oldim. Endi koʻrinishi koʻchiriladigan rasmni yuboring.
style-asks-another = 📷 Iltimos, yana bitta surat yuboring.
style-copy-free = 🎁 Bugungi bitta nusxa bepul, suv belgisi bilan.
card-style = 🎭 Uslub: <b>{ $style }</b>
button-style = { $sign } { $style } · { $price } 💎
button-styles = 🎭 Uslublar
button-styles-all = 🎭 Barcha uslublar
button-back = ← Orqaga
button-more = Yana →
command-styles = Uslublar: suratdan yoki soʻzdan
