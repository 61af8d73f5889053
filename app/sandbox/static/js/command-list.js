/**
 * The list of the bot's commands above the text field, as a listbox that the field drives by its arrow keys.
 */

import { h } from "./dom.js";
import { botAvatar } from "./avatar.js";

/** @typedef {{command: string, description: string}} Command */

export class CommandList {
  /** @type {Command[]} */
  #shown = [];
  #active = 0;

  /**
   * @param {string} id for the field's aria-controls
   * @param {(command: string) => void} choose
   */
  constructor(id, choose) {
    this.choose = choose;
    this.element = h("div", {
      class: "commands",
      role: "listbox",
      id,
      "aria-label": "Commands of the bot",
      hidden: true,
    });
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** The id of the marked option, for the field's aria-activedescendant. */
  get activeId() {
    return this.isOpen ? `${this.element.id}-${this.#active}` : "";
  }

  /** @param {Command[]} commands none closes the list */
  show(commands) {
    this.#shown = commands;
    this.#active = 0;
    this.element.hidden = commands.length === 0;
    this.#draw();
  }

  close() {
    this.show([]);
  }

  /** @param {1 | -1} step */
  move(step) {
    this.#active = (this.#active + step + this.#shown.length) % this.#shown.length;
    this.#draw();
    this.element.children[this.#active]?.scrollIntoView({ block: "nearest" });
  }

  chooseActive() {
    this.choose(`/${this.#shown[this.#active].command}`);
  }

  #draw() {
    this.element.replaceChildren(
      ...this.#shown.map(({ command, description }, index) =>
        h(
          "div",
          {
            class: "command",
            role: "option",
            id: `${this.element.id}-${index}`,
            "aria-selected": String(index === this.#active),
            // pointerdown would take the focus out of the text field
            on: {
              pointerdown: (/** @type {Event} */ event) => event.preventDefault(),
              click: () => this.choose(`/${command}`),
            },
          },
          botAvatar("avatar-small"),
          h("span", { class: "command-name", text: `/${command}` }),
          h("bdi", { class: "command-description", text: description }),
        ),
      ),
    );
  }
}
