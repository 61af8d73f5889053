/**
 * A picture on the whole screen, with the chat's other pictures one arrow away.
 */

import { h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { largestPhoto, source } from "./media.js";
import { fullName, fullTime } from "./wording.js";

/** @import { FileRef, Message } from "./types.js" */

/**
 * @param {Message[]} messages every message of the chat that has a picture, in order
 * @param {Message} first the one to begin with
 */
export function openPhotoViewer(messages, first) {
  let index = Math.max(0, messages.indexOf(first));
  const image = /** @type {HTMLImageElement} */ (h("img", { class: "viewer-image", draggable: "false" }));
  const caption = h("p", { class: "viewer-caption", dir: "auto" });
  const who = h("bdi", { class: "viewer-who" });
  const when = h("span", { class: "viewer-when" });
  const download = h(
    "a",
    { class: "icon-button viewer-button", "aria-label": "Download the photo", title: "Download" },
    icon("download"),
  );
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { class: "viewer", "aria-label": "Photo" }));
  const previous = iconButton(icon("left"), "Previous photo", () => show(index - 1), {
    class: "viewer-button viewer-previous",
  });
  const next = iconButton(icon("right"), "Next photo", () => show(index + 1), { class: "viewer-button viewer-next" });

  /** @param {number} wanted */
  const show = (wanted) => {
    if (wanted < 0 || wanted >= messages.length) return;
    index = wanted;
    const message = messages[index];
    const file = /** @type {FileRef} */ (largestPhoto(message));
    image.src = source(file);
    image.alt = message.caption ?? "Photo";
    dialog.classList.remove("viewer-close-up");
    caption.textContent = message.caption ?? "";
    caption.hidden = !message.caption;
    who.textContent = fullName(message.from);
    when.textContent = fullTime(message.date);
    download.setAttribute("href", source(file));
    download.setAttribute("download", `photo-${message.message_id}.jpg`);
    /** @type {HTMLButtonElement} */ (previous).disabled = index === 0;
    /** @type {HTMLButtonElement} */ (next).disabled = index === messages.length - 1;
  };

  dialog.append(
    h(
      "header",
      { class: "viewer-bar" },
      h("span", { class: "viewer-words" }, who, when),
      download,
      iconButton(icon("close"), "Close the photo", () => dialog.close(), { class: "viewer-button" }),
    ),
    h("div", { class: "viewer-stage" }, image),
    caption,
    ...(messages.length > 1 ? [previous, next] : []),
  );
  image.addEventListener("click", () => dialog.classList.toggle("viewer-close-up"));
  dialog.addEventListener("click", (event) => {
    if (/** @type {Element} */ (event.target).matches(".viewer, .viewer-stage")) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") show(index - 1);
    if (event.key === "ArrowRight") show(index + 1);
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  show(index);
  dialog.showModal();
}
