# Bot soʻzlari. Xabarlarda Telegram HTML boʻlishi mumkin; button-, toast- va command- kalitlari oddiy matn.

greeting = 👋 Salom, <b>{ $name }</b>! Men soʻzlarni rasm va videoga aylantiraman, suratlaringizni oʻzgartiraman.
greeting-gift = 🎁 Boshlanishiga sizga <b>{ $granted } 💎</b> sovgʻa.
greeting-balance = Balansingiz: <b>{ $credits } 💎</b>
greeting-hint =
    Nimani koʻrmoqchi boʻlsangiz, shuni yozing. Masalan:
    <i>quyosh botishidagi mayoq, moyboʻyoq</i>

    Yoki surat yuborib, nimani oʻzgartirishni ayting. Qolganini /help aytib beradi.

language-choose = 🌐 Qaysi tilda gaplashamiz?
language-chosen = 🌐 Endi oʻzbekcha gaplashamiz.
button-language = 🌐 Tilni almashtirish

help =
    <b>Bu qanday ishlaydi</b>
    ✏️ Nimani koʻrmoqchi ekaningizni yozing: model, oʻlcham, rasmlar soni va narxi koʻrsatilgan kartochka chiqadi.
    📷 Surat (bitta albomda toʻrttagacha) yoki fayl yuboring va nimani oʻzgartirishni yozing; yoki rasmga javob bering.
    🎬 Har qanday rasmni kattalashtirish yoki jonlantirish, har qanday soʻrovdan video qilish mumkin.
    ▶️ Birinchi tugma ishni boshlaydi. Ungacha hech narsa yechilmaydi.
    💎 Biz ishlayotganda narx band qilib turiladi. Agar chiqmasa, hammasi qaytariladi.

    <b>Buyruqlar</b>
    /pack – bir kishining fotosessiyasi
    /buy – kreditlar va premium
    /balance – balans va hisobot
    /styles – uslublar, suratdan yoki soʻzdan
    /history – siz yaratgan hamma narsa
    /cancel – oxirgisini toʻxtatish
    /subscription – obunam
    /promo – promokod kiritish
    /invite – doʻstlarni taklif qilib, kredit olish
    /quick – kartochkasiz boshlash
    /language – til
    /paysupport – toʻlovlar boʻyicha yordam
    /terms – shartlar
    /privacy – maʼlumotlaringiz

paysupport =
    <b>Toʻlovlar boʻyicha yordam</b>
    Kreditlar yoki toʻlov bilan muammo bormi? Bu haqda buyruq bilan birga bitta xabarda yozing, masalan:
    <code>/paysupport dushanba kuni kredit yechildi, rasm esa yoʻq</code>

    U toʻgʻri operatorga boradi. Ikki kun ichida javob beramiz va xato yechilganini qaytaramiz. Biz uchun raqamingiz: <code>{ $telegram_id }</code>

    Telegramning oʻz yordam xizmati botlardagi xaridlar haqidagi savollarga javob bermaydi.
paysupport-sent = ✉️ Operatorga yetkazildi. Javob ikki kun ichida keladi. Biz uchun raqamingiz: <code>{ $telegram_id }</code>
paysupport-enough = ✉️ Xabarlaringiz yetib keldi. Javobni kuting yoki bir soatdan keyin yana yozing.

terms =
    <b>Shartlar</b>
    1. Rasm va videolar uchun kredit (💎) bilan toʻlanadi. Narx har bir boshlashdan oldin koʻrinadi.
    2. Boshlanganda narx band qilinadi, ish tayyor boʻlganda yechiladi. Chiqmagan ish uchun kreditlar darhol va oʻzi qaytadi.
    3. Taqiqlanadi: voyaga yetmaganlar ishtirokidagi jinsiy kontent, birovning intim suratlari, zoʻravonlikka chaqiriq, firibgarlik va qonun taqiqlagan hamma narsa. Bunday soʻrovlar rad etiladi, takrorlaganlar bloklanadi.
    4. Rasm va videolarni neyrotarmoqlar yaratadi: biror narsaga oʻxshashini ham, takrorlanmasligini ham vaʼda qilmaymiz.
    5. Yaratganingizdan qonun va boshqalarning huquqlari yoʻl qoʻygan darajada oʻzingiz foydalanasiz.
    6. Toʻlovlar haqida savollar: /paysupport

