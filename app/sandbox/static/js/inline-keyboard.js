/**
 * The buttons under a message.
 */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { invoiceButtons } from "./stars/invoice.js";
import { withStars } from "./stars/wording.js";

/** @import { MoneyActions } from "./stars/invoice.js" */
/** @import { Button, Message } from "./types.js" */

/**
 * @typedef {object} KeyboardActions
 * @property {(message: Message, data: string) => void} tap
 * @property {(messageId: number, data: string) => boolean} isWaiting whether a tap is not answered yet
 * @property {(url: string) => void} openLink
 * @property {(text: string) => void} copyText
 * @property {(text: string) => void} prefill puts a text into the text field
 */

/**
 * @param {Message} message
 * @param {KeyboardActions & MoneyActions} actions
 * @returns {HTMLElement | null}
 */
export function inlineKeyboard(message, actions) {
  const rows = invoiceButtons(message);
  if (rows.length === 0) return null;
  return h(
    "div",
    { class: "keyboard", role: "group", "aria-label": "Buttons of the message" },
    ...rows.map((row) =>
      h("div", { class: "keyboard-row" }, ...row.map((button) => keyboardButton(message, button, actions))),
    ),
  );
}

/**
 * @param {Message} message
 * @param {Button} button
 * @param {KeyboardActions & MoneyActions} actions
 */
function keyboardButton(message, button, actions) {
  const data = button.callback_data;
  const isWaiting = data !== undefined && actions.isWaiting(message.message_id, data);
  const corner = button.url || button.web_app ? "external" : button.copy_text ? "copy" : null;
  return h(
    "button",
    {
      type: "button",
      class: `keyboard-button ${button.style ? `keyboard-${button.style}` : ""} ${isWaiting ? "keyboard-waiting" : ""}`,
      "aria-busy": isWaiting ? "true" : undefined,
      data: data === undefined ? {} : { callback: data },
      on: { click: () => press(message, button, actions) },
    },
    h("bdi", { class: "keyboard-text" }, ...label(message, button, actions)),
    corner && h("span", { class: "keyboard-corner" }, icon(corner)),
    isWaiting && h("span", { class: "spinner keyboard-spinner" }),
  );
}

/**
 * A Pay button becomes the way to the receipt once the invoice is paid.
 *
 * @param {Message} message
 * @param {Button} button
 * @param {MoneyActions} actions
 */
function label(message, button, actions) {
  if (!button.pay) return [button.text];
  return actions.receiptOf(message.message_id) === null ? withStars(button.text) : ["Receipt"];
}

/**
 * @param {Message} message
 * @param {Button} button
 * @param {KeyboardActions & MoneyActions} actions
 */
function press(message, button, actions) {
  if (button.pay) actions.pay(message);
  else if (button.callback_data !== undefined) actions.tap(message, button.callback_data);
  else if (button.url) actions.openLink(button.url);
  else if (button.web_app) actions.openLink(button.web_app.url);
  else if (button.copy_text) actions.copyText(button.copy_text.text);
  else if (button.switch_inline_query_current_chat !== undefined)
    actions.prefill(button.switch_inline_query_current_chat);
}
