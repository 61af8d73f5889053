/**
 * Everything the page knows: the bot, the people, their chats, and what is unread. Feeds the chats from the stream.
 */

import * as api from "./api.js";
import { Chat } from "./chat.js";
import { EventStream } from "./event-stream.js";

/** @import { Bot, Message, User } from "./types.js" */

const READ_KEY = "playground.read";

/** How soon to look again whether the app has taken what was sent. */
const DELIVERY_MS = 1000;
/** More waiting updates than this are not told apart. */
const UPDATES_LOOKED_AT = 200;

/** Dispatches `change` when people, their last words or unread marks changed, `connection` when the stream came or went. */
export class World extends EventTarget {
  /** @type {Map<number, User>} */
  #users = new Map();
  /** @type {Set<Map<number, User>>} who was made or changed while the people were asked for, by asking */
  #meanwhile = new Set();
  /** @type {Map<number, Chat>} */
  #chats = new Map();
  /** @type {Map<number, Message>} by chat */
  #lastMessages = new Map();
  /** @type {Record<string, number>} the newest message id that was seen, by chat */
  #read = JSON.parse(localStorage.getItem(READ_KEY) ?? "{}");
  #stream = new EventStream();
  /** Sandbox time minus the time of this browser. */
  #aheadMs = 0;
  #isWatchingDelivery = false;

  constructor() {
    super();
    /** @type {Bot | null} */
    this.bot = null;
    this.botName = "Bot";
    /** @type {"connecting" | "open" | "lost"} */
    this.connection = "connecting";
    this.#listen();
  }

  start() {
    this.#stream.connect();
  }

