# Rad javoblari, oddiy matn: ular chatda, ustki oynada (200 belgi) va kabinetda koʻrinadi.

error-validation-error = Soʻrovda nimadir mos kelmadi. Tekshirib, qayta urinib koʻring.
error-unauthenticated = Avval kirish kerak.
error-init-data-invalid = Telegram orqali kirishni tasdiqlab boʻlmadi. Ilovani botdan qayta oching.
error-init-data-expired = Kirish muddati oʻtdi. Ilovani yopib, botdan qayta oching.
error-session-expired = Seans tugadi. Qaytadan kiring.
error-forbidden = Bunga huquqingiz yoʻq.
error-user-banned = Hisobingiz bloklangan. Bu xato boʻlsa, bizga yozing: /paysupport
error-user-suspended = Hisobingiz { $until } gacha toʻxtatilgan. Sababi: { $reason }
error-user-not-found = Bunday foydalanuvchi yoʻq.
error-generation-not-found = Tarixingizda bunday narsa yoʻq.
error-not-found = Bu topilmadi yoki endi yoʻq.
error-insufficient-credits = Kredit yetarli emas: { $required } 💎 kerak, { $available } 💎 bor. Hech narsa yechilmadi.
error-duplicate-request = Bu soʻrov allaqachon qabul qilingan. Ikkinchi marta yechilmadi.
error-idempotency-key-reused = Bu soʻrov kaliti boshqa soʻrov uchun ishlatilgan. Hech narsa yechilmadi.
error-concurrent-update = Kimdir sal oldin ulgurdi. Hech narsa yechilmadi. Qayta urinib koʻring.
error-price-changed = Endi narxi { $price } 💎. Hech narsa yechilmadi.
error-generation-not-cancellable = Endi bekor qilib boʻlmaydi: u tayyorlanmoqda yoki tayyor.
error-max-active-generations = Siz uchun hozir { $limit } ta buyurtma bajarilmoqda, bundan ortiq mumkin emas. Bittasi tugashini kuting. Hech narsa yechilmadi.
error-rate-limit-exceeded = Juda tez-tez. { $retry_after } soniyadan keyin urinib koʻring. Hech narsa yechilmadi.
error-model-unavailable = Bu model hozir ishlamayapti. Boshqasini tanlang. Hech narsa yechilmadi.
error-style-unavailable = Bu uslub hozir mavjud emas. Iltimos, boshqasini tanlang. Hech narsa yechilmadi.
error-maintenance = Texnik ishlar ketmoqda, tez orada qaytamiz. Hech narsa yechilmadi.
error-provider-unavailable = Bu hozir ishlamayapti. Birozdan keyin urinib koʻring. Hech narsa yechilmadi.
error-prompt-rejected = Soʻrov qoidalarga zid. Boshqacha yozib koʻring. Hech narsa yechilmadi.
error-payment-not-found = Bunday toʻlov yoʻq. Hech narsa yechilmadi.
error-payment-mismatch = Toʻlov buyurtmaga mos emas. Hech narsa yechilmadi. Qaytadan buyurtma bering.
error-already-subscribed = Premiumingiz allaqachon oʻzi uzaytirilyapti, uning uchun ikki marta toʻlagan boʻlardingiz. Hech narsa yechilmadi. Uni /subscription buyrugʻi koʻrsatadi.
error-payment-consumed = Bu toʻlov allaqachon ishlatilgan. Qayta yechilmadi.
error-payment-already-refunded = Bu toʻlov allaqachon qaytarilgan.
error-refund-exceeds-balance = Bu toʻlovning kreditlari sarflangan: { $required } 💎 olinishi kerak, { $available } 💎 bor.
error-promo-invalid = Bu promokod amal qilmaydi.
error-promo-exhausted = Bu promokod tugagan.
error-promo-used = Siz bu promokodni allaqachon ishlatgansiz.
error-upload-invalid =
    { $problem ->
        [format] Bu biz oʻqiy oladigan rasm emas. JPEG, PNG, WebP yoki HEIC yuboring. Hech narsa yechilmadi.
        [too_many_pixels] Bu rasmda piksellar juda koʻp. Kichikrogʻini yuboring. Hech narsa yechilmadi.
        [empty] Fayl boʻsh. Uni qayta yuboring. Hech narsa yechilmadi.
        [gone] Surat endi saqlanmaydi. Uni qayta yuboring. Hech narsa yechilmadi.
       *[damaged] Rasm buzilgan, ochib boʻlmadi. Uni qayta yuboring. Hech narsa yechilmadi.
    }
error-upload-too-large = Fayl juda katta: koʻpi bilan { $limit_megabytes } MB. Hech narsa yechilmadi.
error-internal-error = Bizda nimadir buzildi. Bundan xabarimiz bor. Birozdan keyin urinib koʻring.
error-generation-timeout = Bu juda uzoq davom etdi. Kreditlar qaytarildi.
error-provider-error = Model uddalay olmadi. Kreditlar qaytarildi.
error-provider-outcome-unknown = Model bilan aloqa yoʻqoldi. Kreditlar qaytarildi.

# Nega chiqmadi; pul haqida keyingi qatorda aytiladi.
failure-generation-timeout = Bu juda uzoq davom etdi va biz kutishni toʻxtatdik.
failure-provider-error = Model uddalay olmadi. Ikkinchi urinishda yoki boshqa soʻzlar bilan chiqishi mumkin.
failure-provider-outcome-unknown = Model bilan aloqa uzildi, natijani topib boʻlmadi.
failure-prompt-rejected = Model rad etdi: soʻrov uning qoidalariga zid. Boshqacha yozib koʻring.
failure-internal-error = Bizda nimadir buzildi. Bundan xabarimiz bor.
