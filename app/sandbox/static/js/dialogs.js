/**
 * Modal windows, on the browser's own <dialog>: it keeps the focus inside, closes on Escape and gives the focus back.
 */

import { h, iconButton } from "./dom.js";
import { icon } from "./icons.js";

/**
 * Open a window and resolve with what `close` was given, or with null when it was dismissed.
 *
 * @template T
 * @param {{title: string, class?: string, hasTitleBar?: boolean}} options
 * @param {(close: (result: T) => void) => Node[]} content
 * @returns {Promise<T | null>}
 */
export function openDialog({ title, class: extra = "", hasTitleBar = true }, content) {
  return new Promise((resolve) => {
    /** @type {T | null} */
    let result = null;
    const dialog = /** @type {HTMLDialogElement} */ (
      h("dialog", { class: `dialog ${extra}`.trim(), "aria-label": title })
    );
    const close = (/** @type {T} */ value) => {
      result = value;
      dialog.close();
    };
    const bar = h(
      "header",
      { class: "dialog-bar" },
      h("h2", { class: "dialog-title", text: title }),
      iconButton(icon("close"), "Close", () => dialog.close()),
    );
    dialog.append(h("div", { class: "dialog-body" }, hasTitleBar && bar, ...content(close)));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(result);
    });
    // A click on the dialog itself, not on its content, is a click on the backdrop.
    dialog.addEventListener("pointerdown", (event) => event.target === dialog && dialog.close());
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** The bot's answer with `show_alert`, as Telegram shows it. @param {string} title @param {string} text */
export const alertDialog = (title, text) =>
  openDialog({ title, class: "dialog-alert", hasTitleBar: false }, (close) => [
    h("h2", { class: "dialog-title", text: title }),
    h("p", { class: "dialog-text", dir: "auto", text }),
    h(
      "div",
      { class: "dialog-buttons" },
      h("button", {
        type: "button",
        class: "flat-button",
        text: "OK",
        autofocus: true,
        on: { click: () => close(true) },
      }),
    ),
  ]);

/**
 * @param {{title: string, text: string, confirm: string, isDangerous?: boolean}} question
 * @returns {Promise<boolean>}
 */
export async function confirmDialog({ title, text, confirm, isDangerous = false }) {
  const answer = await openDialog({ title, class: "dialog-alert", hasTitleBar: false }, (close) => [
    h("h2", { class: "dialog-title", text: title }),
    h("p", { class: "dialog-text", dir: "auto", text }),
    h(
      "div",
      { class: "dialog-buttons" },
      h("button", { type: "button", class: "flat-button", text: "Cancel", on: { click: () => close(false) } }),
      h("button", {
        type: "button",
        class: `flat-button ${isDangerous ? "flat-danger" : ""}`,
        text: confirm,
        autofocus: true,
        on: { click: () => close(true) },
      }),
    ),
  ]);
  return answer === true;
}

/**
 * Ask for one line of text.
 *
 * @param {{title: string, label: string, confirm: string, pattern?: string, maxlength?: number}} question
 * @returns {Promise<string | null>}
 */
export function promptDialog({ title, label, confirm, pattern, maxlength = 64 }) {
  return openDialog({ title }, (close) => {
    const input = /** @type {HTMLInputElement} */ (
      h("input", {
        class: "input",
        id: "prompt-input",
        pattern,
        maxlength,
        required: true,
        autofocus: true,
        autocomplete: "off",
      })
    );
    return [formOf([field(label, input)], confirm, () => close(input.value.trim()))];
  });
}

/** A Bot API object as the developer sees it. @param {string} title @param {unknown} value */
export const jsonDialog = (title, value) =>
  openDialog({ title, class: "dialog-wide" }, () => [
    h("pre", { class: "json", tabindex: "0", text: JSON.stringify(value, null, 2) }),
  ]);

/** A labelled control. @param {string} label @param {HTMLElement} control @param {string} [hint] */
export const field = (label, control, hint) =>
  h(
    "label",
    { class: "field" },
    h("span", { class: "field-label", text: label }),
    control,
    hint !== undefined && h("span", { class: "field-hint", text: hint }),
  );

/**
 * A form with one button, which Enter presses too.
 *
 * @param {Node[]} fields
 * @param {string} submit
 * @param {() => void} onSubmit
 */
export function formOf(fields, submit, onSubmit) {
  /** @param {Event} event */
  const send = (event) => {
    event.preventDefault();
    onSubmit();
  };
  return h(
    "form",
    { class: "form", on: { submit: send } },
    ...fields,
    h("button", { type: "submit", class: "primary-button", text: submit }),
  );
}
