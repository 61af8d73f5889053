/**
 * A small menu at a button or at the pointer: arrow keys, Escape and a click elsewhere work as expected.
 */

import { h } from "./dom.js";
import { icon } from "./icons.js";

const EDGE = 8;

/**
 * @typedef {object} MenuItem
 * @property {string} label
 * @property {string} icon
 * @property {() => void} choose
 * @property {boolean} [isDangerous]
 */

/** @type {(() => void) | null} closes the one open menu */
let closeOpen = null;

/**
 * @param {HTMLElement | {x: number, y: number}} at
 * @param {MenuItem[]} items
 */
export function openMenu(at, items) {
  closeOpen?.();
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const menu = h("div", { class: "menu", role: "menu" });
  const close = () => {
    closeOpen = null;
    menu.remove();
    document.removeEventListener("pointerdown", outside, true);
    window.removeEventListener("resize", close);
    before?.focus({ preventScroll: true });
  };
  /** @param {PointerEvent} event */
  const outside = (event) => {
    if (!menu.contains(/** @type {Node} */ (event.target))) close();
  };
  for (const item of items) {
    /** Closing first gives the focus back, so that a dialog opened by the choice returns it there too. */
    const choose = () => {
      close();
      item.choose();
    };
    menu.append(
      h(
        "button",
        {
          type: "button",
          role: "menuitem",
          class: `menu-item ${item.isDangerous ? "menu-danger" : ""}`,
          on: { click: choose },
        },
        icon(item.icon),
        h("span", { text: item.label }),
      ),
    );
  }
  menu.addEventListener("keydown", (event) => walk(event, menu, close));
  document.body.append(menu);
  place(menu, at);
  document.addEventListener("pointerdown", outside, true);
  window.addEventListener("resize", close);
  closeOpen = close;
  /** @type {HTMLElement} */ (menu.firstElementChild).focus();
}

/** @param {KeyboardEvent} event @param {HTMLElement} menu @param {() => void} close */
function walk(event, menu, close) {
  const items = /** @type {HTMLElement[]} */ ([...menu.children]);
  const index = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  /** @type {Record<string, number>} */
  const next = {
    ArrowDown: (index + 1) % items.length,
    ArrowUp: (index - 1 + items.length) % items.length,
    Home: 0,
    End: items.length - 1,
  };
  if (event.key === "Escape" || event.key === "Tab") close();
  else if (event.key in next) items[next[event.key]].focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/**
 * Near the anchor, turned inwards at the edges of the window.
 *
 * @param {HTMLElement} menu
 * @param {HTMLElement | {x: number, y: number}} at
 */
function place(menu, at) {
  const box = at instanceof HTMLElement ? at.getBoundingClientRect() : null;
  const point = box
    ? { x: box.right - menu.offsetWidth, y: box.bottom + 4 }
    : /** @type {{x: number, y: number}} */ (at);
  const x = Math.min(Math.max(EDGE, point.x), window.innerWidth - menu.offsetWidth - EDGE);
  const fitsBelow = point.y + menu.offsetHeight + EDGE <= window.innerHeight;
  const above = (box ? box.top - 4 : point.y) - menu.offsetHeight;
  menu.style.left = `${x}px`;
  menu.style.top = `${Math.max(EDGE, fitsBelow ? point.y : above)}px`;
}
