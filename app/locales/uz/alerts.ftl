# Operator uchun ogohlantirishlar: nima boʻldi va nima qilish kerak. Tafsilotlar har birining ostida.

alert = 🚨 <b>Diqqat: { $cause }</b>
alert-ledger-breach =
    Balans va jurnal bir-biriga mos emas.
    <b>Nima qilish kerak:</b> darhol <code>starbrush reconcile --full</code> ni ishga tushiring va shu foydalanuvchi yozuvlarini toping.
alert-provider-out-of-money =
    Provayder kalitimizni qabul qilmayapti yoki pul tugagan; yoʻl toʻxtatildi.
    <b>Nima qilish kerak:</b> hisobni toʻldiring yoki kalitni yangilang. Yoʻl oʻzi ochiladi.
alert-model-gone =
    Provayderda bu model endi yoʻq; yoʻl toʻxtatildi.
    <b>Nima qilish kerak:</b> katalogga modelning yangi nomini kiriting yoki yoʻlni oʻchiring.
alert-breaker-open =
    Provayder ketma-ket javob bermayapti; uning yoʻli toʻxtatildi va daqiqada ikki marta tekshiriladi. Ishni boshqa yoʻllar oladi.
    <b>Nima qilish kerak:</b> provayderning holat sahifasiga qarang. Boshqa yoʻli boʻlmasa, uning modellarini hozircha buyurtma qilib boʻlmaydi.
alert-breaker-closed =
    Provayder yana javob bermoqda; uning yoʻli ochiq.
    <b>Nima qilish kerak:</b> hech narsa.
alert-generation-fault =
    Buyurtma ustida ishlayotganda oʻz kodimiz xato berdi. U yana uriniladi, soʻng kreditlar oʻzi qaytadi.
    <b>Nima qilish kerak:</b> jurnaldan xatoni buyurtma raqami boʻyicha toping va tuzating.
alert-outcome-unknown =
    Provayder vazifani olgan boʻlishi mumkin, ammo taqdirini bilib boʻlmadi. Kreditlar foydalanuvchiga qaytarildi.
    <b>Nima qilish kerak:</b> vazifani provayder roʻyxatidan toping va yechilgan boʻlsa, pulini qaytarib oling.
alert-catalogue-invalid =
    Katalogdagi bir qatorni oʻqib boʻlmadi; uning modeli, uslubi yoki yoʻnalishi hozircha sotilmaydi. Qolgan hammasi ishlayapti.
    <b>Nima qilish kerak:</b> quyida aytilgan maydonni tuzating; bir necha soniyada qator yana ishga tushadi.
alert-queue-old =
    Qabul qilingan ish juda uzoq kutmoqda.
    <b>Nima qilish kerak:</b> ishchilar ishlayotganini (<code>/api/health</code>) va provayder sekinlashmaganini tekshiring; yana bitta <code>starbrush worker</code> ishga tushiring.
alert-dead-delivery =
    Xabarni yetkazib boʻlmadi, urinishlar tugadi.
    <b>Nima qilish kerak:</b> xatoni oʻqing va sababini bartaraf eting. Foydalanuvchi botga yozishi bilan xabar yana yuboriladi.
alert-update-failed =
    Telegramdan kelgan yangilanish bajarilmadi. U kiruvchilar qutisida, foydalanuvchidan uzr soʻraldi.
    <b>Nima qilish kerak:</b> xatoni <code>starbrush inbox list</code> buyrugʻi bilan toping va tuzating, keyin <code>starbrush inbox replay ID</code>; foydalanuvchidan qayta urinish soʻralgan.
alert-worker-down =
    Navbatni oʻqish toʻxtadi; hozircha ishni nazoratchi olib bormoqda.
    <b>Nima qilish kerak:</b> Redis javob berayotganini tekshiring, soʻng shu jarayon jurnalini oʻqing.
alert-vendor-unreachable =
    Provayderdan olingan vazifalar haqida soʻrab boʻlmayapti. Ular kutmoqda, hech narsa yoʻqolmagan.
    <b>Nima qilish kerak:</b> provayderning holat sahifasini koʻring. 24 soatdan keyin foydalanuvchilarga kreditlar qaytadi.
alert-media-unavailable =
    Tayyor natijani saqlashga tayyorlab boʻlmayapti: qayta ishlash jarayoni qulayapti, juda sekin ishlayapti yoki ishga tushmayapti. Natija yoʻqolmagan, urinishlar oʻzi davom etadi.
    <b>Nima qilish kerak:</b> serverda xotira va disk joyi yetarliligini tekshiring, ishchi jurnalidan <code>media_worker</code> ni toping. Muammo faqat bitta buyurtmada boʻlsa, dekoder uning faylida qulayapti.
alert-paysupport =
    Foydalanuvchi toʻlovlar boʻyicha yordam soʻramoqda.
    <b>Nima qilish kerak:</b> <code>starbrush user show TELEGRAM_ID</code> ni koʻring va ikki kun ichida javob bering; Telegramning oʻz xizmati javob bermaydi.
alert-payment-unknown =
    Kimdir toʻladi, ammo toʻlov hech bir buyurtmamizga mos kelmadi. Uning uchun hech narsa berilmadi.
    <b>Nima qilish kerak:</b> toʻlovchini koʻring: <code>starbrush user show TELEGRAM_ID</code>, soʻng kredit bering yoki pulni qaytaring: <code>starbrush refund CHARGE_ID</code>.
alert-refund-failed =
    Pulni qaytarish rad etildi; olingan narsalar foydalanuvchiga qaytarib berildi.
    <b>Nima qilish kerak:</b> sababini oʻqib, bartaraf eting va takrorlang: <code>starbrush refund CHARGE_ID</code>.
alert-refund-waiting =
    Pulni qaytarish bir necha urinishdan keyin ham ochiq; u oʻzi davom etadi.
    <b>Nima qilish kerak:</b> toʻlov tizimi javob berayotganini tekshiring.
alert-event-failing =
    Pul haqidagi hodisa saqlangan, ammo uni qayta ishlash nuqul barbod boʻlmoqda. Urinishlar oʻzi davom etadi.
    <b>Nima qilish kerak:</b> hodisa raqami boʻyicha jurnaldan xatoni topib tuzating.
alert-payments-missing =
    Telegram roʻyxati bilan solishtirish xabari kelmagan narsalarni topdi va kiritdi.
    <b>Nima qilish kerak:</b> foydalanuvchilar uchun hech narsa. Tez-tez takrorlansa, vebhuk ochiqligini tekshiring.
