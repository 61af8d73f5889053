/**
 * The scrolling list of a chat. Draws the newest messages first and older ones as they are scrolled to, redraws only
 * what changed, and keeps the reader's place.
 */

import { bubble, bubbleMedia } from "./bubble.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { chargeOf, isService, serviceLine } from "./stars/invoice.js";
import { dayKey, dayTitle } from "./wording.js";

/** @import { BubbleActions } from "./bubble.js" */
/** @import { Chat } from "./chat.js" */
/** @import { Message } from "./types.js" */

/** Groups drawn at first and added at each arrival at the top. */
const PAGE = 60;
/** A run of messages of one side is broken by a silence longer than this, in seconds. */
const RUN_SILENCE = 600;
/** This near to the end the list follows new messages, in CSS pixels. */
const END_REACH = 80;

/**
 * @typedef {object} Row
 * @property {string} key
 * @property {string} signature changes when the row has to be drawn again
 * @property {(old: Drawn | undefined) => Drawn} draw
 *
 * @typedef {object} Drawn
 * @property {HTMLElement} element
 * @property {string} signature
 * @property {HTMLElement | null} [picture]
 * @property {string} [pictureSignature]
 */

export class MessageList {
  #limit = PAGE;
  #isAtEnd = true;
  #lastTop = 0;
  #unseen = 0;
  #newestSeen = 0;
  #hasDrawn = false;
  /** @type {Map<string, Drawn>} */
  #drawn = new Map();

  /**
   * @param {Chat} chat
   * @param {BubbleActions} actions
   * @param {() => void} onSeen the newest message is in view
   */
  constructor(chat, actions, onSeen) {
    this.chat = chat;
    this.actions = actions;
    this.onSeen = onSeen;
    this.top = h("div", { class: "list-top" });
    this.rows = h("div", { class: "list-rows", role: "log", "aria-label": "Messages", "aria-live": "polite" });
    this.scroller = h(
      "div",
      { class: "list-scroller", tabindex: "0", "aria-label": "Chat history", role: "region" },
      h("div", { class: "list-inner" }, this.top, this.rows),
    );
    this.badge = h("span", { class: "down-badge", hidden: true });
    this.down = h(
      "button",
      {
        type: "button",
        class: "down-button",
        "aria-label": "Scroll to the newest message",
        hidden: true,
        on: { click: () => this.scrollToEnd(true) },
      },
      icon("down"),
      this.badge,
    );
    this.element = h("div", { class: "list" }, this.scroller, this.down);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    const resized = new ResizeObserver(() => this.#isAtEnd && this.scrollToEnd(false));
    resized.observe(this.scroller);
    resized.observe(this.rows);
    new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && this.#showOlder(), {
      root: this.scroller,
      rootMargin: "400px 0px 0px",
    }).observe(this.top);
  }

  /** Bring the list in line with the chat. */
  update() {
    const groups = grouped(this.chat.messages);
    this.#countUnseen();
    this.#place(this.#rowsOf(groups.slice(-this.#limit)));
    this.#hasDrawn ||= this.chat.state === "ready";
    if (this.#isAtEnd) this.scrollToEnd(false);
    this.#showDown();
  }

  /** @param {boolean} isSmooth */
  scrollToEnd(isSmooth) {
    this.#isAtEnd = true;
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: isSmooth ? "smooth" : "instant" });
    this.#seen();
  }

  /** Scroll to a message and let it light up; older ones are drawn for it. @param {number} messageId */
  jumpTo(messageId) {
    if (!this.chat.find(messageId)) return;
    const groups = grouped(this.chat.messages);
    const index = groups.findIndex((group) => group.some((message) => message.message_id === messageId));
    this.#limit = Math.max(this.#limit, groups.length - index + 10);
    this.#isAtEnd = false;
    this.update();
    const element = this.#drawn.get(keyOf(groups[index], this.chat))?.element;
    if (!element) return;
    element.scrollIntoView({ block: "center", behavior: "smooth" });
    element.classList.remove("message-found");
    void element.offsetWidth; // a restarted animation needs a layout in between
    element.classList.add("message-found");
  }

  #showOlder() {
    const total = grouped(this.chat.messages).length;
    if (this.#limit >= total) return;
    const fromEnd = this.scroller.scrollHeight - this.scroller.scrollTop;
    this.#limit += PAGE;
    this.update();
    if (!this.#isAtEnd) this.scroller.scrollTop = this.scroller.scrollHeight - fromEnd;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    // Only going up leaves the end: a keyboard that opens below or a message that arrives moves the end away too.
    if (scrollHeight - scrollTop - clientHeight < END_REACH) this.#isAtEnd = true;
    else if (scrollTop < this.#lastTop) this.#isAtEnd = false;
    this.#lastTop = scrollTop;
    if (this.#isAtEnd) this.#seen();
    this.#showDown();
  }

  #seen() {
    this.#unseen = 0;
    this.#newestSeen = newestId(this.chat);
    this.onSeen();
  }

  #countUnseen() {
    if (this.#isAtEnd) return;
    this.#unseen = this.chat.messages.filter(
      (message) => message.from.is_bot && message.message_id > this.#newestSeen,
    ).length;
  }

  #showDown() {
    this.down.hidden = this.#isAtEnd;
    this.badge.hidden = this.#unseen === 0;
    this.badge.textContent = String(this.#unseen);
  }

  /** @param {Message[][]} groups @returns {Row[]} */
  #rowsOf(groups) {
    /** @type {Row[]} */
    const rows = [];
    for (const [index, group] of groups.entries()) {
      const before = groups[index - 1];
      const after = groups[index + 1];
      const day = dayKey(group[0].date);
      if (!before || dayKey(before[0].date) !== day) rows.push(dayRow(day, group[0].date));
      const place = { isFirst: !before || !isOneRun(before, group), isLast: !after || !isOneRun(group, after) };
      rows.push(this.#groupRow(group, place));
    }
    return rows;
  }

  /** @param {Message[]} group @param {{isFirst: boolean, isLast: boolean}} place @returns {Row} */
  #groupRow(group, place) {
    const waiting = group.flatMap((message) => message.reply_markup?.inline_keyboard ?? []).flat();
    const isWaiting = waiting.map(
      (button) =>
        button.callback_data !== undefined &&
        this.chat.isWaiting(group[group.length - 1].message_id, button.callback_data),
    );
    const isUndelivered = this.chat.isUndelivered(group[0].message_id);
    const receipt = group[0].invoice && this.chat.wallet.receiptOf(group[0].message_id);
    const title = isService(group[0]) && this.actions.titleOf(chargeOf(group[0]));
    const signature = JSON.stringify([group, place, isWaiting, isUndelivered, receipt, title]);
    const pictureSignature = JSON.stringify(
      group.map((message) => [message.photo, message.video, message.animation, message.has_media_spoiler]),
    );
    return {
      key: keyOf(group, this.chat),
      signature,
      draw: (old) => {
        if (isService(group[0])) return { element: serviceLine(group[0], this.actions), signature };
        const isSame = old?.pictureSignature === pictureSignature;
        const picture = isSame ? (old?.picture ?? null) : bubbleMedia(group, this.actions);
        return { element: bubble(group, place, picture, this.actions), signature, picture, pictureSignature };
      },
    };
  }

  /** Make the children of the list exactly these rows, touching only those that changed. @param {Row[]} rows */
  #place(rows) {
    const wanted = new Set(rows.map((row) => row.key));
    for (const [key, drawn] of this.#drawn) {
      if (wanted.has(key)) continue;
      drawn.element.remove();
      this.#drawn.delete(key);
    }
    /** @type {Element | null} */
    let next = this.rows.firstElementChild;
    for (const row of rows) {
      const old = this.#drawn.get(row.key);
      if (old?.signature === row.signature) {
        if (old.element === next) next = next.nextElementSibling;
        else this.rows.insertBefore(old.element, next);
        continue;
      }
      const drawn = row.draw(old);
      this.#drawn.set(row.key, drawn);
      if (old && old.element === next) {
        next = next.nextElementSibling;
        replaceKeepingFocus(old.element, drawn.element);
        continue;
      }
      if (old) old.element.remove();
      else if (this.#hasDrawn) drawn.element.classList.add("message-new");
      this.rows.insertBefore(drawn.element, next);
    }
  }
}

