/**
 * The foot of a chat: text field, attachments, commands, the answered message and the bot's reply keyboard.
 */

import { attachmentDialog, isPicture } from "./attachment-dialog.js";
import { CommandList } from "./command-list.js";
import { fill, h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { reported } from "./toasts.js";
import { fullName, summary } from "./wording.js";

/** @import { Chat } from "./chat.js" */
/** @import { Command } from "./command-list.js" */
/** @import { Button, Message, ReplyMarkup } from "./types.js" */

const LONGEST_TEXT = 4096;
const TALLEST_FIELD = 220;

export class Composer {
  /** @type {Message | undefined} */
  #replyTo;
  /** @type {Command[]} */
  #commands = [];
  /** @type {ReplyMarkup | null} the keyboard that is there, shown or folded away */
  #keyboard = null;
  #isKeyboardFolded = false;

  /** @param {Chat} chat */
  constructor(chat) {
    this.chat = chat;
    const id = `commands-${chat.user.id}`;
    this.commandList = new CommandList(id, (command) => this.#sendCommand(command));
    this.input = /** @type {HTMLTextAreaElement} */ (
      h("textarea", {
        class: "composer-input",
        rows: "1",
        placeholder: "Message",
        "aria-label": "Message",
        dir: "auto",
        role: "combobox",
        "aria-autocomplete": "list",
        "aria-controls": id,
        "aria-expanded": "false",
        autocomplete: "off",
      })
    );
    this.replyBar = h("div", { class: "reply-bar", hidden: true });
    this.menuButton = h(
      "button",
      {
        type: "button",
        class: "commands-button",
        "aria-label": "Commands",
        hidden: true,
        on: { click: () => this.#toggleCommands() },
      },
      icon("menu"),
      h("span", { class: "commands-label", text: "Menu" }),
    );
    this.keyboardButton = iconButton(icon("keyboard"), "Show or hide the bot's keyboard", () => this.#foldKeyboard(), {
      class: "composer-tool",
      hidden: true,
    });
    this.picker = /** @type {HTMLInputElement} */ (
      h("input", {
        type: "file",
        multiple: true,
        class: "visually-hidden",
        tabindex: "-1",
        "aria-label": "Files to send",
      })
    );
    this.sendButton = h(
      "button",
      { type: "submit", class: "send-button", "aria-label": "Send", title: "Send" },
      icon("send"),
    );
    this.keyboardElement = h("div", {
      class: "reply-keyboard",
      role: "group",
      "aria-label": "Keyboard of the bot",
      hidden: true,
    });
    const field = h(
      "div",
      { class: "composer-field" },
      this.menuButton,
      this.input,
      this.keyboardButton,
      iconButton(icon("attach"), "Attach files", () => this.picker.click(), { class: "composer-tool" }),
      this.picker,
    );
    this.element = h(
      "form",
      { class: "composer" },
      this.commandList.element,
      this.replyBar,
      h("div", { class: "composer-row" }, field, this.sendButton),
      this.keyboardElement,
    );
    this.#listen();
  }

  /** @param {Command[]} commands */
  setCommands(commands) {
    this.#commands = commands;
    this.menuButton.hidden = commands.length === 0;
    this.#matchCommands();
  }

  /** Show the keyboard that the chat now has. */
  update() {
    const keyboard = this.chat.replyKeyboard;
    if (JSON.stringify(keyboard) === JSON.stringify(this.#keyboard)) return;
    this.#keyboard = keyboard;
    this.#isKeyboardFolded = false;
    this.input.placeholder = keyboard?.input_field_placeholder ?? "Message";
    this.#drawKeyboard();
  }

  /** @param {Message} message */
  replyTo(message) {
    this.#replyTo = message;
    fill(
      this.replyBar,
      icon("reply"),
      h(
        "span",
        { class: "reply-bar-words" },
        h("bdi", { class: "reply-name", text: fullName(message.from) }),
        h("bdi", { class: "reply-words", text: summary(message) }),
      ),
      iconButton(icon("close"), "Do not answer this message", () => this.#endReply()),
    );
    this.replyBar.hidden = false;
    this.input.focus();
  }

  /** @param {string} text */
  prefill(text) {
    this.input.value = text;
    this.#typed();
    this.input.focus();
  }

  /**
   * Ask what to do with chosen, dropped or pasted files, and send them.
   *
   * @param {File[]} files
   * @param {{asFiles: boolean}} wishes
   */
  async offerFiles(files, { asFiles }) {
    if (files.length === 0) return;
    const shipment = await attachmentDialog(files, { asFiles, caption: this.input.value.trim() });
    if (!shipment) return;
    this.input.value = "";
    this.#typed();
    const replyTo = this.#endReply();
    for (const [index, { kind, files: parts }] of shipment.parcels.entries()) {
      const caption = index === shipment.parcels.length - 1 ? shipment.caption : "";
      await reported(this.chat.sendFiles(kind, parts, caption, replyTo));
    }
  }

  #listen() {
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.input.addEventListener("blur", () => this.#closeCommands());
    this.input.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      void this.offerFiles(files, { asFiles: false });
    });
    this.picker.addEventListener("change", () => {
      const files = [...(this.picker.files ?? [])];
      this.picker.value = "";
      void this.offerFiles(files, { asFiles: !files.some(isPicture) });
    });
  }

  #submit() {
    const text = this.input.value.trim();
    if (!text) return;
    this.input.value = "";
    this.#typed();
    const replyTo = this.#endReply();
    for (const part of split(text)) void this.chat.sendText(part, replyTo).catch(() => undefined);
  }

  /** @param {string} command */
  #sendCommand(command) {
    this.input.value = "";
    this.#typed();
    this.#closeCommands();
    void this.chat.sendText(command).catch(() => undefined);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing) return;
    if (this.commandList.isOpen && this.#commandKey(event)) {
      event.preventDefault();
      this.#describeCommands();
    } else if (event.key === "Enter" && !event.shiftKey && !isTouch()) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape" && this.#replyTo) {
      this.#endReply();
    }
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the list took the key */
  #commandKey(event) {
    if (event.key === "ArrowDown") this.commandList.move(1);
    else if (event.key === "ArrowUp") this.commandList.move(-1);
    else if (event.key === "Escape") this.commandList.close();
    else if (event.key === "Enter" && !event.shiftKey) this.commandList.chooseActive();
    else return false;
    return true;
  }

  #typed() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, TALLEST_FIELD)}px`;
    this.element.classList.toggle("composer-ready", this.input.value.trim() !== "");
    this.#matchCommands();
  }

  /** List the commands that begin with what is written. */
  #matchCommands() {
    const prefix = /^\/([a-z0-9_]*)$/iu.exec(this.input.value)?.[1];
    this.commandList.show(
      prefix === undefined ? [] : this.#commands.filter(({ command }) => command.startsWith(prefix.toLowerCase())),
    );
    this.#describeCommands();
  }

  #toggleCommands() {
    if (this.commandList.isOpen) this.commandList.close();
    else this.commandList.show(this.#commands);
    this.#describeCommands();
    this.input.focus();
  }

  #closeCommands() {
    this.commandList.close();
    this.#describeCommands();
  }

  #describeCommands() {
    this.input.setAttribute("aria-expanded", String(this.commandList.isOpen));
    this.input.setAttribute("aria-activedescendant", this.commandList.activeId);
  }

  /** @returns {Message | undefined} the message that was being answered */
  #endReply() {
    const message = this.#replyTo;
    this.#replyTo = undefined;
    this.replyBar.hidden = true;
    return message;
  }

  #foldKeyboard() {
    this.#isKeyboardFolded = !this.#isKeyboardFolded;
    this.#drawKeyboard();
  }

  #drawKeyboard() {
    const rows = this.#keyboard?.keyboard ?? [];
    this.keyboardButton.hidden = rows.length === 0;
    this.keyboardButton.setAttribute("aria-expanded", String(!this.#isKeyboardFolded));
    this.keyboardElement.hidden = rows.length === 0 || this.#isKeyboardFolded;
    fill(
      this.keyboardElement,
      ...rows.map((row) =>
        h("div", { class: "reply-keyboard-row" }, ...row.map((button) => this.#replyButton(button))),
      ),
    );
  }

  /** @param {Button | string} button */
  #replyButton(button) {
    const text = typeof button === "string" ? button : button.text;
    const style = typeof button === "string" ? undefined : button.style;
    const press = () => {
      void this.chat.sendText(text).catch(() => undefined);
      if (this.#keyboard?.one_time_keyboard) this.#foldKeyboard();
    };
    return h(
      "button",
      { type: "button", class: `reply-button ${style ? `keyboard-${style}` : ""}`, on: { click: press } },
      h("bdi", { text }),
    );
  }
}

/** Telegram's own clients cut what is too long into several messages. @param {string} text @returns {string[]} */
function split(text) {
  /** @type {string[]} */
  const parts = [];
  for (let start = 0; start < text.length; start += LONGEST_TEXT) parts.push(text.slice(start, start + LONGEST_TEXT));
  return parts;
}

/** On a phone Enter makes a new line, as there is a send button under the thumb. */
const isTouch = () => window.matchMedia("(pointer: coarse)").matches;
