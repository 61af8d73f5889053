/**
 * One person's Stars as the page knows them: what the wallet holds, what moved, subscriptions, which invoices are paid.
 */

import * as api from "../api.js";

/**
 * @typedef {object} Transaction
 * @property {"payment" | "refund" | "top_up"} kind
 * @property {number} stars with a sign
 * @property {number} date seconds since 1970 by the sandbox's clock
 * @property {string | null} title
 * @property {string | null} charge_id
 * @property {boolean} refunded
 * @property {boolean} subscription
 *
 * @typedef {object} Subscription
 * @property {string} charge_id
 * @property {string} title
 * @property {number} stars
 * @property {number} paid_until seconds since 1970
 * @property {"active" | "canceled" | "failed" | "expired"} state
 * @property {boolean} canceled_by_bot
 * @property {"same_charge" | "new_charge"} renewal
 */

/** Dispatches `change` whenever anything of it changed. */
export class Wallet extends EventTarget {
  /** @type {number | null} null until it was read */
  stars = null;
  /** @type {Transaction[]} newest first */
  transactions = [];
  /** @type {Subscription[]} newest first */
  subscriptions = [];
  /** @type {Record<string, string>} charges by the id of the invoice's message */
  #receipts = {};
  #reading = 0;

  /** @param {number} userId */
  constructor(userId) {
    super();
    this.userId = userId;
  }

  /** Read it again; of several readings at once the one that began last counts. */
  async load() {
    this.#reading += 1;
    const reading = this.#reading;
    const wallet = await api.getWallet(this.userId);
    if (reading !== this.#reading) return;
    this.stars = wallet.stars;
    this.transactions = wallet.transactions;
    this.subscriptions = wallet.subscriptions;
    this.#receipts = wallet.receipts;
    this.dispatchEvent(new Event("change"));
  }

  /** @param {number} messageId @returns {string | null} the charge by which this invoice was paid */
  receiptOf(messageId) {
    return this.#receipts[messageId] ?? null;
  }

  /** @param {string} chargeId */
  paymentOf(chargeId) {
    return this.transactions.find((entry) => entry.kind === "payment" && entry.charge_id === chargeId) ?? null;
  }
}