privacy =
    <b>Maʼlumotlaringiz</b>
    Biz Telegramdagi raqamingiz va ismingizni, soʻrovlaringizni, yuborgan suratlaringizni, ulardan yaratilganlarni hamda kreditlar hisobotini saqlaymiz.
    Soʻrovning matni va suratlari uni bajaradigan neyrotarmoqqa beriladi, boshqa hech kimga emas. Ism va raqam berilmaydi.
    Yuborgan suratlaringiz ish tugagach, bir muddatdan keyin oʻchiriladi. Fotosessiya uchun odamning suratlari uni /pack ichida oʻchirmaguningizcha saqlanadi.
    Yaratilgan hamma narsani /history ichida oʻchirish mumkin: u matni bilan birga darhol yoʻqoladi.
    Kreditlar hisoboti saqlanadi, hisob-kitob shuni talab qiladi.

# Kartochka
card =
    🎨 Model: <b>{ $model }</b>
    📐 Oʻlcham: <b>{ $ratio }</b>
    🖼 Rasmlar: <b>{ $count }</b>

    Narxi: <b>{ $price } 💎</b> · sizda { $balance } 💎
card-video =
    🎬 Model: <b>{ $model }</b>
    📐 Oʻlcham: <b>{ $ratio }</b>
    ⏱ Davomiyligi: <b>{ $seconds } s</b>

    Narxi: <b>{ $price } 💎</b> · sizda { $balance } 💎
card-upscale =
    🔍 <b>{ $model }</b>

    Narxi: <b>{ $price } 💎</b> · sizda { $balance } 💎
button-duration = ⏱ { $seconds } s
button-enlarge = 🔍 Kattalashtirish
button-animate = 🎬 Jonlantirish
button-start = ▶️ Yaratish · { $price } 💎
button-model = 🎨 { $model } · almashtirish
button-quick-on = ⚡ Tezkor rejim: yoqilgan
button-quick-off = ⚡ Tezkor rejim: oʻchirilgan
quick-mode-on = ⚡ <b>Tezkor rejim yoqilgan.</b> Yozganingiz oxirgi sozlamalar bilan darhol boshlanadi.
quick-mode-off = ⚡ <b>Tezkor rejim oʻchirilgan.</b> Avval narxi va boshlash tugmasi bor kartochka chiqadi.

# Ish jarayoni
progress-title = 🎨 <b>{ $model }</b>
progress-queued = ⏳ Navbatda
progress-queue-position = ⏳ Navbatda, <b>{ $position }</b>-oʻrin
progress-starting = 🚀 Boshlayapmiz
progress-generating = 🖌 Chizilmoqda
progress-filming = 🎬 Suratga olinmoqda
progress-finishing = ✨ Deyarli tayyor
progress-cancelling = 🛑 Toʻxtatilmoqda
progress-percent = { $percent } foiz
eta-seconds = Taxminan { $seconds } soniya qoldi
eta-minutes = Taxminan { $minutes } daqiqa qoldi
button-cancel = ✖️ Bekor qilish

# Tayyor
result-title-video = ✨ Videongiz tayyor · <b>{ $model }</b>
result-title =
    { $count ->
        [one] ✨ Rasmingiz tayyor · <b>{ $model }</b>
       *[other] ✨ { $count } ta rasmingiz tayyor · <b>{ $model }</b>
    }
receipt = 🧾 Band qilingan { $held } 💎 · yechildi { $charged } 💎 · qaytarildi { $returned } 💎
receipt-partial = Hamma rasm ham chiqmadi: { $returned } 💎 qaytarildi.
receipt-balance = Balans: <b>{ $balance } 💎</b>
original = 📎 Toʻliq sifatda
link-to-file = ⬇️ { $number }-fayl (havola { $minutes } daqiqa ishlaydi)
button-again = 🔁 Yana · { $price } 💎
button-variation = 🎲 Boshqacha · { $price } 💎
button-original =
    { $count ->
        [one] 📎 Asl nusxa fayl qilib
       *[other] 📎 Asl nusxalar fayl qilib
    }
button-try-again = 🔁 Yana urinish · { $price } 💎
failed-title = 😔 <b>Chiqmadi.</b>
cancelled-title = 🚫 <b>Bekor qilindi.</b>
money-returned = { $returned } 💎 qaytarildi.
money-not-charged = Hech narsa yechilmadi.
money-coming-back = Buning uchun toʻlagan pulingiz oʻzi qaytariladi.
model-name = <b>{ $model }</b>

