/**
 * One chat on the screen: header, messages and foot, wired to the chat's state and to the person's wishes.
 */

import { callBotApi, listCommands } from "./api.js";
import { botAvatar } from "./avatar.js";
import { Composer } from "./composer.js";
import { alertDialog, confirmDialog, jsonDialog, promptDialog } from "./dialogs.js";
import { fill, h, iconButton, oncePerFrame } from "./dom.js";
import { choosePerson, readLink } from "./deep-link.js";
import { acceptDrops } from "./drop-zone.js";
import { icon } from "./icons.js";
import { MessageList } from "./message-list.js";
import { openPhotoViewer } from "./photo-viewer.js";
import { openMenu } from "./popup-menu.js";
import { openPaymentSheet, openReceipt } from "./stars/payment-sheet.js";
import { openWallet } from "./stars/wallet-dialog.js";
import { starAmount } from "./stars/wording.js";
import { reported, toast, toastError } from "./toasts.js";
import { actionTitle, fullName } from "./wording.js";

/** @import { BubbleActions } from "./bubble.js" */
/** @import { Chat } from "./chat.js" */
/** @import { CallbackAnswer, Message, User } from "./types.js" */
/** @import { World } from "./world.js" */

/**
 * @typedef {object} ColumnActions
 * @property {() => void} back
 * @property {() => void} close
 * @property {() => void} toggleTools
 * @property {(userId: number) => void} openBeside another person's chat
 * @property {() => Promise<User | null>} addPerson
 */

export class ChatColumn {
  #description = "";
  #listeners = new AbortController();

  /**
   * @param {World} world
   * @param {Chat} chat
   * @param {ColumnActions} actions
   */
  constructor(world, chat, actions) {
    this.world = world;
    this.chat = chat;
    this.actions = actions;
    this.composer = new Composer(chat);
    this.list = new MessageList(chat, this.#bubbleActions(), () => this.markRead());
    this.title = h("bdi", { class: "header-title" });
    this.status = h("span", { class: "header-status", "aria-live": "polite" });
    this.stars = /** @type {HTMLButtonElement} */ (
      h("button", {
        type: "button",
        class: "stars-button",
        title: "Stars of this person",
        on: { click: () => void openWallet(chat.wallet, chat.now) },
      })
    );
    this.notice = h("div", { class: "notice", role: "status", hidden: true });
    this.body = h("div", { class: "column-body" });
    this.foot = h("div", { class: "column-foot" });
    this.element = h(
      "section",
      { class: "column", "aria-label": `Chat of ${fullName(chat.user)}`, data: { user: String(chat.user.id) } },
      this.#header(),
      this.notice,
      this.body,
      this.foot,
    );
    acceptDrops(this.element, (files, wishes) => void this.composer.offerFiles(files, wishes));
    const { signal } = this.#listeners;
    const redraw = oncePerFrame(() => !signal.aborted && this.update());
    chat.addEventListener("change", redraw, { signal });
    chat.addEventListener("sent", () => this.list.scrollToEnd(false), { signal });
    chat.addEventListener("answer", (event) => this.#answered(/** @type {CustomEvent} */ (event).detail), { signal });
    world.addEventListener("change", redraw, { signal });
    void this.#askBot();
    this.update();
  }

  /** The column is taken off the screen. */
  destroy() {
    this.#listeners.abort();
    this.element.remove();
  }

  focus() {
    this.composer.input.focus({ preventScroll: true });
  }

  update() {
    const { bot } = this.world;
    this.title.textContent = this.world.botName;
    this.#drawStatus();
    this.#drawStars();
    this.notice.hidden = !bot || Boolean(bot.webhook_url);
    this.notice.textContent = "The app is not connected: no webhook is set. Updates wait here until it starts.";
    this.#drawBody();
    this.#drawFoot();
    this.composer.update();
  }

  markRead() {
    if (document.hidden || !this.element.isConnected || this.element.offsetParent === null) return;
    const newest = this.chat.messages.reduce(
      (id, message) => (message.pending ? id : Math.max(id, message.message_id)),
      0,
    );
    this.world.markRead(this.chat.user.id, newest);
  }

  #header() {
    const menuButton = iconButton(icon("more"), "Chat menu", () => this.#openMenu(menuButton), {
      "aria-haspopup": "menu",
    });
    return h(
      "header",
      { class: "column-header" },
      iconButton(icon("back"), "Back to the people", () => this.actions.back(), { class: "back-button" }),
      botAvatar(),
      h("div", { class: "header-words" }, this.title, this.status),
      this.stars,
      iconButton(icon("close"), "Close this chat", () => this.actions.close(), { class: "close-button" }),
      iconButton(icon("tools"), "Sandbox tools", () => this.actions.toggleTools(), { class: "tools-button" }),
      menuButton,
    );
  }

