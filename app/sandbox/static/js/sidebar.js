/**
 * The list of people who talk to the bot, and the way to make new ones.
 */

import { personAvatar } from "./avatar.js";
import { field, formOf, openDialog } from "./dialogs.js";
import { fill, h, iconButton, oncePerFrame } from "./dom.js";
import { icon } from "./icons.js";
import { themeButton } from "./theme.js";
import { toastError } from "./toasts.js";
import { fullName, listTime, summary } from "./wording.js";

/** @import { User } from "./types.js" */
/** @import { World } from "./world.js" */

const LANGUAGES = [
  ["en", "English"],
  ["ru", "Русский"],
  ["uz", "Oʻzbekcha"],
];

/** A load test may leave thousands behind; nobody looks for them here. */
const SHOWN = 200;

/**
 * @typedef {object} SidebarActions
 * @property {(userId: number) => void} open
 * @property {(userId: number) => void} openBeside
 * @property {() => void} toggleTools
 * @property {() => number[]} opened ids of the people whose chats are on the screen
 */

export class Sidebar {
  /**
   * @param {HTMLElement} element
   * @param {World} world
   * @param {SidebarActions} actions
   */
  constructor(element, world, actions) {
    this.world = world;
    this.actions = actions;
    this.list = h("ul", { class: "people" });
    fill(
      element,
      h(
        "header",
        { class: "sidebar-header" },
        h("h1", { class: "sidebar-title", text: "Starbrush" }),
        h("span", { class: "sidebar-tag", text: "playground" }),
        h("span", { class: "spring" }),
        themeButton(),
        iconButton(icon("tools"), "Sandbox tools", () => actions.toggleTools()),
      ),
      this.list,
      h(
        "button",
        { type: "button", class: "new-person", on: { click: () => void this.addPerson() } },
        icon("plus"),
        h("span", { text: "New person" }),
      ),
    );
    world.addEventListener(
      "change",
      oncePerFrame(() => this.update()),
    );
  }

  update() {
    const { users } = this.world;
    if (users.length === 0) {
      fill(
        this.list,
        h(
          "li",
          { class: "people-none" },
          h("strong", { text: "Nobody is here yet" }),
          h("span", { text: "Make a person and talk to the bot as them." }),
        ),
      );
      return;
    }
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.person;
    const hidden = users.length - SHOWN;
    fill(
      this.list,
      ...users.slice(0, SHOWN).map((user) => this.#row(user)),
      hidden > 0 && h("li", { class: "people-none", text: `and ${hidden} more who were silent for longer` }),
    );
    if (focused)
      /** @type {HTMLElement | null} */ (this.list.querySelector(`[data-person="${CSS.escape(focused)}"]`))?.focus({
        preventScroll: true,
      });
  }

  /** Ask for a name and a language, make the person and open their chat. */
  async addPerson() {
    const user = await this.createPerson();
    if (user) this.actions.open(user.id);
  }

  /** Ask for a name and a language and make the person; null when the question was dismissed. */
  createPerson() {
    return openDialog({ title: "New person" }, (/** @type {(user: User) => void} */ close) => {
      const name = /** @type {HTMLInputElement} */ (
        h("input", {
          class: "input",
          name: "first_name",
          required: true,
          maxlength: "64",
          autocomplete: "off",
          autofocus: true,
          placeholder: "Anna",
        })
      );
      const language = /** @type {HTMLSelectElement} */ (
        h(
          "select",
          { class: "input", name: "language_code" },
          ...LANGUAGES.map(([code, title]) => h("option", { value: code, text: title })),
        )
      );
      const create = async () => {
        try {
          close(await this.world.createUser(name.value.trim(), language.value));
        } catch (error) {
          toastError(error);
        }
      };
      return [
        formOf(
          [field("First name", name), field("Language of their Telegram", language)],
          "Create",
          () => void create(),
        ),
      ];
    });
  }

  /** @param {User} user */
  #row(user) {
    const isOpen = this.actions.opened().includes(user.id);
    const isUnread = this.world.isUnread(user) && !isOpen;
    const last = this.world.lastMessage(user.id);
    return h(
      "li",
      { class: `person ${isOpen ? "person-open" : ""}` },
      h(
        "button",
        {
          type: "button",
          class: "person-button",
          "aria-current": isOpen ? "true" : undefined,
          data: { person: String(user.id) },
          on: { click: () => this.actions.open(user.id) },
        },
        personAvatar(user),
        h(
          "span",
          { class: "person-words" },
          h(
            "span",
            { class: "person-line" },
            h("bdi", { class: "person-name", text: fullName(user) }),
            user.language_code && h("span", { class: "person-language", text: user.language_code }),
            last && h("time", { class: "person-time", text: listTime(last.date) }),
          ),
          h(
            "span",
            { class: "person-line" },
            h(
              "span",
              { class: "person-last" },
              last && !last.from.is_bot && h("span", { class: "person-you", text: "You: " }),
              h("bdi", { text: last ? summary(last) : "No messages yet" }),
            ),
            user.blocked &&
              h(
                "span",
                { class: "person-blocked", title: "Has blocked the bot" },
                icon("block"),
                h("span", { class: "visually-hidden", text: "has blocked the bot" }),
              ),
            isUnread && h("span", { class: "unread" }, h("span", { class: "visually-hidden", text: "unread" })),
          ),
        ),
      ),
      iconButton(icon("columns"), `Open the chat of ${fullName(user)} beside`, () => this.actions.openBeside(user.id), {
        class: "beside-button",
      }),
    );
  }
}
