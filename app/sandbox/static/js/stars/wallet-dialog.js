/**
 * The person's wallet: balance, subscriptions, what moved, and what a person can ask Telegram for.
 */

import * as api from "../api.js";
import { confirmDialog, openDialog } from "../dialogs.js";
import { fill, h } from "../dom.js";
import { reported, toast } from "../toasts.js";
import { fullTime } from "../wording.js";
import { amount, day, entryTitle, starAmount, starsWord, subscriptionText } from "./wording.js";

/** @import { Subscription, Transaction, Wallet } from "./wallet.js" */

const TOP_UP_STARS = 1000;
const DAY_SECONDS = 86_400;
/** @type {[string, number][]} */
const STEPS = [
  ["+1 day", DAY_SECONDS],
  ["+30 days", 30 * DAY_SECONDS],
];
/** More are of no use on a screen. */
const SHOWN = 100;

/**
 * @param {Wallet} wallet
 * @param {() => number} now the sandbox's clock, in seconds since 1970
 */
export async function openWallet(wallet, now) {
  const view = new WalletView(wallet, now);
  const redraw = () => view.draw();
  wallet.addEventListener("change", redraw);
  view.draw();
  void reported(wallet.load());
  await openDialog({ title: "Stars", class: "wallet" }, () => [view.element]);
  wallet.removeEventListener("change", redraw);
}

class WalletView {
  /** @type {Set<string>} the entries that are unfolded */
  #open = new Set();
  /** What the clock said when it was moved on from here, in seconds; the page itself learns of it a little later. */
  #movedTo = 0;

  /** @param {Wallet} wallet @param {() => number} now */
  constructor(wallet, now) {
    this.wallet = wallet;
    this.now = now;
    this.element = h("div", { class: "wallet-body" });
  }

  draw() {
    const { wallet } = this;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.act;
    fill(
      this.element,
      h(
        "div",
        { class: "wallet-balance" },
        starAmount(wallet.stars ?? 0, "wallet-stars"),
        h("span", { class: "wallet-note", text: "your balance" }),
        this.#button(`Add ${amount(TOP_UP_STARS)} Stars`, "top-up", "chip", () => this.#topUp()),
      ),
      h("h3", { class: "tool-title", text: "Subscriptions" }),
      this.#subscriptions(),
      h("h3", { class: "tool-title", text: "Transactions" }),
      this.#transactions(),
      h(
        "div",
        { class: "wallet-clock" },
        h("span", { text: `Sandbox clock: ${day(Math.max(this.now(), this.#movedTo))}` }),
        ...STEPS.map(([title, seconds]) =>
          this.#button(title, `clock-${seconds}`, "chip", () => this.#advance(seconds)),
        ),
      ),
    );
    if (focused)
      /** @type {HTMLElement | null} */ (this.element.querySelector(`[data-act="${CSS.escape(focused)}"]`))?.focus();
  }

