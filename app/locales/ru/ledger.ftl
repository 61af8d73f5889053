# Строки выписки, простым текстом.

ledger-grant = Подарок
ledger-adjust = Поправка от поддержки
ledger-spend = Снят водяной знак
ledger-hold = Резерв на картинку
ledger-capture = Списано за картинку
ledger-release = Возврат за картинку
ledger-purchase = Покупка кредитов
ledger-retire = Деньги возвращены за несделанную картинку
ledger-clawback = Списано из-за возврата платежа
ledger-clawback-undo = Возвращено: возврат платежа не состоялся
ledger-reward-reversal = Отменена награда за приглашение
ledger-grant-promo = Промокод
ledger-grant-referral = Награда за приглашение
ledger-purchase-gift = Подарок от друга
