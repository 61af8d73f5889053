# Hisob-fakturalar, oddiy matn: sarlavha 32 belgidan, tavsif 255 belgidan oshmaydi.

invoice-title-pack = { $item }: { $credits } kredit
invoice-description-pack = Rasm va videolar uchun { $credits } kredit. Muddati cheklanmagan.
invoice-title-gift = Sovgʻa: { $credits } kredit
invoice-description-gift = Havolangizni birinchi ochgan odamga { $credits } kredit. Ungacha sovgʻani qaytarib olishingiz mumkin.
invoice-title-subscription = { $item }
invoice-description-subscription = Premium: { $credits } kredit, bir vaqtda koʻproq buyurtma. { $days } kunga.
invoice-title-unlock = { $item }
invoice-description-unlock = Shu rasm toʻliq sifatda va suv belgisisiz.
invoice-title-draft = Bitta buyurtma toʻlovi
invoice-description-draft = Aynan shu buyurtma uchun toʻlov ({ $credits } 💎). Toʻlov kelgach, u oʻzi boshlanadi.
