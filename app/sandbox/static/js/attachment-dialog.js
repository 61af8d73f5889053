/**
 * The step between choosing files and sending them: what goes, as what, and with which words.
 */

import { openDialog } from "./dialogs.js";
import { h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { fileSize } from "./wording.js";

/** Telegram's limit of an album. */
const ALBUM_MOST = 10;

/**
 * @typedef {object} Parcel what is sent in one go
 * @property {"photo" | "document"} kind
 * @property {File[]} files
 *
 * @typedef {{parcels: Parcel[], caption: string}} Shipment
 */

/** @param {File} file */
export const isPicture = (file) => /^image\/(jpeg|png|webp|gif|heic|heif|avif|bmp)$/u.test(file.type);

/**
 * Let the person look at the files; resolves with what to send, or null.
 *
 * @param {File[]} chosen
 * @param {{asFiles: boolean, caption: string}} wishes
 * @returns {Promise<Shipment | null>}
 */
export async function attachmentDialog(chosen, { asFiles, caption }) {
  const files = [...chosen];
  /** @type {string[]} */
  const urls = [];
  const shipment = await openDialog(
    { title: "Send files", class: "dialog-attach" },
    (/** @type {(result: Shipment) => void} */ close) => {
      const list = h("ul", { class: "attach-list" });
      const words = /** @type {HTMLTextAreaElement} */ (
        h("textarea", {
          class: "input attach-caption",
          rows: "2",
          maxlength: "1024",
          placeholder: "Add a caption…",
          "aria-label": "Caption",
          dir: "auto",
          autofocus: true,
        })
      );
      words.value = caption;
      const asPhotos = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox" }));
      asPhotos.checked = !asFiles;
      const choice = h("label", { class: "checkbox" }, asPhotos, h("span", { text: "Send pictures as photos" }));
      const send = () => close({ parcels: parcels(files, asPhotos.checked), caption: words.value.trim() });
      const draw = () => {
        for (const url of urls.splice(0)) URL.revokeObjectURL(url);
        list.replaceChildren(...files.map((file) => item(file, asPhotos.checked, urls, () => remove(file))));
        choice.hidden = !files.some(isPicture);
      };
      /** @param {File} file */
      const remove = (file) => {
        files.splice(files.indexOf(file), 1);
        if (files.length === 0) words.closest("dialog")?.close();
        else draw();
      };
      asPhotos.addEventListener("change", draw);
      words.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        send();
      });
      draw();
      return [
        list,
        choice,
        words,
        h("button", { type: "button", class: "primary-button", text: "Send", on: { click: send } }),
      ];
    },
  );
  for (const url of urls) URL.revokeObjectURL(url);
  return shipment;
}

/**
 * @param {File} file
 * @param {boolean} asPhoto
 * @param {string[]} urls blob addresses made here, for whoever gives them back
 * @param {() => void} remove
 */
function item(file, asPhoto, urls, remove) {
  const isShown = asPhoto && isPicture(file);
  let picture;
  if (isShown) {
    const url = URL.createObjectURL(file);
    urls.push(url);
    picture = h("img", { class: "attach-picture", src: url, alt: "" });
  } else {
    picture = h("span", { class: "attach-file" }, icon("file"));
  }
  return h(
    "li",
    { class: isShown ? "attach-item attach-photo" : "attach-item" },
    picture,
    h(
      "span",
      { class: "attach-words" },
      h("bdi", { class: "attach-name", text: file.name }),
      h("span", { class: "attach-size", text: fileSize(file.size) }),
    ),
    iconButton(icon("trash"), `Leave out ${file.name}`, remove, { class: "attach-remove" }),
  );
}

/**
 * Pictures as photos if wished, everything else as documents, ten to an album at most.
 *
 * @param {File[]} files
 * @param {boolean} asPhotos
 * @returns {Parcel[]}
 */
function parcels(files, asPhotos) {
  const photos = asPhotos ? files.filter(isPicture) : [];
  const documents = files.filter((file) => !photos.includes(file));
  return [...albums("photo", photos), ...albums("document", documents)];
}

/** @param {Parcel["kind"]} kind @param {File[]} files @returns {Parcel[]} */
function albums(kind, files) {
  const count = Math.ceil(files.length / ALBUM_MOST);
  return Array.from({ length: count }, (_, index) => ({
    kind,
    files: files.slice(index * ALBUM_MOST, (index + 1) * ALBUM_MOST),
  }));
}