/** Parts of an album that follow each other become one group. @param {Message[]} messages */
function grouped(messages) {
  /** @type {Message[][]} */
  const groups = [];
  for (const message of messages) {
    const last = groups.at(-1);
    if (last && message.media_group_id !== undefined && last[0].media_group_id === message.media_group_id)
      last.push(message);
    else groups.push([message]);
  }
  return groups;
}

/**
 * A message keeps its row when it is stored, so it does not appear a second time.
 *
 * @param {Message[]} group
 * @param {Chat} chat
 */
const keyOf = ([head], chat) => head.pending?.key ?? chat.pendingKeyOf(head.message_id) ?? `message-${head.message_id}`;

/** @param {Message[]} earlier @param {Message[]} later */
function isOneRun(earlier, later) {
  const last = earlier[earlier.length - 1];
  const [next] = later;
  return (
    !isService(last) &&
    !isService(next) &&
    Boolean(last.from.is_bot) === Boolean(next.from.is_bot) &&
    next.date - last.date < RUN_SILENCE &&
    dayKey(last.date) === dayKey(next.date)
  );
}

/** @param {string} day @param {number} seconds @returns {Row} */
function dayRow(day, seconds) {
  const title = dayTitle(seconds);
  return {
    key: `day-${day}`,
    signature: title,
    draw: () => ({
      element: h("div", { class: "day" }, h("span", { class: "day-title", text: title })),
      signature: title,
    }),
  };
}

/** @param {Chat} chat */
const newestId = (chat) =>
  chat.messages.reduce((newest, message) => (message.pending ? newest : Math.max(newest, message.message_id)), 0);

/**
 * Somebody who walks with the keyboard stays on the button that was just redrawn.
 *
 * @param {HTMLElement} old
 * @param {HTMLElement} fresh
 */
function replaceKeepingFocus(old, fresh) {
  const places = "button, a[href], [tabindex]";
  const index = [...old.querySelectorAll(places)].indexOf(/** @type {Element} */ (document.activeElement));
  old.replaceWith(fresh);
  if (index >= 0)
    /** @type {HTMLElement | undefined} */ ([...fresh.querySelectorAll(places)][index])?.focus({ preventScroll: true });
}
