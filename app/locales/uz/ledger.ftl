# Hisobot qatorlari, oddiy matn.

ledger-grant = Sovgʻa
ledger-adjust = Yordam xizmati tuzatishi
ledger-spend = Suv belgisi olib tashlandi
ledger-hold = Rasm uchun band qilindi
ledger-capture = Rasm uchun yechildi
ledger-release = Rasm uchun qaytarildi
ledger-purchase = Kredit sotib olindi
ledger-retire = Chiqmagan rasm uchun pul qaytarildi
ledger-clawback = Toʻlov qaytarilgani uchun olindi
ledger-clawback-undo = Qaytarildi: pulni qaytarish rad etildi
ledger-reward-reversal = Taklif mukofoti bekor qilindi
ledger-grant-promo = Promokod
ledger-grant-referral = Taklif uchun mukofot
ledger-purchase-gift = Doʻst sovgʻasi
