/**
 * The queue of updates: what waits for the app, what it has got, and delivering it again.
 */

import { listUpdates, redeliver } from "../api.js";
import { jsonDialog } from "../dialogs.js";
import { fill, h, iconButton } from "../dom.js";
import { icon } from "../icons.js";
import { reported, toast } from "../toasts.js";
import { summary } from "../wording.js";

/** The newest ones are enough to work with; more are fetched, so that the counts say something. */
const SHOWN = 40;
const FETCHED = 500;

export class UpdatesTab {
  title = "Updates";
  #signature = "";

  constructor() {
    this.times = /** @type {HTMLInputElement} */ (
      h("input", {
        class: "input input-short",
        type: "number",
        min: "1",
        max: "50",
        value: "2",
        "aria-label": "How many times to deliver again",
      })
    );
    this.pendingCount = h("span", { class: "count" });
    this.deliveredCount = h("span", { class: "count" });
    this.pending = h("ul", { class: "cards" });
    this.delivered = h("ul", { class: "cards" });
    this.element = h(
      "div",
      { class: "tool" },
      h("h3", { class: "tool-title" }, "Waiting ", this.pendingCount),
      this.pending,
      h("h3", { class: "tool-title" }, "Delivered ", this.deliveredCount),
      h("label", { class: "inline-field" }, h("span", { text: "Deliver again, at once, times" }), this.times),
      this.delivered,
    );
  }

  async refresh() {
    const { pending, delivered } = await listUpdates(FETCHED);
    const signature = JSON.stringify([pending, delivered.length, delivered.at(-1)]);
    if (signature === this.#signature) return;
    this.#signature = signature;
    this.pendingCount.textContent = counted(pending.length);
    this.deliveredCount.textContent = counted(delivered.length);
    this.#fill(this.pending, pending, "Nothing waits. The app has everything.");
    this.#fill(this.delivered, delivered, "Nothing yet.");
  }

  /** @param {HTMLElement} list @param {any[]} entries @param {string} none */
  #fill(list, entries, none) {
    const newest = [...entries].sort((a, b) => b.update_id - a.update_id).slice(0, SHOWN);
    fill(
      list,
      ...(newest.length > 0
        ? newest.map((entry) => this.#card(entry))
        : [h("li", { class: "cards-none", text: none })]),
    );
  }

  /** @param {any} entry */
  #card(entry) {
    const { update_id: id, update, attempts, status } = entry;
    const kind = Object.keys(update).find((key) => key !== "update_id") ?? "update";
    return h(
      "li",
      { class: "card" },
      h(
        "span",
        { class: "card-line" },
        h("code", { class: "card-title", text: `${id}` }),
        h("span", { class: "tag", text: kind.replaceAll("_", " ") }),
        h("span", { class: "spring" }),
        iconButton(icon("restart"), `Deliver update ${id} again`, () => void this.#again(id), { class: "card-button" }),
        iconButton(icon("braces"), `Show update ${id} as JSON`, () => void jsonDialog(`Update ${id}`, update), {
          class: "card-button",
        }),
      ),
      h("bdi", { class: "card-note", text: about(kind, update[kind]) }),
      h("span", { class: "card-note", text: `${status}, ${attempts} ${attempts === 1 ? "try" : "tries"}` }),
    );
  }

  /** @param {number} id */
  async #again(id) {
    const times = Number(this.times.value) || 1;
    if ((await reported(redeliver(id, times))) !== undefined)
      toast(`Update ${id} was delivered ${times} more ${times === 1 ? "time" : "times"}.`);
  }
}

/** @param {number} length */
const counted = (length) => (length < FETCHED ? String(length) : `${FETCHED} or more`);

/** @param {string} kind @param {any} body */
function about(kind, body) {
  const who = body?.from?.first_name ?? "";
  if (kind === "message") return `${who}: ${summary(body)}`;
  if (kind === "callback_query") return `${who} tapped ${body.data ?? ""}`;
  if (kind === "pre_checkout_query") return `${who} wants to pay ${body.total_amount} Stars`;
  if (kind === "subscription") return `${body.user?.first_name ?? ""}: ${body.state}`;
  if (kind === "my_chat_member") return `${who}: ${body.new_chat_member?.status ?? ""}`;
  return who;
}
