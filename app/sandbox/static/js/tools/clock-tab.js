/**
 * The sandbox's clock: what it shows and how to move it on.
 */

import { advanceClock, getBot } from "../api.js";
import { field, formOf } from "../dialogs.js";
import { h } from "../dom.js";
import { clockMoved } from "../stars/wallet-dialog.js";
import { reported, toast } from "../toasts.js";

const HOUR = 3600;
const DAY = 24 * HOUR;
/** @type {[string, number][]} */
const STEPS = [
  ["+1 minute", 60],
  ["+1 hour", HOUR],
  ["+1 day", DAY],
  ["+30 days", 30 * DAY],
];
/** @type {[string, number][]} */
const UNITS = [
  ["minutes", 60],
  ["hours", HOUR],
  ["days", DAY],
];
/** Less is the way of an answer, not a clock that was moved. */
const NOTICED_SECONDS = 2;
const timeFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });

export class ClockTab {
  title = "Clock";
  /** Sandbox time minus the time of this browser, in milliseconds; null until it was read. @type {number | null} */
  #aheadMs = null;

  constructor() {
    this.time = h("div", { class: "clock-time", text: "–" });
    this.date = h("div", { class: "clock-date" });
    this.ahead = h("div", { class: "clock-ahead" });
    this.amount = /** @type {HTMLInputElement} */ (
      h("input", {
        class: "input",
        type: "number",
        min: "0",
        step: "any",
        value: "2",
        required: true,
        "aria-label": "How many",
      })
    );
    this.unit = /** @type {HTMLSelectElement} */ (
      h(
        "select",
        { class: "input", "aria-label": "Unit" },
        ...UNITS.map(([title, seconds]) => h("option", { value: String(seconds), text: title })),
      )
    );
    this.unit.value = String(HOUR);
    this.element = h(
      "div",
      { class: "tool" },
      h("div", { class: "clock-face" }, this.time, this.date, this.ahead),
      h(
        "div",
        { class: "chips" },
        ...STEPS.map(([title, seconds]) =>
          h("button", { type: "button", class: "chip", text: title, on: { click: () => void this.#advance(seconds) } }),
        ),
      ),
      formOf(
        [field("Another step", h("div", { class: "pair" }, this.amount, this.unit))],
        "Advance",
        () => void this.#advance(Number(this.amount.value) * Number(this.unit.value)),
      ),
      h("p", {
        class: "tool-hint",
        text: "Moves expiry, subscriptions, quotas, orders and sign-in ages forward for the app and for this chat. The clock never goes back.",
      }),
    );
    setInterval(() => this.element.isConnected && this.#draw(), 1000);
  }

  async refresh() {
    const { now } = await getBot();
    this.#aheadMs = Date.parse(now) - Date.now();
    const seconds = Math.round(this.#aheadMs / 1000);
    this.ahead.textContent =
      seconds > NOTICED_SECONDS ? `${span(seconds)} ahead of this computer` : "Shows the real time";
    this.#draw();
  }

  /** @param {number} seconds */
  async #advance(seconds) {
    const answer = await reported(advanceClock(seconds));
    if (!answer) return;
    toast(clockMoved(answer));
    await reported(this.refresh());
  }

  #draw() {
    if (this.#aheadMs === null) return;
    const now = Date.now() + this.#aheadMs;
    this.time.textContent = timeFormat.format(now);
    this.date.textContent = dateFormat.format(now);
  }
}

/** @param {number} seconds */
function span(seconds) {
  const days = Math.floor(seconds / DAY);
  const hours = Math.floor((seconds % DAY) / HOUR);
  const minutes = Math.floor((seconds % HOUR) / 60);
  const parts = [days && `${days} d`, hours && `${hours} h`, minutes && `${minutes} min`].filter(Boolean);
  return parts.length > 0 ? parts.join(" ") : `${Math.round(seconds)} s`;
}
