# Kartalar: operatorga xabarlar va oddiy brauzerdagi sahifalar. Foydalanuvchi bilan chatda bu haqda hech narsa aytilmaydi.

alert-card-forged =
    Kimdir T-Bank imzolamagan karta toʻlovi xabarini yubordi. U rad etildi va hech narsani oʻzgartirmadi.
    <b>Nima qilish kerak:</b> bir marta boʻlsa, hech narsa. Toʻlovlar hisobga tushmayotgan boʻlsa, terminal parolini sozlamalar bilan solishtiring.
alert-card-mismatch =
    Imzolangan karta toʻlovi xabari oʻzi aytgan buyurtmaga mos kelmadi. U rad etildi, hech narsa berilmadi.
    <b>Nima qilish kerak:</b> toʻlovni T-Bank kabinetidan toping; bizniki boʻlmasa, pulni oʻsha yerda qaytaring.
alert-card-terminal-refused =
    T-Bank terminalimizni yoki soʻrovimizni qabul qilmayapti; karta toʻlovlari va qaytarishlar kutmoqda.
    <b>Nima qilish kerak:</b> terminal kaliti va parolini T-Bank kabineti bilan solishtiring; <code>starbrush terminal</code> boshqasiga oʻtkazadi.
alert-card-partial-refund =
    T-Bank pul qaytarilganini xabar qildi, ammo summasini tushunib boʻlmadi. Kreditlarga tegilmadi.
    <b>Nima qilish kerak:</b> toʻlovni T-Bank kabinetida koʻring va balansni toʻgʻrilang: <code>starbrush grant</code>.
alert-card-reversed =
    T-Bank toʻlangan buyurtma puli kartaga qaytarib yuborilganini xabar qildi. Buyurtma toʻlangan holda qoldi, kreditlarga tegilmadi.
    <b>Nima qilish kerak:</b> toʻlovni T-Bank kabinetida koʻring. Pul kelmagan boʻlsa, balansni toʻgʻrilang: <code>starbrush grant</code>.
alert-card-order-unclear =
    Karta buyurtmasi haqida bir necha kun soʻraldi, aniq javob boʻlmadi; endi u yopildi.
    <b>Nima qilish kerak:</b> toʻlovni T-Bank kabinetida koʻring. Toʻlangan boʻlsa, xabarni oʻsha yerda takrorlang: toʻlov baribir hisobga olinadi.

# Sahifalar
web-entry-title = Hisobingizga kirish
web-entry-text = Havola faqat siz uchun: u bir marta va bir necha daqiqagina ishlaydi.
web-continue = Davom etish
web-hello = Assalomu alaykum, { $name }!
web-balance = { $credits } 💎
web-credits = { $credits } 💎
web-premium =
    { $days ->
        [one] { $days } kunlik premium
       *[other] { $days } kunga premium
    }
web-buy = { $price } ga sotib olish
web-pay = { $price } toʻlash
web-back = Doʻkonga qaytish
web-orders = Buyurtmalaringiz
web-empty = Hozir bu yerda hech narsa sotilmayapti. Kreditlaringiz har doimgidek botda.
web-sorry = Boʻlmadi
web-expired = Havola ishlatilgan yoki vaqti tugagan. Botdan yangisini soʻrang: /web
web-state-pending = Toʻlov kutilmoqda
web-state-pending-text = { $credits } 💎, narxi { $price }. Toʻlanganini sahifaning oʻzi biladi.
web-state-paid = Toʻlandi
web-state-paid-text = Sizga { $credits } 💎 berildi. Hisobingizda { $balance } 💎.
web-state-refunded = Pul qaytarildi
web-state-refunded-text = { $price } kartangizga qaytdi, kreditlar qaytarib olindi.
web-state-expired = Vaqt tugadi
web-state-expired-text = Buyurtma oʻz vaqtida toʻlanmadi. Pul yechilmadi; qaytadan buyurtma bering.
web-state-failed = Toʻlanmadi
web-state-failed-text = Toʻlov amalga oshmadi. Pul yechilmadi; qaytadan buyurtma bering.
web-state-closed = Yopildi
web-state-closed-text = Bu buyurtma yopilgan, endi uni toʻlab boʻlmaydi.
web-footer = Toʻlov haqida savollar: botda /paysupport.

# Bot
web-link =
    🌐 Brauzerdagi hisobingiz. Havola bir marta, { $minutes } daqiqa davomida va faqat siz uchun ishlaydi: uni boshqalarga yubormang.
    { $link }
web-enough = Hozircha havolalar yetarli. Oxirgisidan foydalaning yoki bir soatdan keyin soʻrang.
