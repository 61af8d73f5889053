/**
 * The window in which a person pays an invoice, and the one that shows what was paid.
 */

import * as api from "../api.js";
import { openDialog } from "../dialogs.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { toast } from "../toasts.js";
import { fullTime } from "../wording.js";
import { failureText, starAmount, starsWord } from "./wording.js";

/** @import { Wallet } from "./wallet.js" */

/** @typedef {{message_id: number} | {link: string}} InvoicePlace */

/**
 * Ask whether to pay, and pay.
 *
 * @param {Wallet} wallet
 * @param {InvoicePlace} place
 * @param {string} botName
 * @returns {Promise<string | null>} the charge, or null when nothing was paid
 */
export async function openPaymentSheet(wallet, place, botName) {
  const [invoice] = await Promise.all([api.getInvoice(wallet.userId, place), wallet.load()]);
  const isMonthly = invoice.subscription_period !== null;
  return openDialog(
    { title: isMonthly ? "Confirm your subscription" : "Confirm your purchase", class: "sheet" },
    (/** @type {(chargeId: string) => void} */ close) => new PaymentSheet(wallet, place, invoice, botName, close).parts,
  );
}

class PaymentSheet {
  /**
   * @param {Wallet} wallet
   * @param {InvoicePlace} place
   * @param {{title: string, description: string, stars: number, subscription_period: number | null}} invoice
   * @param {string} botName
   * @param {(chargeId: string) => void} close
   */
  constructor(wallet, place, invoice, botName, close) {
    this.wallet = wallet;
    this.place = place;
    this.invoice = invoice;
    this.close = close;
    this.balance = h("div", { class: "sheet-balance" });
    this.problem = h("p", { class: "sheet-problem", role: "alert", hidden: true });
    this.button = /** @type {HTMLButtonElement} */ (
      h("button", { type: "button", class: "primary-button sheet-pay", autofocus: true })
    );
    this.button.addEventListener("click", () => void (this.#lacks > 0 ? this.#topUp() : this.#pay()));
    this.isSilent = checkbox("Charge, but let the bot never hear of it");
    this.isFailing = checkbox("Let the payment fail after the bot has agreed");
    this.parts = [
      this.balance,
      h("div", { class: "sheet-sign", "aria-hidden": "true" }, icon("star")),
      h("bdi", { class: "sheet-title", text: invoice.title }),
      h("p", { class: "sheet-text", dir: "auto", text: invoice.description }),
      h("p", { class: "sheet-question" }, ...question(invoice, botName)),
      this.problem,
      this.button,
      h(
        "details",
        { class: "sheet-sandbox" },
        h("summary", { text: "What the sandbox can do with it" }),
        this.isSilent.label,
        this.isFailing.label,
      ),
    ];
    this.#draw();
  }

  /** Stars that are missing in the wallet. */
  get #lacks() {
    return Math.max(0, this.invoice.stars - (this.wallet.stars ?? 0));
  }

  #draw() {
    fill(this.balance, h("span", { text: "Balance" }), starAmount(this.wallet.stars ?? 0));
    const label = this.#lacks > 0 ? "Add the missing Stars" : "Confirm and pay";
    fill(this.button, h("span", { text: label }), starAmount(this.#lacks || this.invoice.stars));
  }

  /** @param {string} text */
  #complain(text) {
    this.problem.textContent = text;
    this.problem.hidden = text === "";
  }

  async #topUp() {
    await this.#working(async () => {
      await api.putStars(this.wallet.userId, (this.wallet.stars ?? 0) + this.#lacks);
      await this.wallet.load();
    });
  }

  async #pay() {
    await this.#working(async () => {
      const result = await api.pay(this.wallet.userId, this.place, {
        outcome: this.isFailing.input.checked ? "failed" : "paid",
        report: !this.isSilent.input.checked,
      });
      if (result.status !== "paid") {
        this.#complain(failureText(result.error_message));
        return;
      }
      toast(`${starsWord(this.invoice.stars)} paid for ${this.invoice.title}.`);
      this.close(result.charge_id ?? "");
    });
  }

  /** @param {() => Promise<void>} work */
  async #working(work) {
    this.#complain("");
    this.button.disabled = true;
    fill(this.button, h("span", { class: "spinner sheet-spinner", role: "status", "aria-label": "Working" }));
    try {
      await work();
    } catch (error) {
      this.#complain(error instanceof Error ? error.message : String(error));
    } finally {
      this.button.disabled = false;
      this.#draw();
    }
  }
}

/**
 * What was paid.
 *
 * @param {Wallet} wallet
 * @param {string} chargeId
 * @param {string} botName
 */
export async function openReceipt(wallet, chargeId, botName) {
  await wallet.load();
  const payment = wallet.paymentOf(chargeId);
  await openDialog({ title: "Receipt", class: "sheet" }, () => [
    h("div", { class: "sheet-sign", "aria-hidden": "true" }, icon("star")),
    h("bdi", { class: "sheet-title", text: payment?.title ?? "Payment" }),
    payment && starAmount(-payment.stars, "sheet-total"),
    h(
      "dl",
      { class: "facts" },
      ...fact("To", botName),
      ...fact("Date", payment ? fullTime(payment.date) : "–"),
      ...fact("State", payment?.refunded ? "Refunded" : "Paid"),
      ...fact("Charge", chargeId),
    ),
  ].filter((part) => part !== null));
}

/**
 * @param {{title: string, stars: number, subscription_period: number | null}} invoice
 * @param {string} botName
 */
function question({ title, stars, subscription_period: period }, botName) {
  const price = h("strong", { text: period === null ? starsWord(stars) : `${starsWord(stars)} per month` });
  const item = h("strong", {}, h("bdi", { text: title }));
  const where = h("strong", {}, h("bdi", { text: botName }));
  return period === null
    ? ["Do you want to buy ", item, " in ", where, " for ", price, "?"]
    : ["Do you want to subscribe to ", item, " in ", where, " for ", price, "? You can cancel at any time."];
}

/** @param {string} label */
function checkbox(label) {
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox" }));
  return { input, label: h("label", { class: "checkbox" }, input, h("span", { text: label })) };
}

/** @param {string} name @param {string} value */
const fact = (name, value) => [h("dt", { text: name }), h("dd", {}, h("bdi", { text: value }))];
