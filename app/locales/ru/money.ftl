# Деньги. В сообщениях может быть HTML Telegram; ключи на button-, toast- и share- – простой текст.

# Магазин
shop-title = 🛍 <b>Кредиты и премиум</b>
shop-balance = У вас <b>{ $credits } 💎</b>.
shop-premium = 💫 Премиум до { $until }.
shop-pack = <b>{ $title }</b>: { $credits } 💎 за { $price }
shop-monthly = <b>{ $title }</b>: { $credits } 💎 каждый месяц и премиум, { $price } в месяц. Отключить можно когда угодно.
shop-once =
    { $days ->
        [one] <b>{ $title }</b>: { $credits } 💎 сразу и премиум на { $days } день, { $price }.
        [few] <b>{ $title }</b>: { $credits } 💎 сразу и премиум на { $days } дня, { $price }.
       *[many] <b>{ $title }</b>: { $credits } 💎 сразу и премиум на { $days } дней, { $price }.
    }
shop-hint =
    С премиумом можно делать больше одновременно и больше в час. Кредиты не сгорают.
    Нажатие показывает счёт: пока вы его не подтвердите, ничего не спишется.
shop-empty = Сейчас ничего не продаётся. Загляните позже.
gift-shop-title =
    🎁 <b>Подарок</b>
    Платите вы, а кредиты получает другой. После оплаты у вас будет ссылка: кто откроет её первым, тому они и достанутся. До этого их можно забрать назад.
gifts-title = <b>Ваши подарки</b>
gift-line-OPEN = 🎁 { $credits } 💎 · ещё не открыт
gift-line-TAKEN = 🎉 { $credits } 💎 · открыт
gift-line-REVOKED = ↩️ { $credits } 💎 · вы забрали назад
gift-line-CLOSED = ✖️ { $credits } 💎 · деньги возвращены
button-buy = { $title } · { $credits } 💎 · { $price }
button-buy-monthly = { $title } · { $price } в месяц
button-buy-gift = 🎁 В подарок
button-buy-self = ◀ Для себя
button-shop = 🛍 Купить кредиты

# Счета
button-pay = Заплатить { $price }
button-subscribe = Подписаться · { $price } в месяц
subscribe =
    💫 <b>{ $title }</b>
    { $credits } 💎 каждый месяц и премиум, пока подписка действует: { $price } в месяц.
    Telegram продлевает её сам. Отключить можно когда угодно через /subscription, а оплаченное останется вашим.
toast-bill = 🧾 Счёт ниже
toast-buy-twice = Счёт уже ниже.

# Чеки
paid = ✅ <b>Оплачено: { $price }.</b>
paid-pack = Вам начислено { $credits } 💎.
paid-gift =
    Подарок на { $credits } 💎 готов.
    Перешлите эту ссылку. Кто откроет её первым, получит кредиты; до этого их можно забрать назад.
paid-subscription = У вас премиум до { $until } и ещё { $credits } 💎.
paid-unlock = Работа без водяного знака уже в пути.
paid-draft-started = Ваш заказ запущен.
paid-draft-credits = Запустить тот заказ уже нельзя. Вместо него вам начислено { $credits } 💎.
refunded = ↩️ <b>Деньги возвращены: { $price }.</b>
refunded-elsewhere = ↩️ <b>Один ваш платёж возвращён.</b>
refunded-credits = За это списано { $credits } 💎.
refunded-debt = Из них { $debt } 💎 уже потрачены. Это ваш долг: его погасят следующие кредиты.
nothing-to-give = ↩️ Вы заплатили { $price } за то, что у вас уже есть. Деньги вернутся к вам сами.
nothing-to-give-elsewhere = ↩️ Вы заплатили за то, что у вас уже есть. Деньги вернутся к вам сами.

