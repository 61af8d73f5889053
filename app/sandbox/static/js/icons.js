/**
 * Line icons on a 24-unit grid, drawn for this page. Decorative: buttons carry their own labels.
 */

const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<string, string>} */
const PATHS = {
  back: "M20 12H5 M11 5.5 4.5 12l6.5 6.5",
  close: "M6 6l12 12 M18 6 6 18",
  plus: "M12 5v14 M5 12h14",
  send: "M4.4 11.2 4 5.4c-.1-1 .9-1.7 1.8-1.2l14 7c.9.4.9 1.7 0 2.1l-14 7c-.9.4-1.9-.3-1.8-1.2l.4-5.9L13 12z",
  attach: "M19.5 11.5l-7.6 7.6a4.6 4.6 0 0 1-6.5-6.5l8-8a3.1 3.1 0 0 1 4.4 4.4l-7.9 7.9a1.5 1.5 0 0 1-2.2-2.2l7.1-7.1",
  keyboard:
    "M4 6.5h16a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1z M7 10.2h.01 M10.3 10.2h.01 M13.7 10.2h.01 M17 10.2h.01 M8 14h8",
  more: "M12 5.5h.01 M12 12h.01 M12 18.5h.01",
  reply: "M9.5 6.5 4 12l5.5 5.5 M4.5 12H14a6 6 0 0 1 6 6v.5",
  copy: "M9 9h9a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H9a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1z M5 15V6a1 1 0 0 1 1-1h9",
  braces:
    "M9 4.5H8a2 2 0 0 0-2 2V10c0 1.1-.9 2-2 2 1.1 0 2 .9 2 2v3.5a2 2 0 0 0 2 2h1 M15 4.5h1a2 2 0 0 1 2 2V10c0 1.1.9 2 2 2-1.1 0-2 .9-2 2v3.5a2 2 0 0 1-2 2h-1",
  down: "M6 9.5l6 6 6-6",
  left: "M14.5 5.5 8 12l6.5 6.5",
  right: "M9.5 5.5 16 12l-6.5 6.5",
  download: "M12 4v11 M7 10.5l5 5 5-5 M5 20h14",
  check: "M5 12.5l4.5 4.5L19 7.5",
  checks: "M2.5 12.5l4.5 4.5L16 7.5 M11 16l1 1 9-9.5",
  clock: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z M12 7.5V12l3 2",
  alert: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z M12 7.5v5 M12 16h.01",
  photo:
    "M5 4.5h14a1.5 1.5 0 0 1 1.5 1.5v12a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 18V6A1.5 1.5 0 0 1 5 4.5z M8.5 8.2a1.3 1.3 0 1 0 0 2.6 1.3 1.3 0 0 0 0-2.6z M4 17l4.5-4.5 3 3L16 11l4.5 4.5",
  file: "M7 3.5h7l4.5 4.5v11a1.5 1.5 0 0 1-1.5 1.5H7A1.5 1.5 0 0 1 5.5 19V5A1.5 1.5 0 0 1 7 3.5z M13.5 3.5V8.5h5",
  tools: "M4 7h9 M17 7h3 M4 17h3 M11 17h9 M13 4.5v5h4v-5z M7 14.5v5h4v-5z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z M12 2.5v2 M12 19.5v2 M2.5 12h2 M19.5 12h2 M5.3 5.3l1.4 1.4 M17.3 17.3l1.4 1.4 M5.3 18.7l1.4-1.4 M17.3 6.7l1.4-1.4",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  auto: "M12 3.5a8.5 8.5 0 1 0 0 17z M12 3.5a8.5 8.5 0 0 1 0 17",
  columns: "M4.5 5h15a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1h-15a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z M12 5v14",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8z M4.5 20c.5-3.6 3.6-5.5 7.5-5.5s7 1.9 7.5 5.5",
  block: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z M6 6l12 12",
  play: "M8 5.5v13l10.5-6.5z",
  restart: "M4.5 12a7.5 7.5 0 1 0 2.4-5.5L4.5 8.8 M4.5 4.3v4.5H9",
  external: "M9 6h9v9 M18 6 7 17",
  warning: "M12 4 21 19.5H3z M12 10v4.5 M12 17h.01",
  trash: "M5 7h14 M9.5 7V4.5h5V7 M7 7l.8 12a1 1 0 0 0 1 .9h6.4a1 1 0 0 0 1-.9L17 7",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4.2 4.2 0 0 0-6-6l-1.2 1.2 M14 10a4 4 0 0 0-6-.4l-3 3a4.2 4.2 0 0 0 6 6l1.2-1.2",
  star: "M12 2.9c.4 0 .8.2 1 .6l2.4 5 5.5.7c.9.1 1.3 1.2.6 1.9l-4 3.8 1 5.4c.2.9-.8 1.6-1.6 1.2L12 18.9l-4.9 2.6c-.8.4-1.8-.3-1.6-1.2l1-5.4-4-3.8c-.7-.7-.3-1.8.6-1.9l5.5-.7 2.4-5c.2-.4.6-.6 1-.6z",
  menu: "M5 7.5h14 M5 12h14 M5 16.5h14",
};

/** Icons whose shape reads better filled than as a line. */
const FILLED = new Set(["send", "play", "star"]);

/**
 * @param {keyof typeof PATHS} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", name === "more" ? "icon icon-dots" : FILLED.has(name) ? "icon icon-filled" : "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
