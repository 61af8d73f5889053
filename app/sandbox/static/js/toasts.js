/**
 * Short notices that leave by themselves.
 */

import { h } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN_MS = 3500;
const ERROR_SHOWN_MS = 7000;
const LEAVING_MS = 200;
/** The oldest goes when more than this many would cover the page. */
const MOST = 4;

/** @param {string} text @param {"info" | "error"} [kind] */
export function toast(text, kind = "info") {
  const region = /** @type {HTMLElement} */ (document.getElementById("toasts"));
  const element = h(
    "div",
    { class: `toast toast-${kind}`, role: kind === "error" ? "alert" : "status" },
    kind === "error" && icon("alert"),
    h("bdi", { text }),
  );
  region.append(element);
  // Over an open window too, which only a popover that was shown after it is.
  region.hidePopover();
  region.showPopover();
  while (region.childElementCount > MOST) region.firstElementChild?.remove();
  const leave = () => {
    element.classList.add("toast-leaving");
    setTimeout(() => element.remove(), LEAVING_MS);
  };
  element.addEventListener("click", leave);
  setTimeout(leave, kind === "error" ? ERROR_SHOWN_MS : SHOWN_MS);
}

/** Say what went wrong. @param {unknown} error */
export const toastError = (error) => toast(error instanceof Error ? error.message : String(error), "error");

/**
 * Run something and say what went wrong with it, instead of letting it pass in silence.
 *
 * @template T
 * @param {Promise<T>} work
 * @returns {Promise<T | undefined>}
 */
export async function reported(work) {
  try {
    return await work;
  } catch (error) {
    toastError(error);
    return undefined;
  }
}
