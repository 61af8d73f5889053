/**
 * Files dragged over a chat: two halves to drop them on, one sends pictures as photos, the other everything as files.
 */

import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @param {HTMLElement} area
 * @param {(files: File[], wishes: {asFiles: boolean}) => void} onDrop
 */
export function acceptDrops(area, onDrop) {
  const zone = h(
    "div",
    { class: "drop-zone", hidden: true },
    half("photo", "Drop pictures here", "to send them as photos", false),
    half("file", "Drop files here", "to send them as they are", true),
  );
  let depth = 0; // dragenter and dragleave fire for every child passed on the way
  const hide = () => {
    depth = 0;
    zone.hidden = true;
  };

  /** @param {string} name @param {string} title @param {string} hint @param {boolean} asFiles */
  function half(name, title, hint, asFiles) {
    const box = h("div", { class: "drop-half" }, icon(name), h("strong", { text: title }), h("span", { text: hint }));
    box.addEventListener("dragenter", () => box.classList.add("drop-over"));
    box.addEventListener("dragleave", () => box.classList.remove("drop-over"));
    box.addEventListener("drop", (event) => {
      box.classList.remove("drop-over");
      onDrop([...(event.dataTransfer?.files ?? [])], { asFiles });
    });
    return box;
  }

  area.addEventListener("dragenter", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    depth += 1;
    zone.hidden = false;
  });
  area.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (depth === 0) zone.hidden = true;
  });
  area.addEventListener("dragover", (event) => event.preventDefault());
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    hide();
  });
  area.append(zone);
}
