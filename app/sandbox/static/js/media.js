/**
 * Photos, albums, videos, animations and documents inside a bubble.
 */

import { fileUrl } from "./api.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { duration, fileSize } from "./wording.js";

/** @import { FileRef, Message } from "./types.js" */

/** A single picture is shown no larger and no smaller than this, in CSS pixels. */
const LARGEST = 420;
const SMALLEST = 180;

/** Pictures per row of an album, by the number of its pictures, as close to squares as rows of up to three allow. */
const ALBUM_ROWS = [[], [1], [2], [1, 2], [2, 2], [2, 3], [3, 3], [2, 2, 3], [2, 3, 3], [3, 3, 3], [2, 2, 3, 3]];

/** Very long pictures are cropped in an album, or one of them would fill it. */
const ALBUM_RATIOS = { least: 0.6, most: 1.9 };

/**
 * @typedef {(message: Message) => void} OpenPhoto shows the picture of a message on the whole screen
 */

/** @param {FileRef} file */
export const source = (file) => file.localUrl ?? fileUrl(file.file_id);

/** The size to look at closely. @param {Message} message @returns {FileRef | undefined} */
export const largestPhoto = (message) => message.photo?.at(-1);

/**
 * The width that a bubble takes for its picture.
 *
 * @param {FileRef} file
 */
export function shownWidth({ width, height }) {
  if (!width || !height) return 320;
  const scale = Math.min(1, LARGEST / width, LARGEST / height);
  return Math.max(SMALLEST, Math.round(width * scale));
}

/**
 * @param {Message} message
 * @param {OpenPhoto} openPhoto
 */
export function photo(message, openPhoto) {
  const file = /** @type {FileRef} */ (largestPhoto(message));
  const frame = photoButton(message, openPhoto, sizeFor(message, LARGEST));
  if (file.width && file.height) frame.style.aspectRatio = String(clamp(file.width / file.height, 0.45, 3));
  return frame;
}

/**
 * @param {Message[]} messages
 * @param {OpenPhoto} openPhoto
 */
export function album(messages, openPhoto) {
  const grid = h("div", { class: "album" });
  let next = 0;
  for (const count of ALBUM_ROWS[messages.length] ?? [messages.length]) {
    const parts = messages.slice(next, next + count);
    next += count;
    const ratios = parts.map(albumRatio);
    const row = h("div", { class: "album-row" });
    const whole = ratios.reduce((sum, ratio) => sum + ratio, 0);
    row.style.aspectRatio = String(whole);
    for (const [index, part] of parts.entries()) {
      const cell = part.photo ? photoButton(part, openPhoto, sizeFor(part, LARGEST)) : video(part);
      // Shares of one: less than that in all would leave a part of the row empty.
      cell.style.flexGrow = String(ratios[index] / whole);
      row.append(cell);
    }
    grid.append(row);
  }
  return grid;
}

/** @param {Message} message */
function albumRatio(message) {
  const file = largestPhoto(message) ?? message.video;
  return clamp((file?.width ?? 1) / (file?.height ?? 1), ALBUM_RATIOS.least, ALBUM_RATIOS.most);
}

/**
 * The smallest stored size that is sharp at this width.
 *
 * @param {Message} message
 * @param {number} cssPixels
 * @returns {FileRef}
 */
function sizeFor(message, cssPixels) {
  const sizes = /** @type {FileRef[]} */ (message.photo);
  const needed = cssPixels * Math.min(2, window.devicePixelRatio);
  return sizes.find((size) => (size.width ?? 0) >= needed) ?? sizes[sizes.length - 1];
}

/**
 * @param {Message} message
 * @param {OpenPhoto} openPhoto
 * @param {FileRef} size
 */
function photoButton(message, openPhoto, size) {
  const image = h("img", {
    class: "photo-image",
    src: source(size),
    alt: message.caption ?? "Photo",
    decoding: "async",
    draggable: "false",
  });
  const frame = h(
    "button",
    {
      type: "button",
      class: "photo photo-loading",
      "aria-label": "Open the photo",
      on: { click: () => openPhoto(message) },
    },
    image,
  );
  image.addEventListener("load", () => frame.classList.remove("photo-loading"));
  image.addEventListener("error", () =>
    frame.replaceChildren(h("span", { class: "photo-missing" }, icon("photo"), "The photo is not there")),
  );
  if (message.has_media_spoiler) cover(frame);
  return frame;
}

/** A blurred picture shows itself at the first tap and opens at the second. @param {HTMLElement} frame */
function cover(frame) {
  frame.classList.add("photo-covered");
  /** @param {Event} event */
  const uncover = (event) => {
    event.stopImmediatePropagation();
    frame.classList.remove("photo-covered");
    frame.removeEventListener("click", uncover, { capture: true });
  };
  frame.addEventListener("click", uncover, { capture: true });
}

/** @param {Message} message */
export function video(message) {
  const file = /** @type {FileRef} */ (message.video);
  const player = h("video", {
    class: "video",
    src: source(file),
    poster: file.thumbnail && source(file.thumbnail),
    controls: true,
    playsinline: true,
    preload: "metadata",
    "aria-label": `Video${file.duration ? `, ${duration(file.duration)}` : ""}`,
  });
  if (file.width && file.height) player.style.aspectRatio = String(clamp(file.width / file.height, 0.5, 2.4));
  return player;
}

/** A silent loop; stands still, with controls, for those who asked for less motion. @param {Message} message */
export function animation(message) {
  const file = /** @type {FileRef} */ (message.animation);
  const isStill = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const player = /** @type {HTMLVideoElement} */ (
    h("video", {
      class: "video",
      src: source(file),
      loop: true,
      playsinline: true,
      autoplay: !isStill,
      controls: isStill,
      "aria-label": "Animation",
    })
  );
  player.muted = true;
  if (file.width && file.height) player.style.aspectRatio = String(clamp(file.width / file.height, 0.5, 2.4));
  return player;
}

/** @param {Message} message */
export function documentCard(message) {
  const file = /** @type {FileRef} */ (message.document);
  const name = file.file_name ?? "File";
  const ending = /\.([a-z0-9]{1,5})$/iu.exec(name)?.[1] ?? "";
  const badge = file.thumbnail
    ? h("img", { class: "document-thumb", src: source(file.thumbnail), alt: "" })
    : h(
        "span",
        { class: "document-badge" },
        ending ? h("span", { class: "document-ending", text: ending }) : icon("file"),
      );
  return h(
    "a",
    { class: "document", href: source(file), download: name, "aria-label": `Download ${name}` },
    h("span", { class: "document-picture" }, badge, h("span", { class: "document-arrow" }, icon("download"))),
    h(
      "span",
      { class: "document-words" },
      h("bdi", { class: "document-name", text: name }),
      h("span", { class: "document-size", text: fileSize(file.file_size) }),
    ),
  );
}

/** @param {number} value @param {number} least @param {number} most */
const clamp = (value, least, most) => Math.min(most, Math.max(least, value));
