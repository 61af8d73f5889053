# Hisobot qatorlari, oddiy matn.

ledger-grant = Sovgʻa
ledger-adjust = Yordam xizmati tuzatishi
ledger-spend = Suv belgisi olib tashlandi
ledger-hold = Buyurtma uchun band qilindi
ledger-capture = Buyurtma uchun yechildi
ledger-release = Buyurtma uchun qaytarildi
ledger-purchase = Kredit sotib olindi
ledger-retire = Chiqmagan buyurtma uchun pul qaytarildi
ledger-clawback = Toʻlov qaytarilgani uchun olindi
ledger-clawback-undo = Qaytarildi: pulni qaytarish rad etildi
ledger-reward-reversal = Taklif mukofoti bekor qilindi
ledger-grant-promo = Promokod
ledger-grant-referral = Taklif uchun mukofot
ledger-purchase-gift = Doʻst sovgʻasi
