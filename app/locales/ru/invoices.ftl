# Счета простым текстом: заголовок не длиннее 32 знаков, описание не длиннее 255.

invoice-title-pack = { $item }: { $credits } 💎
invoice-description-pack =
    { $credits ->
        [one] { $credits } кредит на картинки и видео. Срока действия нет.
        [few] { $credits } кредита на картинки и видео. Срока действия нет.
       *[many] { $credits } кредитов на картинки и видео. Срока действия нет.
    }
invoice-title-gift = Подарок: { $credits } 💎
invoice-description-gift = { $credits } 💎 для того, кто первым откроет вашу ссылку. До этого подарок можно забрать обратно.
invoice-title-subscription = { $item }
invoice-description-subscription =
    { $days ->
        [one] Премиум: { $credits } 💎, больше заказов сразу. На { $days } день.
        [few] Премиум: { $credits } 💎, больше заказов сразу. На { $days } дня.
       *[many] Премиум: { $credits } 💎, больше заказов сразу. На { $days } дней.
    }
invoice-title-unlock = { $item }
invoice-description-unlock = Эта картинка в полном качестве и без водяного знака.
invoice-title-draft = Оплата одного заказа
invoice-description-draft = Оплачивает ровно этот заказ ({ $credits } 💎). Он начнётся сам, когда придёт оплата.
