/**
 * One message, or one album, as a bubble with everything inside and below it.
 */

import { h } from "./dom.js";
import { formatText, isJumbo } from "./entities.js";
import { icon } from "./icons.js";
import { inlineKeyboard } from "./inline-keyboard.js";
import * as media from "./media.js";
import { invoiceCard } from "./stars/invoice.js";
import { clockTime, fullName, fullTime, summary } from "./wording.js";

/** @import { Message } from "./types.js" */
/** @import { KeyboardActions } from "./inline-keyboard.js" */
/** @import { MoneyActions } from "./stars/invoice.js" */
/** @import { TextActions } from "./entities.js" */

/**
 * @typedef {object} MessageActions
 * @property {media.OpenPhoto} openPhoto
 * @property {(messageId: number) => void} jumpTo
 * @property {(message: Message, at: HTMLElement | {x: number, y: number}) => void} openMenu
 * @property {(message: Message) => void} reply
 * @property {(message: Message) => void} retry
 * @property {(messageId: number) => boolean} isUndelivered whether the app has not taken this message yet
 *
 * @typedef {MessageActions & KeyboardActions & MoneyActions & TextActions} BubbleActions
 */

/**
 * What a bubble shows beside text, in this order; a new kind of message needs one more line here.
 *
 * @type {[keyof Message, (message: Message, actions: BubbleActions) => HTMLElement][]}
 */
const MEDIA = [
  ["photo", (message, actions) => media.photo(message, actions.openPhoto)],
  ["video", media.video],
  ["animation", media.animation],
];

/**
 * The picture part of a bubble, built apart so that it survives an edit of the words or buttons around it.
 *
 * @param {Message[]} messages one message, or the parts of an album
 * @param {BubbleActions} actions
 * @returns {HTMLElement | null}
 */
export function bubbleMedia(messages, actions) {
  if (messages.length > 1 && messages.every((message) => message.photo || message.video)) {
    return media.album(messages, actions.openPhoto);
  }
  const found = MEDIA.find(([key]) => messages[0][key]);
  return found ? found[1](messages[0], actions) : null;
}

/**
 * @param {Message[]} messages one message, or the parts of an album
 * @param {{isFirst: boolean, isLast: boolean}} place in a run of messages of one side
 * @param {HTMLElement | null} picture what bubbleMedia made of them
 * @param {BubbleActions} actions
 */
export function bubble(messages, place, picture, actions) {
  const [head] = messages;
  const spoken = messages.find((message) => message.text ?? message.caption) ?? head;
  const text = spoken.text ?? spoken.caption ?? "";
  const isJumboText = !picture && !head.document && !spoken.entities?.length && isJumbo(text);
  const words = text ? textBlock(spoken, text, actions) : null;
  const documents = picture ? [] : messages.filter((message) => message.document).map(media.documentCard);
  const invoice = invoiceCard(head);
  const hasNothing = !picture && !words && !invoice && documents.length === 0;
  const meta = metaLine(messages, spoken, actions);
  const box = h(
    "div",
    { class: bubbleClass({ picture, words, isJumboText }) },
    forwardLine(head),
    replyQuote(head, actions),
    words && spoken.show_caption_above_media && words,
    picture,
    ...documents,
    invoice,
    hasNothing &&
      h("div", {
        class: "text text-odd",
        text: "This kind of message has no picture here yet. Its menu shows it as JSON.",
      }),
    words && !spoken.show_caption_above_media && words,
  );
  (words ?? box).append(meta);
  const stack = h(
    "div",
    { class: "message-stack" },
    box,
    moreButton(head, actions),
    inlineKeyboard(messages[messages.length - 1], actions),
  );
  if (picture) stack.style.width = `${pictureWidth(messages)}px`;
  const element = h(
    "article",
    {
      class: `message ${head.from.is_bot ? "message-in" : "message-out"} ${place.isFirst ? "message-first" : ""} ${place.isLast ? "message-last" : ""}`,
      "aria-label": `${fullName(head.from)}, ${clockTime(head.date)}`,
      data: head.pending ? { pending: head.pending.key } : { message: String(head.message_id) },
    },
    stack,
    failure(head, actions),
  );
  element.addEventListener("contextmenu", (event) => {
    if (/** @type {Element} */ (event.target).closest("a, video")) return;
    event.preventDefault();
    actions.openMenu(head, { x: event.clientX, y: event.clientY });
  });
  // Beside the words only: on them a double click selects one.
  element.addEventListener("dblclick", (event) => {
    if (!(/** @type {Element} */ (event.target).closest("button, a, video, .text"))) actions.reply(head);
  });
  return element;
}