  #subscriptions() {
    const { subscriptions } = this.wallet;
    if (subscriptions.length === 0) return h("p", { class: "cards-none", text: "No subscriptions yet." });
    return h("ul", { class: "cards" }, ...subscriptions.map((subscription) => this.#subscription(subscription)));
  }

  /** @param {Subscription} subscription */
  #subscription(subscription) {
    const { charge_id: chargeId, state, renewal, canceled_by_bot: isByBot } = subscription;
    const isOpen = state === "active" || (state === "canceled" && !isByBot);
    const isActive = state === "active";
    const isSame = renewal === "same_charge";
    return h(
      "li",
      { class: "card" },
      h(
        "span",
        { class: "card-line" },
        h("bdi", { class: "card-title card-prompt", text: subscription.title }),
        starAmount(`${amount(subscription.stars)} / month`, "card-price"),
      ),
      h("span", { class: `card-note ${isActive ? "" : "card-ended"}`, text: subscriptionText(subscription) }),
      h(
        "span",
        { class: "card-acts" },
        isOpen &&
          this.#button(isActive ? "Cancel" : "Resume", `sub-${chargeId}`, "text-button", () =>
            this.#setCanceled(chargeId, isActive),
          ),
        isActive &&
          this.#button(
            isSame ? "Renewals: the same charge id" : "Renewals: a new charge id",
            `renewal-${chargeId}`,
            "text-button text-dim",
            () => this.#setRenewal(chargeId, isSame ? "new_charge" : "same_charge"),
          ),
      ),
    );
  }

  #transactions() {
    const { transactions } = this.wallet;
    if (transactions.length === 0)
      return h("p", { class: "cards-none", text: "Nothing was bought, nothing came back." });
    return h("ul", { class: "entries" }, ...transactions.slice(0, SHOWN).map((entry) => this.#entry(entry)));
  }

  /** @param {Transaction} entry */
  #entry(entry) {
    const line = h(
      "span",
      { class: "entry-line" },
      h("bdi", { class: "entry-title", text: entryTitle(entry) }),
      starAmount(`${entry.stars > 0 ? "+" : "−"}${amount(Math.abs(entry.stars))}`, entry.stars > 0 ? "entry-plus" : ""),
    );
    const isGone = entry.kind === "payment" && entry.refunded;
    const note = h("span", { class: "card-note", text: `${fullTime(entry.date)}${isGone ? " · refunded" : ""}` });
    const chargeId = entry.charge_id;
    if (chargeId === null) return h("li", { class: "entry" }, line, note);
    const key = `${entry.kind}-${chargeId}-${entry.date}`;
    const details = /** @type {HTMLDetailsElement} */ (
      h(
        "details",
        { open: this.#open.has(key) },
        h("summary", { class: "entry-summary", data: { act: key } }, line, note),
        h("code", { class: "entry-charge", text: chargeId }),
        h(
          "span",
          { class: "card-acts" },
          entry.kind === "payment" &&
            !entry.refunded &&
            this.#button("Ask Telegram for a refund", `refund-${key}`, "text-button text-danger", () =>
              this.#refund(chargeId, -entry.stars),
            ),
          this.#button("Tell the bot again", `report-${key}`, "text-button", () => this.#report(chargeId)),
        ),
      )
    );
    details.addEventListener("toggle", () => (details.open ? this.#open.add(key) : this.#open.delete(key)));
    return h("li", { class: "entry" }, details);
  }

  /**
   * @param {string} text
   * @param {string} act keeps the focus over a new drawing
   * @param {string} look
   * @param {() => Promise<unknown>} work
   */
  #button(text, act, look, work) {
    return h("button", {
      type: "button",
      class: look,
      text,
      data: { act },
      on: { click: () => void reported(work()) },
    });
  }

  async #topUp() {
    await api.putStars(this.wallet.userId, (this.wallet.stars ?? 0) + TOP_UP_STARS);
    await this.wallet.load();
  }

  /** @param {string} chargeId @param {boolean} canceled */
  async #setCanceled(chargeId, canceled) {
    await api.setSubscriptionCanceled(this.wallet.userId, chargeId, canceled);
    await this.wallet.load();
  }

  /** @param {string} chargeId @param {"same_charge" | "new_charge"} renewal */
  async #setRenewal(chargeId, renewal) {
    await api.chooseRenewal(chargeId, renewal);
    await this.wallet.load();
  }

  /** @param {string} chargeId @param {number} stars */
  async #refund(chargeId, stars) {
    const isSure = await confirmDialog({
      title: "Ask for a refund?",
      text: `Telegram gives ${starsWord(stars)} back without asking the bot, which hears of it afterwards.`,
      confirm: "Refund",
    });
    if (!isSure) return;
    await api.refundCharge(this.wallet.userId, chargeId);
    await this.wallet.load();
    toast(`${starsWord(stars)} came back.`);
  }

  /** @param {number} seconds */
  async #advance(seconds) {
    const answer = await api.advanceClock(seconds);
    this.#movedTo = Date.parse(answer.now) / 1000;
    toast(clockMoved(answer));
    await this.wallet.load();
  }

  /** @param {string} chargeId */
  async #report(chargeId) {
    const { update_ids: updateIds } = await api.reportCharge(chargeId);
    toast(updateIds.length === 1 ? "The bot is told." : `The bot is told of ${updateIds.length} things.`);
  }
}

/** What a step of the clock brought, in words. @param {{renewals: {state: string}[]}} answer */
export function clockMoved({ renewals }) {
  const renewed = renewals.filter(({ state }) => state === "active").length;
  const ended = renewals.length - renewed;
  const parts = [renewed > 0 && `${renewed} renewed`, ended > 0 && `${ended} ended`].filter(Boolean);
  return `The clock was moved on${parts.length > 0 ? `; subscriptions: ${parts.join(", ")}` : ""}.`;
}
