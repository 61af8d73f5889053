# Pul. Xabarlarda Telegram HTML boʻlishi mumkin; button-, toast- va share- kalitlari oddiy matn.

# Doʻkon
shop-title = 🛍 <b>Kreditlar va premium</b>
shop-balance = Sizda <b>{ $credits } 💎</b> bor.
shop-premium = 💫 Premium muddati: { $until }.
shop-pack = <b>{ $title }</b>: { $credits } 💎, narxi { $price }
shop-monthly = <b>{ $title }</b>: har oy { $credits } 💎 va premium, oyiga { $price }. Istagan payt toʻxtatish mumkin.
shop-once = <b>{ $title }</b>: darhol { $credits } 💎 va { $days } kunlik premium, narxi { $price }.
shop-hint =
    Premium bilan bir vaqtda va bir soatda koʻproq yaratish mumkin. Kreditlar kuymaydi.
    Bosganingizda hisob koʻrinadi: uni tasdiqlamaguningizcha hech narsa yechilmaydi.
shop-empty = Hozir hech narsa sotilmayapti. Keyinroq kiring.
gift-shop-title =
    🎁 <b>Sovgʻa</b>
    Siz toʻlaysiz, kreditlarni esa boshqa odam oladi. Toʻlovdan keyin sizda havola boʻladi: uni kim birinchi ochsa, kreditlar oʻshaniki. Ungacha ularni qaytarib olishingiz mumkin.
gifts-title = <b>Sovgʻalaringiz</b>
gift-line-OPEN = 🎁 { $credits } 💎 · hali ochilmagan
gift-line-TAKEN = 🎉 { $credits } 💎 · ochilgan
gift-line-REVOKED = ↩️ { $credits } 💎 · qaytarib olingan
gift-line-CLOSED = ✖️ { $credits } 💎 · puli qaytarilgan
button-buy = { $title } · { $credits } 💎 · { $price }
button-buy-monthly = { $title } · oyiga { $price }
button-buy-gift = 🎁 Sovgʻa qilish
button-buy-self = ◀ Oʻzim uchun
button-shop = 🛍 Kredit sotib olish

# Hisoblar
button-pay = { $price } toʻlash
button-subscribe = Obuna boʻlish · oyiga { $price }
subscribe =
    💫 <b>{ $title }</b>
    Har oy { $credits } 💎 va obuna davomida premium: oyiga { $price }.
    Telegram uni oʻzi uzaytiradi. Istagan payt /subscription orqali toʻxtatish mumkin, toʻlangani sizda qoladi.
toast-bill = 🧾 Hisob quyida
toast-buy-twice = Hisob allaqachon quyida.

# Cheklar
paid = ✅ <b>Toʻlandi: { $price }.</b>
paid-pack = Sizga { $credits } 💎 qoʻshildi.
paid-gift =
    { $credits } 💎 lik sovgʻangiz tayyor.
    Bu havolani yuboring. Uni kim birinchi ochsa, kreditlarni oladi; ungacha ularni qaytarib olishingiz mumkin.
paid-subscription = Premium muddati: { $until }, yana { $credits } 💎 qoʻshildi.
paid-unlock = Suv belgisisiz nusxa yoʻlda.
paid-draft-started = Buyurtmangiz boshlandi.
paid-draft-credits = U buyurtmani endi boshlab boʻlmaydi. Oʻrniga sizga { $credits } 💎 qoʻshildi.
refunded = ↩️ <b>Pul qaytarildi: { $price }.</b>
refunded-elsewhere = ↩️ <b>Bitta toʻlovingiz qaytarildi.</b>
refunded-credits = Buning uchun { $credits } 💎 olindi.
refunded-debt = Shundan { $debt } 💎 sarflab boʻlingan. Bu qarzingiz: uni keyingi kreditlar qoplaydi.
nothing-to-give = ↩️ Sizda bor narsa uchun { $price } toʻladingiz. Pul sizga oʻzi qaytadi.
nothing-to-give-elsewhere = ↩️ Sizda bor narsa uchun toʻladingiz. Pul sizga oʻzi qaytadi.

# Obuna
subscription-none = Hozir sizda premium yoʻq. U bilan bir vaqtda koʻproq yaratish mumkin va kreditlar ham keladi.
subscription-active = 💫 <b>Premium</b> muddati: { $until }. Soʻng Telegram uni oʻzi uzaytiradi.
subscription-canceled = 💫 <b>Premium</b> muddati: { $until }. Uzaytirilmaydi; kreditlar qoladi.
subscription-failed = 💫 <b>Premium</b> muddati: { $until }. Telegram uzaytirish haqini yecha olmadi: yulduzlar yetarli ekanini tekshiring.
subscription-once = 💫 <b>Premium</b> muddati: { $until }. U toʻlangan va oʻzi tugaydi.
subscription-over = Premium muddati tugagan: { $until }. Kreditlar qoladi.
subscription-given = 💫 <b>Premium</b> sizga bizdan sovgʻa. Toʻlash ham, bekor qilish ham kerak emas.
subscription-renews-soon = ⏰ { $until } kuni Telegram premiumni uzaytiradi va haqini yechadi. Kerak boʻlmasa, hozir toʻxtating.
subscription-ends-soon = ⏰ Premium muddati tugaydi: { $until }. Kreditlar qoladi.
button-subscription-cancel = Uzaytirishni toʻxtatish
button-subscription-resume = Yana uzaytirish
button-subscription-show = 💫 Obunam

