/**
 * Light, dark, or as the system says.
 */

import { iconButton } from "./dom.js";
import { icon } from "./icons.js";

const KEY = "playground.theme";
const ORDER = /** @type {const} */ (["auto", "light", "dark"]);
const ICONS = { auto: "auto", light: "sun", dark: "moon" };
const LABELS = { auto: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" };

/** @typedef {typeof ORDER[number]} Theme */

/** @returns {Theme} */
function chosen() {
  const stored = localStorage.getItem(KEY);
  return ORDER.find((theme) => theme === stored) ?? "auto";
}

/** @param {Theme} theme */
function choose(theme) {
  localStorage.setItem(KEY, theme);
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** A button that walks through the three. */
export function themeButton() {
  const button = iconButton(icon(ICONS[chosen()]), LABELS[chosen()], () => {
    const next = ORDER[(ORDER.indexOf(chosen()) + 1) % ORDER.length];
    choose(next);
    button.replaceChildren(icon(ICONS[next]));
    button.setAttribute("aria-label", LABELS[next]);
    button.title = LABELS[next];
  });
  return button;
}