  #drawStatus() {
    const { action, user } = this.chat;
    this.status.classList.toggle("header-acting", action !== null);
    if (action !== null) {
      fill(
        this.status,
        h("span", { text: actionTitle(action) }),
        h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
      );
      return;
    }
    const language = user.language_code ? ` · ${user.language_code}` : "";
    fill(this.status, user.isGroup ? "group " : "you are ", h("bdi", { text: fullName(user) }), language);
  }

  #drawStars() {
    const { stars } = this.chat.wallet;
    this.stars.hidden = stars === null;
    this.stars.setAttribute("aria-label", `Wallet, ${stars ?? 0} Stars`);
    fill(this.stars, starAmount(stars ?? 0));
  }

  #drawBody() {
    const { chat } = this;
    if (chat.state === "failed") {
      const retry = h("button", {
        type: "button",
        class: "primary-button",
        text: "Try again",
        on: { click: () => void reported(chat.load()) },
      });
      fill(this.body, h("div", { class: "instead" }, h("p", { text: "The chat could not be read." }), retry));
    } else if (chat.state === "loading") {
      fill(
        this.body,
        h(
          "div",
          { class: "instead" },
          h("span", { class: "spinner", role: "status", "aria-label": "Reading the chat" }),
        ),
      );
    } else if (chat.messages.length === 0) {
      fill(this.body, this.#introduction());
    } else {
      if (this.list.element.parentElement !== this.body) fill(this.body, this.list.element);
      this.list.update();
    }
  }

  #introduction() {
    const name = this.title.textContent ?? "the bot";
    return h(
      "div",
      { class: "instead" },
      h(
        "div",
        { class: "introduction" },
        botAvatar("avatar-large"),
        h("h2", { text: "What can this bot do?" }),
        h("p", { dir: "auto", text: this.#description || `Press Start and ${name} will say.` }),
      ),
    );
  }

  #drawFoot() {
    const { chat } = this;
    const { user } = chat;
    const wanted = user.isGroup
      ? "nothing"
      : user.blocked
        ? "blocked"
        : chat.state === "ready" && chat.messages.length === 0
          ? "start"
          : "composer";
    if (this.foot.dataset.shows === wanted) return;
    this.foot.dataset.shows = wanted;
    if (wanted === "nothing")
      fill(
        this.foot,
        h("p", { class: "foot-note", text: "A group that the bot writes to. There is only reading here." }),
      );
    else if (wanted === "composer") fill(this.foot, this.composer.element);
    else if (wanted === "start")
      fill(
        this.foot,
        this.#footButton("Start", () => chat.sendText("/start")),
      );
    else
      fill(
        this.foot,
        this.#footButton("Unblock the bot", () => this.world.setBlocked(user, false)),
      );
  }

  /** @param {string} label @param {() => Promise<unknown>} work */
  #footButton(label, work) {
    return h("button", {
      type: "button",
      class: "foot-button",
      text: label,
      on: { click: () => void reported(work()) },
    });
  }

  /** What Telegram's clients know of a bot: its commands and description in the person's language. */
  async #askBot() {
    const { user } = this.chat;
    const token = this.world.bot?.token;
    if (!token || user.isGroup) return;
    try {
      const [commands, own, plain] = await Promise.all([
        listCommands(user.id),
        callBotApi(token, "getMyDescription", { language_code: user.language_code ?? "" }),
        callBotApi(token, "getMyDescription", {}),
      ]);
      this.composer.setCommands(commands);
      this.#description = own.description || plain.description;
    } catch (error) {
      toastError(error);
    }
    this.update();
  }

  /** @param {CallbackAnswer} answer */
  #answered(answer) {
    if (answer.url) void this.#openLink(answer.url);
    if (!answer.text) return;
    if (!answer.show_alert) toast(answer.text);
    // After the frame that draws the button at rest again, so that the window gives the focus back to what is there.
    else requestAnimationFrame(() => void alertDialog(this.title.textContent ?? "Bot", answer.text ?? ""));
  }

  /** @returns {BubbleActions} */
  #bubbleActions() {
    return {
      openPhoto: (message) =>
        openPhotoViewer(
          this.chat.messages.filter((other) => other.photo),
          message,
        ),
      jumpTo: (messageId) => this.list.jumpTo(messageId),
      openMenu: (message, at) => openMenu(at, this.#messageMenu(message)),
      reply: (message) => !message.pending && this.composer.replyTo(message),
      retry: (message) => this.chat.retry(message),
      tap: (message, data) => void reported(this.chat.tap(message, data)),
      isUndelivered: (messageId) => this.chat.isUndelivered(messageId),
      isWaiting: (messageId, data) => this.chat.isWaiting(messageId, data),
      openLink: (url) => void this.#openLink(url),
      pay: (message) => void this.#pay(message),
      receiptOf: (messageId) => this.chat.wallet.receiptOf(messageId),
      titleOf: (chargeId) => this.chat.wallet.paymentOf(chargeId)?.title ?? null,
      openReceipt: (chargeId) => void reported(openReceipt(this.chat.wallet, chargeId, this.world.botName)),
      copyText: (text) => void this.#copy(text),
      prefill: (text) => this.composer.prefill(text),
      sendCommand: (command) => void this.chat.sendText(command).catch(() => undefined),
    };
  }

  /** @param {Message} message */
  #messageMenu(message) {
    const text = message.text ?? message.caption;
    const items = [];
    if (message.pending?.state === "failed") {
      items.push({ label: "Send again", icon: "restart", choose: () => this.chat.retry(message) });
      items.push({ label: "Delete", icon: "trash", isDangerous: true, choose: () => this.chat.discard(message) });
    }
    if (!message.pending) items.push({ label: "Reply", icon: "reply", choose: () => this.composer.replyTo(message) });
    if (text) items.push({ label: "Copy text", icon: "copy", choose: () => void this.#copy(text) });
    items.push({ label: "Show as JSON", icon: "braces", choose: () => void jsonDialog("Message", message) });
    return items;
  }

  /** @param {HTMLElement} at */
  #openMenu(at) {
    const { user } = this.chat;
    openMenu(at, [
      { label: "Send /start", icon: "restart", choose: () => void this.chat.sendText("/start").catch(() => undefined) },
      { label: "Start with a parameter…", icon: "link", choose: () => void this.#startWithParameter() },
      { label: "Show the person as JSON", icon: "braces", choose: () => void jsonDialog(fullName(user), user) },
      user.blocked
        ? { label: "Unblock the bot", icon: "restart", choose: () => void reported(this.world.setBlocked(user, false)) }
        : {
            label: "Stop and block the bot",
            icon: "block",
            isDangerous: true,
            choose: () => void reported(this.world.setBlocked(user, true)),
          },
    ]);
  }

  async #startWithParameter() {
    const parameter = await promptDialog({
      title: "Start with a parameter",
      label: "Parameter of the deep link",
      confirm: "Start",
      pattern: "[A-Za-z0-9_\\-]{1,64}",
    });
    if (parameter) await this.chat.sendText(`/start ${parameter}`).catch(() => undefined);
  }

  /** An invoice is paid once; afterwards its button shows the receipt. @param {Message} message */
  async #pay(message) {
    const { wallet } = this.chat;
    const chargeId = wallet.receiptOf(message.message_id);
    if (chargeId !== null) await reported(openReceipt(wallet, chargeId, this.world.botName));
    else await reported(openPaymentSheet(wallet, { message_id: message.message_id }, this.world.botName));
  }

  /**
   * Invoices are paid here and the bot is started here, or as somebody else; any other link asks first, as Telegram
   * does.
   *
   * @param {string} url
   */
  async #openLink(url) {
    const target = readLink(url, this.world.bot?.username ?? "");
    if (target.kind === "share") await this.#openLink(target.url);
    else if (target.kind === "invoice")
      await reported(openPaymentSheet(this.chat.wallet, { link: url }, this.world.botName));
    else if (target.kind === "start") await this.#startBy(target.parameter);
    else if (await confirmDialog({ title: "Open this link?", text: url, confirm: "Open" }))
      window.open(url, "_blank", "noopener,noreferrer");
  }

  /** @param {string} parameter of a link to the bot; empty when it has none */
  async #startBy(parameter) {
    const words = `/start ${parameter}`.trim();
    const self = this.chat.user;
    const chosen = parameter === "" ? self : await choosePerson(self, this.world.users, parameter);
    const person = chosen === "new" ? await this.actions.addPerson() : chosen;
    if (!person) return;
    if (person.id !== self.id) this.actions.openBeside(person.id);
    await this.world.chat(person.id)?.sendText(words).catch(() => undefined);
  }

  /** @param {string} text */
  async #copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      toast("Copied.");
    } catch {
      toast("The browser does not allow copying here.", "error");
    }
  }
}