  /** @returns {User[]} those with the newest words first */
  get users() {
    const newest = (/** @type {User} */ user) => this.#lastMessages.get(user.id)?.message_id ?? 0;
    return [...this.#users.values()].sort((a, b) => newest(b) - newest(a) || b.id - a.id);
  }

  /** @param {number} userId */
  user(userId) {
    return this.#users.get(userId);
  }

  /** @param {number} userId */
  lastMessage(userId) {
    return this.#lastMessages.get(userId);
  }

  /**
   * The chat of a person; read from the sandbox when it is asked for first.
   *
   * @param {number} userId
   * @returns {Chat | null}
   */
  chat(userId) {
    const user = this.#users.get(userId);
    if (!user) return null;
    const known = this.#chats.get(userId);
    if (known) return known;
    const chat = new Chat(user, () => (Date.now() + this.#aheadMs) / 1000);
    this.#chats.set(userId, chat);
    chat.addEventListener("change", () => chat.hasUndelivered && void this.#watchDelivery());
    this.#loadChat(chat);
    return chat;
  }

  /** @param {string} firstName @param {string} languageCode */
  async createUser(firstName, languageCode) {
    const user = await api.createUser({ first_name: firstName, language_code: languageCode });
    this.#keepUser(user);
    return user;
  }

  /** @param {User} user @param {boolean} blocked */
  async setBlocked(user, blocked) {
    await api.setBlocked(user.id, blocked);
    this.#keepUser({ ...user, blocked });
  }

  /** @param {User} user */
  isUnread(user) {
    const last = this.#lastMessages.get(user.id);
    return Boolean(last?.from.is_bot && last.message_id > (this.#read[user.id] ?? 0));
  }

  /** @param {number} userId @param {number} messageId */
  markRead(userId, messageId) {
    if (messageId <= (this.#read[userId] ?? 0)) return;
    this.#read[userId] = messageId;
    localStorage.setItem(READ_KEY, JSON.stringify(this.#read));
    this.#changed();
  }

  /** Who is there and which bot: other programs make people and start the app too. */
  async refreshPeople() {
    /** @type {Map<number, User>} */
    const meanwhile = new Map();
    this.#meanwhile.add(meanwhile);
    try {
      const [bot, users] = await Promise.all([api.getBot(), api.listUsers()]);
      if (this.bot?.token !== bot.token) this.botName = (await api.callBotApi(bot.token, "getMe", {})).first_name;
      this.bot = bot;
      this.#aheadMs = Date.parse(bot.now) - Date.now();
      const group = groupOf(bot);
      this.#setUsers([...users, ...(group ? [group] : []), ...meanwhile.values()]);
    } finally {
      this.#meanwhile.delete(meanwhile);
    }
    this.#changed();
  }

  /** Try to connect at once instead of waiting for the next try. */
  reconnect() {
    this.#stream.connect();
  }

  #listen() {
    const stream = this.#stream;
    stream.addEventListener("open", () => void this.#opened());
    stream.addEventListener("lost", () => this.#setConnection("lost"));
    on(stream, "message", (chatId, message) => this.#keepMessage(chatId, message));
    on(stream, "edited", (chatId, message) => this.#keepMessage(chatId, message));
    on(stream, "deleted", (chatId, { message_ids }) => this.#dropMessages(chatId, message_ids));
    on(stream, "action", (chatId, { action }) => this.#chats.get(chatId)?.showAction(action));
    on(stream, "keyboard", (chatId, { reply_keyboard }) => this.#chats.get(chatId)?.setReplyKeyboard(reply_keyboard));
    on(stream, "status", (chatId, { blocked }) => {
      const user = this.#users.get(chatId);
      if (user) this.#keepUser({ ...user, blocked });
    });
    on(stream, "wallet", (chatId) => this.#chats.get(chatId)?.loadWallet());
    stream.addEventListener("reset", () => void this.#opened());
  }

  /** Something may have been missed while the stream was away: read everything again. */
  async #opened() {
    const before = new Map(this.#lastMessages);
    try {
      const [lastMessages] = await Promise.all([api.listLastMessages(), this.refreshPeople()]);
      const arrived = [...this.#lastMessages].filter(([chatId, message]) => message !== before.get(chatId));
      this.#lastMessages = new Map([
        ...lastMessages.map((message) => /** @type {const} */ ([message.chat.id, message])),
        ...arrived,
      ]);
      for (const chat of this.#chats.values()) this.#loadChat(chat);
      this.#setConnection("open");
      void this.#watchDelivery();
    } catch {
      this.#setConnection("lost");
    }
    this.#changed();
  }

  /** A failed reading is shown in the chat itself, with a button to try again. @param {Chat} chat */
  #loadChat(chat) {
    chat.load().catch(() => this.#changed());
  }

  /** @param {User[]} users */
  #setUsers(users) {
    this.#users = new Map(users.map((user) => [user.id, user]));
    for (const [userId, chat] of this.#chats) {
      const user = this.#users.get(userId);
      if (user) chat.user = user;
      else this.#chats.delete(userId);
    }
  }

  /** @param {User} user */
  #keepUser(user) {
    this.#users.set(user.id, user);
    for (const users of this.#meanwhile) users.set(user.id, user);
    const chat = this.#chats.get(user.id);
    if (chat) chat.user = user;
    this.#changed();
  }

  /** @param {number} chatId @param {Message} message */
  #keepMessage(chatId, message) {
    this.#chats.get(chatId)?.put(message);
    if (message.message_id >= (this.#lastMessages.get(chatId)?.message_id ?? 0))
      this.#lastMessages.set(chatId, message);
    if (!this.#users.has(chatId)) void this.refreshPeople().catch(() => this.#setConnection("lost"));
    this.#changed();
  }

  /** @param {number} chatId @param {number[]} messageIds */
  #dropMessages(chatId, messageIds) {
    this.#chats.get(chatId)?.remove(messageIds);
    const last = this.#lastMessages.get(chatId);
    if (last && messageIds.includes(last.message_id)) void this.#replaceLastMessage(chatId, last);
    this.#changed();
  }

  /** @param {number} chatId @param {Message} deleted */
  async #replaceLastMessage(chatId, deleted) {
    const lastMessages = await api.listLastMessages().catch(() => []);
    if (this.#lastMessages.get(chatId) !== deleted) return; // a newer one has come since
    const last = lastMessages.find((message) => message.chat.id === chatId);
    if (last) this.#lastMessages.set(chatId, last);
    else this.#lastMessages.delete(chatId);
    this.#changed();
  }

  /** Look at the queue of updates until the app has taken everything that was sent. */
  async #watchDelivery() {
    if (this.#isWatchingDelivery) return;
    this.#isWatchingDelivery = true;
    try {
      do {
        const known = new Map([...this.#chats.values()].map((chat) => [chat, chat.undelivered]));
        const { pending } = await api.listUpdates(UPDATES_LOOKED_AT);
        const waiting = pending.map((entry) => entry.update.message).filter(Boolean);
        for (const [chatId, chat] of this.#chats) {
          chat.setUndelivered(
            waiting.filter((message) => message.chat.id === chatId).map((message) => message.message_id),
            known.get(chat) ?? [],
          );
        }
        if (this.#hasUndelivered) await new Promise((resolve) => setTimeout(resolve, DELIVERY_MS));
      } while (this.#hasUndelivered && this.connection === "open");
    } catch {
      // The banner tells of a lost sandbox, and the next connection looks again.
    } finally {
      this.#isWatchingDelivery = false;
    }
  }

  get #hasUndelivered() {
    return [...this.#chats.values()].some((chat) => chat.hasUndelivered);
  }

  /** @param {"connecting" | "open" | "lost"} connection */
  #setConnection(connection) {
    this.connection = connection;
    this.dispatchEvent(new Event("connection"));
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * The alert chat may be a group; nobody in it can be played, but it can be read.
 *
 * @param {Bot} bot
 * @returns {User | null}
 */
function groupOf(bot) {
  const id = bot.alert_chat_id;
  return id !== null && id < 0 ? { id, first_name: "Alerts", isGroup: true } : null;
}

/**
 * @param {EventTarget} target
 * @param {string} name
 * @param {(chatId: number, data: any) => void} listener
 */
function on(target, name, listener) {
  target.addEventListener(name, (event) => {
    const { chat_id, data } = /** @type {CustomEvent} */ (event).detail;
    listener(chat_id, data);
  });
}
