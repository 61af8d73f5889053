/**
 * How amounts, payments and subscriptions are put into words.
 */

import { h } from "../dom.js";
import { icon } from "../icons.js";

/** @import { Message } from "../types.js" */
/** @import { Subscription, Transaction } from "./wallet.js" */

const numberFormat = new Intl.NumberFormat("en");
const dayFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

/** What the payment API answers, in sentences; anything else is the bot's own words. @type {Record<string, string>} */
const FAILURES = {
  INVOICE_ALREADY_PAID: "This invoice has already been paid.",
  BALANCE_TOO_LOW: "There are not enough Stars in the wallet.",
  BOT_PRECHECKOUT_TIMEOUT: "The bot did not answer within ten seconds, so nothing was charged.",
  PAYMENT_FAILED: "The payment failed after the bot had agreed. Nothing was charged.",
};

/** @param {number} stars */
export const amount = (stars) => numberFormat.format(stars);

/** @param {number} stars */
export const starsWord = (stars) => `${amount(stars)} ${stars === 1 ? "Star" : "Stars"}`;

/** @param {number} seconds */
export const day = (seconds) => dayFormat.format(seconds * 1000);

/** @param {string | null} reason */
export const failureText = (reason) => FAILURES[reason ?? ""] ?? reason ?? "The payment failed.";

/** The golden star with a number after it. @param {number | string} value @param {string} [extra] class */
export function starAmount(value, extra = "") {
  return h(
    "span",
    { class: `star-amount ${extra}`.trim() },
    h("span", { class: "star" }, icon("star")),
    h("span", { text: typeof value === "number" ? amount(value) : value }),
  );
}

/**
 * A label in which a bot wrote a star or XTR, with the golden star in its place as Telegram draws it.
 *
 * @param {string} label
 * @returns {(Node | string)[]}
 */
export function withStars(label) {
  const parts = label.split(/⭐️?|\bXTR\b/u);
  return parts.flatMap((part, index) => (index === 0 ? [part] : [h("span", { class: "star" }, icon("star")), part]));
}

/** A service message about money in one line. @param {Message} message @param {string | null} title */
export function serviceText(message, title) {
  if (message.refunded_payment) return `${starsWord(message.refunded_payment.total_amount)} came back`;
  const payment = message.successful_payment;
  if (!payment) return "";
  const item = title ? ` for ${title}` : "";
  const until = payment.subscription_expiration_date ? `, paid until ${day(payment.subscription_expiration_date)}` : "";
  const verb = payment.is_recurring && !payment.is_first_recurring ? "The subscription was renewed:" : "You paid";
  return `${verb} ${starsWord(payment.total_amount)}${item}${until}`;
}

/** @param {Transaction} entry */
export function entryTitle(entry) {
  if (entry.kind === "top_up") return "Stars added";
  return entry.kind === "refund" ? `Refund: ${entry.title}` : (entry.title ?? "Payment");
}

/** @param {Subscription} subscription */
export function subscriptionText({ state, paid_until: until, canceled_by_bot: isByBot }) {
  if (state === "active") return `Renews on ${day(until)}`;
  if (state === "canceled") return `Cancelled${isByBot ? " by the bot" : ""}, ends on ${day(until)}`;
  return state === "failed" ? `Not enough Stars on ${day(until)}` : `Ended on ${day(until)}`;
}