/** @param {{picture: HTMLElement | null, words: HTMLElement | null, isJumboText: boolean}} parts */
function bubbleClass({ picture, words, isJumboText }) {
  if (isJumboText) return "bubble bubble-jumbo";
  if (!picture) return "bubble";
  return words ? "bubble bubble-media" : "bubble bubble-media bubble-bare";
}

/** @param {Message[]} messages */
function pictureWidth(messages) {
  if (messages.length > 1) return 400;
  const [message] = messages;
  return media.shownWidth(media.largestPhoto(message) ?? message.video ?? message.animation ?? { file_id: "" });
}

/** @param {Message} message @param {string} text @param {BubbleActions} actions */
function textBlock(message, text, actions) {
  const entities = message.text !== undefined ? message.entities : message.caption_entities;
  return h(
    "div",
    { class: "text" },
    h("span", { class: "text-body", dir: "auto" }, formatText(text, entities, actions)),
  );
}

/**
 * Time, "edited" and how far an own message has come.
 *
 * @param {Message[]} messages
 * @param {Message} spoken
 * @param {BubbleActions} actions
 */
function metaLine(messages, spoken, actions) {
  const [head] = messages;
  const edited = messages.map((message) => message.edit_date).find((date) => date !== undefined);
  return h(
    "span",
    { class: "meta", title: edited ? `${fullTime(head.date)}, edited ${fullTime(edited)}` : fullTime(spoken.date) },
    edited !== undefined && h("span", { class: "meta-edited", text: "edited" }),
    h("time", { datetime: new Date(head.date * 1000).toISOString(), text: clockTime(head.date) }),
    !head.from.is_bot && sendState(head, actions),
  );
}

const SEND_STATES = {
  sending: ["clock", "Being sent"],
  failed: ["alert", "Not sent"],
  sent: ["check", "Sent, not delivered to the bot yet"],
  delivered: ["checks", "Delivered to the bot"],
};

/** @param {Message} message @param {BubbleActions} actions */
function sendState(message, actions) {
  const [name, label] =
    SEND_STATES[message.pending?.state ?? (actions.isUndelivered(message.message_id) ? "sent" : "delivered")];
  return h("span", { class: `state state-${name}`, role: "img", "aria-label": label }, icon(name));
}

/** @param {Message} message */
function forwardLine(message) {
  const origin = message.forward_origin;
  if (!origin) return null;
  const name = origin.sender_user ? fullName(origin.sender_user) : (origin.sender_user_name ?? "somebody");
  return h("div", { class: "forward" }, "Forwarded from ", h("bdi", { text: name }));
}

/** @param {Message} message @param {BubbleActions} actions */
function replyQuote(message, actions) {
  const original = message.reply_to_message;
  if (!original) return null;
  return h(
    "button",
    {
      type: "button",
      class: "reply-quote",
      "aria-label": "Go to the answered message",
      on: { click: () => actions.jumpTo(original.message_id) },
    },
    h("bdi", { class: "reply-name", text: fullName(original.from) }),
    h("bdi", { class: "reply-words", text: summary(original) }),
  );
}

/** @param {Message} message @param {BubbleActions} actions */
function moreButton(message, actions) {
  const button = h(
    "button",
    {
      type: "button",
      class: "message-more",
      "aria-label": "Message menu",
      "aria-haspopup": "menu",
      on: { click: () => actions.openMenu(message, button) },
    },
    icon("more"),
  );
  return button;
}

/** @param {Message} message @param {BubbleActions} actions */
function failure(message, actions) {
  if (message.pending?.state !== "failed") return null;
  return h(
    "div",
    { class: "failure", role: "alert" },
    h("span", { text: message.pending.error ?? "Not sent." }),
    h("button", {
      type: "button",
      class: "text-button",
      text: "Send again",
      on: { click: () => actions.retry(message) },
    }),
  );
}