# Balans va hisobot
balance-title = 💎 <b>Balans</b>
balance-available = Mavjud: <b>{ $credits } 💎</b>
balance-held = Ish ketayotgani uchun band: <b>{ $held } 💎</b>
balance-debt = Qarz: <b>{ $debt } 💎</b>
statement-title = <b>Hisobot</b>
statement-empty = Hisobingizda hali hech narsa boʻlmagan.
button-newer = ◀ Yangiroq
button-older = Oldingi ▶

# Tarix
history-title = 🗂 <b>Yaratganlaringiz</b>
history-empty = Bu yer hozircha boʻsh. Nimani koʻrmoqchi ekaningizni yozing, birinchisi paydo boʻladi.
history-empty-filter = Bundaylari yoʻq.
history-hint = Ochish uchun raqamni bosing.
button-kind-image = 🖼 Rasmlar
button-kind-edit = ✏️ Tahrirlar
button-kind-video = 🎬 Videolar
button-kind-upscale = 🔍 Kattalashtirilgan
button-kind-pack = 📸 Fotosessiyalar
button-filter-all = Hammasi
button-filter-done = Tayyor
button-filter-failed = Chiqmagan
status-COMPLETED = ✅ Tayyor
status-FAILED = ⚠️ Chiqmadi
status-CANCELLED = 🚫 Bekor qilingan
status-PENDING = ⏳ Navbatda
status-PROCESSING = 🎨 Bajarilmoqda
button-repeat = 🔁 Takrorlash
button-delete = 🗑 Oʻchirish
button-delete-surely = 🗑 Ha, oʻchirilsin
button-keep = Qolsin
deleted = 🗑 Matni bilan birga oʻchirildi.

# Qisqa javoblar
cancel-asked = 🛑 Toʻxtatilmoqda. Bepul toʻxtatishning iloji boʻlsa, hammasi qaytadi.
cancel-nothing = Siz uchun hozir hech narsa bajarilmayapti.
cancel-too-late = Endi bekor qilib boʻlmaydi: u tayyorlanmoqda. Tez orada sizda boʻladi.
toast-started = 🚀 Boshlandi
toast-already-started = Bu allaqachon boshlangan.
toast-cancelled = Bekor qilindi. { $returned } 💎 qaytarildi.
toast-cancelling = Toʻxtatilmoqda…
toast-original = 📎 Yuboryapman
toast-price-renewed = U taklifning muddati oʻtdi. Hozirgi narx: { $price } 💎. Boshlash uchun yana bir bor bosing.
toast-outdated = Bu tugma eskirgan. Nimani koʻrmoqchi ekaningizni yozing yoki /history ni oching.
toast-deleted = Oʻchirildi
toast-kept = Qoldirildi
toast-flood = Juda tez. Bir necha soniya kuting.
flood = 🐢 Juda tez: oʻqib ulgurmayapman. Bir necha soniya kuting.
apology = 😔 Bizda nimadir buzildi va xabaringiz bajarilmadi. Bundan xabarimiz bor. Agar kreditlar band qilingan boʻlsa, ular butun. Birozdan keyin urinib koʻring.
prompt-too-long = Juda uzun: { $length } ta belgi, koʻpi bilan { $limit } ta mumkin. Qisqartiring. Hech narsa yechilmadi.
prompt-unreadable = Bu matnni oʻqiy olmadim. Oddiy harflar bilan yozing. Hech narsa yechilmadi.
only-text = 🤷 Men soʻz va suratlarni tushunaman: nimani koʻrmoqchi ekaningizni yozing yoki surat yuboring.
unknown-command = Bunday buyruqni bilmayman. Qoʻlimdan keladigan hamma narsa: /help

# Telegram menyusidagi buyruqlar
command-start = Boshlash
command-help = Bu qanday ishlaydi
command-balance = Balans va hisobot
command-history = Yaratganlaringiz
command-cancel = Oxirgisini toʻxtatish
command-quick = Kartochkasiz boshlash
command-language = Til
command-paysupport = Toʻlovlar boʻyicha yordam
command-terms = Shartlar
command-privacy = Maʼlumotlaringiz
