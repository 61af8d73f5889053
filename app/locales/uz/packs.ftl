# Fotosessiyalar: uslubning har bir suratida bir kishi.

packs =
    📸 <b>Fotosessiyalar</b>
    Bir kishi – koʻp surat: bir nechta surat yuboring, uslubni tanlang va butun bir turkumni oling. Suratlar beshtadan albom boʻlib keladi.

    Qaysi birini tanlaysiz?
packs-none = 📸 Hozir fotosessiyalar yoʻq. Keyinroq kirib koʻring.
button-pack = { $title } · { $shots } 📸 · { $price } 💎
button-packs = 📸 Barcha fotosessiyalar
button-people = 👤 Mening odamlarim · { $count }
pack-person =
    📸 <b>{ $title }</b> · { $shots } ta surat · { $price } 💎

    Suratlarda kim boʻladi? <b>Bir kishining</b> 1 tadan { $most } tagacha rasmini yuboring, yaxshisi bitta albom qilib: yuzi aniq koʻrinsin, turli tomondan, kadrda boshqa hech kim boʻlmasin. Izoh har bir suratga qoʻshiladi.
pack-person-full =
    📸 <b>{ $title }</b> · { $shots } ta surat · { $price } 💎

    Suratlarda kim boʻladi? Yana bir kishiga joy yoʻq: shulardan birini tanlang yoki “Mening odamlarim” boʻlimida kimnidir oʻchiring.
button-person = 👤 { $name } · { $photos } ta surat
card-pack =
    📸 Fotosessiya: <b>{ $model }</b>
    👤 Kim: <b>{ $avatar }</b> · { $photos } ta surat
    📐 Shakli: <b>{ $ratio }</b>
    🖼 Suratlar: <b>{ $count }</b>

    Narxi: <b>{ $price } 💎</b> · sizda { $balance } 💎
    <i>Chiqmagan suratlar uchun kreditlar qaytadi.</i>
card-pack-used = <i>{ $photos } ta suratdan dastlabki { $used } tasi ishlatiladi.</i>
card-pack-more = 📷 Bu odamning yana suratlari bormi? Shunchaki yuboring. Boshqa narsa uchun: /cancel
pack-person-gone = 👤 Bu odam oʻchirilgan, surat ham u bilan birga. Qaytadan boshlash: /pack
people-title = 👤 <b>Mening odamlarim</b>
people-empty = 👤 Bu yerda hali hech kim yoʻq. Fotosessiyani tanlab, surat yuboring: odam keyingilari uchun ham qoladi.
people-hint = Ularning suratlari siz oʻchirmaguningizcha saqlanadi.
person = • <b>{ $name }</b>: { $photos } ta surat
button-person-delete = 🗑 { $name }
person-delete = <b>{ $name }</b> va uning barcha suratlari oʻchirilsinmi? Ulardan yasalganlari qoladi.
toast-cancelling-pack = Toʻxtatilmoqda: yangi surat boʻlmaydi. Tayyori sizniki, qolgani qaytadi.
cancel-asked-pack = 🛑 Toʻxtatilmoqda: yangi suratlar boshlanmaydi. Tayyori keladi, qolgani uchun kreditlar qaytadi.
command-pack = Bir kishining fotosessiyasi

progress-pack = 📸 { $total } ta suratdan <b>{ $made }</b> tasi tayyor
pack-album = 📸 <b>{ $model }</b> · { $total } tadan { $made } tasi
pack-receipt = 📸 <b>{ $model }</b>: { $total } ta suratdan { $made } tasi tayyor
pack-receipt-missing = { $missing } ta surat chiqmadi. Ular uchun { $returned } 💎 qaytarildi.
