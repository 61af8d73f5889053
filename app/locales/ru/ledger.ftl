# Строки выписки, простым текстом.

ledger-grant = Подарок
ledger-adjust = Поправка от поддержки
ledger-spend = Снят водяной знак
ledger-hold = Резерв на заказ
ledger-capture = Списано за заказ
ledger-release = Возврат за заказ
ledger-purchase = Покупка кредитов
ledger-retire = Деньги возвращены за несделанный заказ
ledger-clawback = Списано из-за возврата платежа
ledger-clawback-undo = Возвращено: возврат платежа не состоялся
ledger-reward-reversal = Отменена награда за приглашение
ledger-grant-promo = Промокод
ledger-grant-referral = Награда за приглашение
ledger-purchase-gift = Подарок от друга
