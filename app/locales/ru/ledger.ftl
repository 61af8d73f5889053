# Строки выписки, простым текстом.

ledger-grant = Подарок
ledger-adjust = Поправка от поддержки
ledger-spend = Покупка
ledger-hold = Резерв на картинку
ledger-capture = Списано за картинку
ledger-release = Возврат за картинку
