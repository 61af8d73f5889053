# Hisobot qatorlari, oddiy matn.

ledger-grant = Sovgʻa
ledger-adjust = Yordam xizmati tuzatishi
ledger-spend = Xarid
ledger-hold = Rasm uchun band qilindi
ledger-capture = Rasm uchun yechildi
ledger-release = Rasm uchun qaytarildi
