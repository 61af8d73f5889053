/**
 * The drawer with the developer's tools: one tab each, drawn again every two seconds while it is looked at.
 */

import { resetSandbox } from "../api.js";
import { confirmDialog } from "../dialogs.js";
import { fill, h, iconButton } from "../dom.js";
import { icon } from "../icons.js";
import { reported, toast } from "../toasts.js";
import { ClockTab } from "./clock-tab.js";
import { FaultsTab } from "./faults-tab.js";
import { UpdatesTab } from "./updates-tab.js";
import { VendorTab } from "./vendor-tab.js";

const REFRESH_MS = 2000;

/**
 * @typedef {object} Tab
 * @property {string} title
 * @property {HTMLElement} element
 * @property {() => Promise<void>} refresh reads the sandbox and draws
 */

export class ToolsDrawer {
  /** @type {Tab[]} */
  #tabs = [new ClockTab(), new FaultsTab(), new UpdatesTab(), new VendorTab()];
  #active = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {HTMLElement} element
   * @param {() => void} onClose
   */
  constructor(element, onClose) {
    this.element = element;
    this.buttons = this.#tabs.map((tab, index) =>
      h("button", {
        type: "button",
        class: "tab",
        role: "tab",
        id: `tab-${index}`,
        "aria-controls": "tool-panel",
        text: tab.title,
        on: { click: () => this.#choose(index), keydown: (/** @type {KeyboardEvent} */ event) => this.#walk(event) },
      }),
    );
    this.panel = h("div", { class: "tool-panel", id: "tool-panel", role: "tabpanel", tabindex: "0" });
    fill(
      element,
      h(
        "header",
        { class: "tools-header" },
        h("h2", { class: "tools-title", text: "Sandbox" }),
        h("span", { class: "spring" }),
        iconButton(icon("close"), "Close the tools", onClose),
      ),
      h("div", { class: "tabs", role: "tablist", "aria-label": "Tools" }, ...this.buttons),
      this.panel,
      h(
        "footer",
        { class: "tools-footer" },
        h("button", {
          type: "button",
          class: "text-button text-danger",
          text: "Reset the sandbox…",
          on: { click: () => void this.#reset() },
        }),
        h("a", {
          class: "text-button",
          href: "/sandbox/api/openapi.json",
          target: "_blank",
          rel: "noopener",
          text: "Control API",
        }),
      ),
    );
    this.#draw();
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** @param {boolean} isOpen */
  setOpen(isOpen) {
    this.element.hidden = !isOpen;
    clearInterval(this.#timer);
    if (!isOpen) return;
    this.#refresh();
    this.#timer = setInterval(() => !document.hidden && this.#refresh(), REFRESH_MS);
  }

  /** @param {number} index */
  #choose(index) {
    this.#active = index;
    this.#draw();
    this.#refresh();
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.#choose((this.#active + step + this.#tabs.length) % this.#tabs.length);
    this.buttons[this.#active].focus();
  }

  #draw() {
    for (const [index, button] of this.buttons.entries()) {
      button.setAttribute("aria-selected", String(index === this.#active));
      button.tabIndex = index === this.#active ? 0 : -1;
    }
    this.panel.setAttribute("aria-labelledby", `tab-${this.#active}`);
    fill(this.panel, this.#tabs[this.#active].element);
  }

  /** A tab that cannot be read says so itself at the next try; the banner tells of a lost sandbox. */
  #refresh() {
    const tab = this.#tabs[this.#active];
    tab.refresh().then(
      () => this.panel.removeAttribute("data-stale"),
      () => (this.panel.dataset.stale = "true"),
    );
  }

  async #reset() {
    const isSure = await confirmDialog({
      title: "Reset the sandbox?",
      text: "All people, chats, updates and vendor tasks go. The bot's token, its webhook and the clock stay.",
      confirm: "Reset",
      isDangerous: true,
    });
    if (!isSure) return;
    if ((await reported(resetSandbox())) !== undefined) toast("The sandbox is empty.");
    this.#refresh();
  }
}
