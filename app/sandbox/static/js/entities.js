/**
 * Turns a text and its Bot API entities into nodes.
 */

import { h } from "./dom.js";

/** @import { Entity } from "./types.js" */

/**
 * @typedef {object} TextActions
 * @property {(command: string) => void} sendCommand a command in a text was tapped
 * @property {(url: string) => void} openLink a link in a text was tapped
 */

const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);
const JUMBO = /^(?:\p{Extended_Pictographic}(?:\uFE0F|\u200D\p{Extended_Pictographic}|[\u{1F3FB}-\u{1F3FF}])*){1,3}$/u;

/** Up to three emoji and nothing else, shown large. @param {string} text */
export const isJumbo = (text) => JUMBO.test(text);

/**
 * @param {string} text
 * @param {Entity[] | undefined} entities
 * @param {TextActions} actions
 * @returns {DocumentFragment}
 */
export function formatText(text, entities, actions) {
  const sorted = [...(entities ?? [])].sort((a, b) => a.offset - b.offset || b.length - a.length);
  const fragment = document.createDocumentFragment();
  fragment.append(...render(text, 0, text.length, sorted, actions));
  return fragment;
}

/**
 * Nodes of text[from, to). Entities are sorted by start, longer first; one that starts inside another is nested in it,
 * and its part beyond the outer one's end, which Telegram never sends, is left plain.
 *
 * @param {string} text
 * @param {number} from
 * @param {number} to
 * @param {Entity[]} entities
 * @param {TextActions} actions
 * @returns {Node[]}
 */
function render(text, from, to, entities, actions) {
  /** @type {Node[]} */
  const nodes = [];
  let position = from;
  for (let index = 0; index < entities.length; index += 1) {
    const entity = entities[index];
    const end = Math.min(entity.offset + entity.length, to);
    if (entity.offset < position || end <= entity.offset) continue;
    if (entity.offset > position)
      nodes.push(document.createTextNode(beforeBlock(text.slice(position, entity.offset), entity)));
    const inside = entities.slice(index + 1).filter((other) => other.offset < end);
    const children = render(text, entity.offset, end, inside, actions);
    nodes.push(wrap(entity, text.slice(entity.offset, end), children, actions));
    position = BLOCKS.has(entity.type) && text[end] === "\n" ? end + 1 : end;
  }
  if (position < to) nodes.push(document.createTextNode(text.slice(position, to)));
  return nodes;
}

/** The line break at the edge of a block is the block's own edge. @param {string} text @param {Entity} entity */
const beforeBlock = (text, entity) => (BLOCKS.has(entity.type) && text.endsWith("\n") ? text.slice(0, -1) : text);

/**
 * @param {Entity} entity
 * @param {string} words the text it covers
 * @param {Node[]} children the same text as nodes
 * @param {TextActions} actions
 * @returns {HTMLElement}
 */
function wrap(entity, words, children, actions) {
  switch (entity.type) {
    case "bold":
      return h("strong", {}, ...children);
    case "italic":
      return h("em", {}, ...children);
    case "underline":
      return h("u", {}, ...children);
    case "strikethrough":
      return h("s", {}, ...children);
    case "code":
      return h("code", {}, ...children);
    case "pre":
      return h("pre", { class: "pre", "data-language": entity.language }, h("code", {}, ...children));
    case "blockquote":
    case "expandable_blockquote":
      return blockquote(children, entity.type === "expandable_blockquote");
    case "spoiler":
      return spoiler(children);
    case "bot_command":
      return h(
        "button",
        { type: "button", class: "text-button", on: { click: () => actions.sendCommand(words) } },
        ...children,
      );
    case "url":
    case "text_link":
    case "email":
      return link(linkTarget(entity, words), children, actions);
    case "mention":
    case "text_mention":
    case "hashtag":
    case "cashtag":
    case "phone_number":
      return h("span", { class: "text-mark" }, ...children);
    default:
      return h("span", {}, ...children);
  }
}

/** @param {Entity} entity @param {string} words */
function linkTarget(entity, words) {
  if (entity.url) return entity.url;
  if (entity.type === "email") return `mailto:${words}`;
  return /^[a-z][a-z0-9+.-]*:/iu.test(words) ? words : `http://${words}`;
}

/**
 * Only schemes that cannot run anything become links.
 *
 * @param {string} target
 * @param {Node[]} children
 * @param {TextActions} actions
 */
function link(target, children, actions) {
  if (!/^(https?|mailto|tg):/iu.test(target)) return h("span", { class: "text-mark" }, ...children);
  /** @param {MouseEvent} event */
  const open = (event) => {
    event.preventDefault();
    actions.openLink(target);
  };
  return h(
    "a",
    { href: target, rel: "noopener noreferrer", target: "_blank", title: target, on: { click: open } },
    ...children,
  );
}

/** @param {Node[]} children @param {boolean} isExpandable */
function blockquote(children, isExpandable) {
  const quote = h("blockquote", { class: isExpandable ? "quote quote-folded" : "quote" }, ...children);
  if (isExpandable) {
    const toggle = h("button", {
      type: "button",
      class: "quote-toggle",
      "aria-expanded": "false",
      "aria-label": "Show the whole quote",
      on: { click: () => toggle.setAttribute("aria-expanded", String(!quote.classList.toggle("quote-folded"))) },
    });
    quote.append(toggle);
  }
  return quote;
}

/** @param {Node[]} children */
function spoiler(children) {
  const hidden = h("span", { class: "spoiler-text", "aria-hidden": "true" }, ...children);
  const cover = h(
    "span",
    { class: "spoiler", role: "button", tabindex: "0", "aria-label": "Hidden text, show it" },
    hidden,
  );
  const reveal = () => {
    cover.classList.add("spoiler-shown");
    cover.removeAttribute("role");
    cover.removeAttribute("tabindex");
    cover.removeAttribute("aria-label");
    hidden.removeAttribute("aria-hidden");
  };
  cover.addEventListener("click", reveal);
  cover.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      reveal();
    }
  });
  return cover;
}