# Подписка
subscription-none = Сейчас у вас нет премиума. С ним можно делать больше одновременно, и кредиты приходят вместе с ним.
subscription-active = 💫 <b>Премиум</b> до { $until }. Потом Telegram продлит его сам.
subscription-canceled = 💫 <b>Премиум</b> до { $until }. Продлеваться он не будет; кредиты остаются.
subscription-failed = 💫 <b>Премиум</b> до { $until }. Telegram не смог списать плату за продление: проверьте, хватает ли звёзд.
subscription-once = 💫 <b>Премиум</b> до { $until }. Он оплачен и закончится сам.
subscription-over = Ваш премиум закончился { $until }. Кредиты остаются.
subscription-given = 💫 <b>Премиум</b> вам подарили мы. Платить и отменять ничего не нужно.
subscription-renews-soon = ⏰ { $until } Telegram продлит ваш премиум и спишет плату. Если это не нужно, отключите продление сейчас.
subscription-ends-soon = ⏰ Ваш премиум заканчивается { $until }. Кредиты остаются.
button-subscription-cancel = Отключить продление
button-subscription-resume = Снова продлевать
button-subscription-show = 💫 Моя подписка

# Промокоды
promo-ask = 🎟 Напишите промокод после команды, например <code>/promo SPRING</code>
promo-credits = 🎉 <b>Промокод принят:</b> вам начислено { $credits } 💎.
promo-percent = 🎉 <b>Промокод принят:</b> скидка { $percent } % на следующий набор кредитов. Вы платите столько, сколько написано в счёте.

# Приглашения
invite =
    🤝 <b>Приглашайте друзей</b>
    Когда друг, пришедший по вашей ссылке, впервые что-то купит, вы получите <b>{ $reward } 💎</b>. Они придут через { $days ->
        [one] { $days } день
        [few] { $days } дня
       *[many] { $days } дней
    } после покупки, когда её уже нельзя вернуть.

    Ваша ссылка: { $link }
invite-counts = Пришли: <b>{ $invited }</b> · получено: <b>{ $paid } 💎</b> · ожидается: <b>{ $escrow } 💎</b>
button-share-invite = 📨 Отправить приглашение
share-invite = Здесь из слов получаются картинки. Попробуй, в начале дают подарок!
referral-reward = 🤝 <b>{ $credits } 💎 за приглашение:</b> ваш друг сделал покупку. Спасибо!
referral-reversed = 🤝 Покупка вашего друга возвращена, а с ней и { $credits } 💎 за приглашение.

# Подарки
gift-opened = 🎁 <b>Вам подарок: { $credits } 💎!</b>
gift-gone = 🎁 Этот подарок уже кто-то открыл, или его забрал назад тот, кто купил.
gift-own =
    🎁 Это ваш собственный подарок: { $credits } 💎. Его ещё никто не открыл.
    Перешлите ссылку или заберите кредиты назад.
gift-own-taken = 🎉 Ваш подарок на { $credits } 💎 уже открыли.
gift-own-ended = 🎁 Этот ваш подарок больше нельзя открыть.
gift-revoked = ↩️ Вы забрали назад: { $credits } 💎 ваши.
gift-taken = 🎉 <b>Ваш подарок открыли:</b> { $credits } 💎 кого-то обрадовали.
button-share-gift = 📨 Переслать
button-gift-revoke = ↩️ Забрать назад · { $credits } 💎
share-gift = Тебе подарок: кредиты на картинки. Ссылка его откроет.
toast-gift-revoked = Вы забрали его назад

# Когда кредитов не хватает, и что бывает бесплатно
short =
    💎 <b>Не хватает кредитов.</b> Нужно: { $required } 💎, доступно: { $available } 💎, не хватает: <b>{ $missing } 💎</b>.
    Ничего не списано. Заказ ждёт вас с этой ценой.
button-pay-exactly = Оплатить ровно это: { $price }
button-free = 🎁 Бесплатно, с водяным знаком
toast-free-started = 🚀 Запущено, бесплатно
toast-free-used = На сегодня бесплатное закончилось. Новое будет в полночь по UTC.
toast-copy-used = Бесплатное копирование образа на сегодня использовано. Новое будет в полночь по UTC. Ничего не списано.
free-result = 🎁 Это бесплатно, поэтому с водяным знаком.
unlock =
    ✨ <b>Без водяного знака</b>
    То же самое, чистое и в полном качестве. У вас { $balance } 💎.
toast-unlocked = ✨ Открыто, уже в пути
unlocked = ✨ <b>Без водяного знака</b>, как и обещано.
button-unlock = ✨ Убрать водяной знак
button-unlock-credits = За { $price } 💎
button-unlock-stars = За { $price }

# Команды в меню Telegram
command-buy = Купить кредиты и премиум
command-subscription = Моя подписка
command-promo = Ввести промокод
command-invite = Пригласить друзей
command-web = Открыть в браузере