# Promokodlar
promo-ask = 🎟 Promokodni buyruqdan keyin yozing, masalan <code>/promo SPRING</code>
promo-credits = 🎉 <b>Promokod qabul qilindi:</b> sizga { $credits } 💎 qoʻshildi.
promo-percent = 🎉 <b>Promokod qabul qilindi:</b> keyingi toʻplamga { $percent } % chegirma. Hisobda qancha yozilgan boʻlsa, shuncha toʻlaysiz.

# Takliflar
invite =
    🤝 <b>Doʻstlarni taklif qiling</b>
    Havolangiz orqali kelgan doʻstingiz birinchi marta biror narsa sotib olganida, sizga <b>{ $reward } 💎</b> beriladi. Ular xariddan { $days } kun oʻtib, uni qaytarib boʻlmaydigan paytda keladi.

    Havolangiz: { $link }
invite-counts = Keldi: <b>{ $invited }</b> · olindi: <b>{ $paid } 💎</b> · kutilmoqda: <b>{ $escrow } 💎</b>
button-share-invite = 📨 Taklifni yuborish
share-invite = Bu yerda soʻzlardan rasm chiqadi. Sinab koʻr, boshlanishiga sovgʻa bor!
referral-reward = 🤝 <b>Taklif uchun { $credits } 💎:</b> doʻstingiz xarid qildi. Rahmat!
referral-reversed = 🤝 Doʻstingizning xaridi qaytarildi, u bilan birga taklif uchun berilgan { $credits } 💎 ham.

# Sovgʻalar
gift-opened = 🎁 <b>Sizga sovgʻa: { $credits } 💎!</b>
gift-gone = 🎁 Bu sovgʻani kimdir ochib boʻlgan yoki sotib olgan odam qaytarib olgan.
gift-own =
    🎁 Bu oʻzingizning sovgʻangiz: { $credits } 💎. Uni hali hech kim ochmagan.
    Havolani yuboring yoki kreditlarni qaytarib oling.
gift-own-taken = 🎉 { $credits } 💎 lik sovgʻangizni ochishdi.
gift-own-ended = 🎁 Bu sovgʻangizni endi ochib boʻlmaydi.
gift-revoked = ↩️ Qaytarib olindi: { $credits } 💎 sizniki.
gift-taken = 🎉 <b>Sovgʻangizni ochishdi:</b> { $credits } 💎 kimnidir xursand qildi.
button-share-gift = 📨 Yuborish
button-gift-revoke = ↩️ Qaytarib olish · { $credits } 💎
share-gift = Senga sovgʻa: rasmlar uchun kreditlar. Havola uni ochadi.
toast-gift-revoked = Qaytarib olindi

# Kredit yetmaganda, va nima bepul
short =
    💎 <b>Kredit yetarli emas.</b> Kerak: { $required } 💎, bor: { $available } 💎, yetmaydi: <b>{ $missing } 💎</b>.
    Hech narsa yechilmadi. Buyurtma shu narxda sizni kutadi.
button-pay-exactly = Aynan shuni toʻlash: { $price }
button-free = 🎁 Bepul, suv belgisi bilan
toast-free-started = 🚀 Boshlandi, bepul
toast-free-used = Bugungi bepuli tugadi. Yangisi UTC boʻyicha yarim tunda beriladi.
toast-copy-used = Bugungi bepul koʻrinish nusxasi ishlatildi. Yangisi UTC boʻyicha yarim tunda beriladi. Hech narsa yechilmadi.
free-result = 🎁 Bu bepul, shuning uchun suv belgisi bor.
unlock =
    ✨ <b>Suv belgisisiz</b>
    Xuddi shuning oʻzi, toza va toʻliq sifatda. Sizda { $balance } 💎 bor.
toast-unlocked = ✨ Ochildi, yoʻlda
unlocked = ✨ <b>Suv belgisisiz</b>, vaʼda qilinganidek.
button-unlock = ✨ Suv belgisini olib tashlash
button-unlock-credits = { $price } 💎 ga
button-unlock-stars = { $price } ga

# Telegram menyusidagi buyruqlar
command-buy = Kredit va premium sotib olish
command-subscription = Obunam
command-promo = Promokod kiritish
command-invite = Doʻstlarni taklif qilish
command-web = Brauzerda ochish
