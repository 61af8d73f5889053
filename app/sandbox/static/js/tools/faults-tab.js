/**
 * Faults on order: which calls of the app will go wrong, how, and how often.
 */

import { addFault, clearFaults, listFaults } from "../api.js";
import { field, formOf } from "../dialogs.js";
import { fill, h } from "../dom.js";
import { reported } from "../toasts.js";

/** @import { Fault } from "../types.js" */

/** Offered while typing; any other method of the Bot API may be written too. */
const METHODS = [
  "*",
  "sendMessage",
  "sendPhoto",
  "sendDocument",
  "sendVideo",
  "sendMediaGroup",
  "editMessageText",
  "editMessageReplyMarkup",
  "answerCallbackQuery",
  "deleteMessage",
  "getFile",
  "sendInvoice",
  "createInvoiceLink",
  "answerPreCheckoutQuery",
  "refundStarPayment",
  "editUserStarSubscription",
  "getStarTransactions",
  "tbank:Init",
  "tbank:GetState",
  "tbank:CheckOrder",
  "tbank:Cancel",
  "vendor:create",
  "vendor:check",
  "vendor:cancel",
];
/** @type {[string, string][]} */
const KINDS = [
  ["429", "429 Too many requests"],
  ["500", "500 Server error"],
  ["503", "503 Unavailable"],
  ["403", "403 Blocked by the user"],
  ["402", "402 Out of money (vendor)"],
  ["timeout", "Timeout: hangs, not done"],
  ["drop_before", "Cut off, not done"],
  ["drop_after", "Cut off, but done"],
];

export class FaultsTab {
  title = "Faults";

  constructor() {
    this.method = /** @type {HTMLInputElement} */ (
      h("input", {
        class: "input",
        list: "fault-methods",
        value: "sendPhoto",
        required: true,
        autocomplete: "off",
        spellcheck: "false",
      })
    );
    this.kind = /** @type {HTMLSelectElement} */ (
      h("select", { class: "input" }, ...KINDS.map(([value, title]) => h("option", { value, text: title })))
    );
    this.times = /** @type {HTMLInputElement} */ (
      h("input", { class: "input", type: "number", min: "1", step: "1", value: "1", placeholder: "always" })
    );
    this.retryAfter = /** @type {HTMLInputElement} */ (
      h("input", { class: "input", type: "number", min: "1", step: "1", value: "3" })
    );
    this.list = h("ul", { class: "cards" });
    const retryField = field("Retry after, seconds", this.retryAfter);
    this.kind.addEventListener("change", () => (retryField.hidden = this.kind.value !== "429"));
    this.element = h(
      "div",
      { class: "tool" },
      this.list,
      formOf(
        [
          field("Method", this.method, "* strikes every method of the Bot API"),
          h("datalist", { id: "fault-methods" }, ...METHODS.map((value) => h("option", { value }))),
          field("What happens", this.kind),
          h("div", { class: "pair" }, field("Times", this.times), retryField),
        ],
        "Add the fault",
        () => void this.#add(),
      ),
      h("p", { class: "tool-hint", text: "Leave “times” empty and the fault strikes until it is cleared." }),
    );
  }

  async refresh() {
    const faults = await listFaults();
    fill(
      this.list,
      ...(faults.length > 0
        ? [
            ...faults.map(faultCard),
            h(
              "li",
              {},
              h("button", {
                type: "button",
                class: "text-button text-danger",
                text: "Clear all faults",
                on: { click: () => void this.#clear() },
              }),
            ),
          ]
        : [h("li", { class: "cards-none", text: "No faults. Everything answers as it should." })]),
    );
  }

  async #add() {
    const fault = {
      method: this.method.value.trim(),
      kind: this.kind.value,
      times: this.times.value ? Number(this.times.value) : null,
      ...(this.kind.value === "429" ? { retry_after: Number(this.retryAfter.value) || 1 } : {}),
    };
    await reported(addFault(fault));
    await reported(this.refresh());
  }

  async #clear() {
    await reported(clearFaults());
    await reported(this.refresh());
  }
}

/** @param {Fault} fault */
function faultCard(fault) {
  const times = fault.times === null ? "until cleared" : `${fault.times} more`;
  return h(
    "li",
    { class: "card" },
    h(
      "span",
      { class: "card-line" },
      h("code", { class: "card-title", text: fault.method }),
      h("span", { class: "tag tag-bad", text: fault.kind }),
    ),
    h("span", {
      class: "card-note",
      text: fault.kind === "429" ? `${times}, retry after ${fault.retry_after} s` : times,
    }),
  );
}
