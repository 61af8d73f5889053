/**
 * Builds elements. Text only ever becomes a text node, so nothing a chat contains is read as HTML.
 */

/**
 * @typedef {Node | string | null | undefined | false} Child
 */

/**
 * Make an element. `class`, `text`, `on` (listeners) and `data` (dataset) are special; every other property is an
 * attribute: `true` sets it empty, `false`, `null` and `undefined` leave it out.
 *
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name === "on")
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...kept(children));
  return element;
}

/**
 * Replace everything inside an element.
 *
 * @param {Element} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...kept(children));
}

/**
 * A function that draws once in the next frame, however often it is called until then.
 *
 * @param {() => void} draw
 */
export function oncePerFrame(draw) {
  let isWaiting = false;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      draw();
    });
  };
}

/**
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
function kept(children) {
  return /** @type {(Node | string)[]} */ (
    children.filter((child) => child !== null && child !== undefined && child !== false)
  );
}

/**
 * A button with an icon only; its label is read aloud and shown as a tooltip.
 *
 * @param {Node} icon
 * @param {string} label
 * @param {(event: MouseEvent) => void} onClick
 * @param {Record<string, any>} [props]
 */
export function iconButton(icon, label, onClick, props = {}) {
  const { class: extra = "", ...rest } = props;
  return h(
    "button",
    {
      type: "button",
      class: `icon-button ${extra}`.trim(),
      "aria-label": label,
      title: label,
      on: { click: onClick },
      ...rest,
    },
    icon,
  );
}
