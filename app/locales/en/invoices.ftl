# Invoices, in plain text: titles of at most 32 characters, descriptions of at most 255.

invoice-title-pack = { $item }: { $credits } credits
invoice-description-pack = { $credits } credits for pictures and videos. They do not expire.
invoice-title-gift = Gift: { $credits } credits
invoice-description-gift = { $credits } credits for whoever opens your gift link first. Until then you can take it back.
invoice-title-subscription = { $item }
invoice-description-subscription = Premium: { $credits } credits and more orders at a time. For { $days } days.
invoice-title-unlock = { $item }
invoice-description-unlock = This picture in full quality and without the watermark.
invoice-title-draft = Exactly this one
invoice-description-draft = Pays for exactly this order ({ $credits } 💎). It starts by itself when the payment has arrived.
