/**
 * Money in a chat: the card of an invoice with its Pay button, and the lines about payments and refunds.
 */

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { clockTime, fullTime } from "../wording.js";
import { serviceText, starAmount } from "./wording.js";

/** @import { Button, Message } from "../types.js" */

/**
 * @typedef {object} MoneyActions
 * @property {(message: Message) => void} pay opens the payment sheet, or the receipt of a paid invoice
 * @property {(messageId: number) => string | null} receiptOf the charge by which an invoice was paid
 * @property {(chargeId: string) => string | null} titleOf what was bought
 * @property {(chargeId: string) => void} openReceipt
 */

/** The words of an invoice. @param {Message} message */
export function invoiceCard(message) {
  const { invoice } = message;
  if (!invoice) return null;
  return h(
    "div",
    { class: "invoice" },
    h("div", { class: "invoice-sign", "aria-hidden": "true" }, icon("star")),
    h("bdi", { class: "invoice-title", text: invoice.title }),
    h("p", { class: "invoice-text", dir: "auto", text: invoice.description }),
    starAmount(invoice.total_amount, "invoice-price"),
  );
}

/** The buttons of an invoice: a Pay button of Telegram's own when the bot sent none. @param {Message} message @returns {Button[][]} */
export function invoiceButtons(message) {
  const rows = message.reply_markup?.inline_keyboard;
  if (rows?.length || !message.invoice) return rows ?? [];
  return [[{ text: `Pay ⭐ ${message.invoice.total_amount}`, pay: true }]];
}

/** Whether a message is a line about money instead of a bubble. @param {Message} message */
export const isService = (message) => Boolean(message.successful_payment ?? message.refunded_payment);

/** The charge that a line about money is about. @param {Message} message */
export const chargeOf = (message) =>
  (message.successful_payment ?? message.refunded_payment)?.telegram_payment_charge_id ?? "";

/**
 * @param {Message} message
 * @param {MoneyActions & {isUndelivered: (messageId: number) => boolean}} actions
 */
export function serviceLine(message, actions) {
  const chargeId = chargeOf(message);
  const isWaiting = actions.isUndelivered(message.message_id);
  return h(
    "article",
    { class: "message service", "aria-label": clockTime(message.date), data: { message: String(message.message_id) } },
    h(
      "button",
      {
        type: "button",
        class: "service-pill",
        title: isWaiting ? "The bot has not taken this message yet" : fullTime(message.date),
        on: { click: () => actions.openReceipt(chargeId) },
      },
      h("span", { class: "star" }, icon("star")),
      h("bdi", { text: serviceText(message, actions.titleOf(chargeId)) }),
      isWaiting && h("span", { class: "service-waiting", role: "img", "aria-label": "Not delivered" }, icon("clock")),
    ),
  );
}
