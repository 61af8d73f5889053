/**
 * Round pictures of people, coloured by their id as Telegram does, and the bot's own sign.
 */

import { h } from "./dom.js";
import { fullName, initials } from "./wording.js";

/** @import { User } from "./types.js" */

const COLOURS = 7;
const SVG = "http://www.w3.org/2000/svg";

/** @param {User} user @param {string} [size] class of the size */
export function personAvatar(user, size = "") {
  return h("span", {
    class: `avatar avatar-${Math.abs(user.id) % COLOURS} ${size}`.trim(),
    "aria-hidden": "true",
    text: initials(fullName(user)),
  });
}

/** @param {string} [size] class of the size */
export function botAvatar(size = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  const star = document.createElementNS(SVG, "path");
  star.setAttribute(
    "d",
    "M12 3.2c.9 4.6 2.6 6.9 8.3 8.1-5.7 1.2-7.4 3.5-8.3 9.5-.9-6-2.6-8.3-8.3-9.5 5.7-1.2 7.4-3.5 8.3-8.1z",
  );
  const spark = document.createElementNS(SVG, "path");
  spark.setAttribute(
    "d",
    "M18.5 3c.3 1.5.9 2.2 2.5 2.5-1.6.3-2.2 1-2.5 2.5-.3-1.5-.9-2.2-2.5-2.5 1.6-.3 2.2-1 2.5-2.5z",
  );
  svg.append(star, spark);
  return h("span", { class: `avatar avatar-bot ${size}`.trim(), "aria-hidden": "true" }, svg);
}
