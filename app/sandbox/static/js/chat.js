/**
 * One person's chat with the bot: its messages, what is on its way out, what the bot is doing and which buttons wait
 * for an answer. Knows the control API, knows no element.
 */

import * as api from "./api.js";
import { Wallet } from "./stars/wallet.js";

/** @import { CallbackAnswer, FileRef, Message, Pending, ReplyMarkup, User } from "./types.js" */

/** Telegram shows a chat action for five seconds unless the bot repeats it. */
const ACTION_SHOWN_MS = 5000;

/** @typedef {Map<number, Message | null>} Changes by message id, null for a deleted one */

/**
 * Dispatches `change` after anything visible changed, `sent` when a person's own message was added, and `answer`
 * (`detail`: CallbackAnswer) when the bot answers a tapped button with words.
 */
export class Chat extends EventTarget {
  /** @type {Map<number, Message>} */
  #messages = new Map();
  /** @type {Set<Changes>} what happened while the chat was being read, which the answer may not know yet */
  #meanwhile = new Set();
  /** How often the stream has told of the keyboard: what was asked for before that is older than it. */
  #keyboardChanges = 0;
  /** @type {Map<string, {message: Message, send: () => Promise<any>}>} */
  #outbox = new Map();
  /** @type {Message[]} own messages that the stream brought before the answer to their sending */
  #early = [];
  /** @type {Set<string>} */
  #waitingButtons = new Set();
  /** @type {Map<number, string>} by message id, under which key it was shown while it was sent */
  #sentAs = new Map();
  /** @type {Set<number>} */
  #undelivered = new Set();
  #sending = 0;
  #lastKey = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #actionTimer;

  /**
   * @param {User} user
   * @param {() => number} now the sandbox's clock, in seconds since 1970
   */
  constructor(user, now) {
    super();
    this.user = user;
    this.now = now;
    this.wallet = new Wallet(user.id);
    this.wallet.addEventListener("change", () => this.#changed());
    /** @type {"loading" | "ready" | "failed"} */
    this.state = "loading";
    /** @type {string | null} the bot's chat action, "typing" for example */
    this.action = null;
    /** @type {ReplyMarkup | null} the keyboard under the text field */
    this.replyKeyboard = null;
  }

  /** Stored messages and those on their way, which stand where they were written. @returns {Message[]} */
  get messages() {
    const place = (/** @type {Message} */ message) =>
      message.pending ? message.pending.after + 0.5 : message.message_id;
    const waiting = [...this.#outbox.values()].map((entry) => entry.message);
    return [...this.#messages.values(), ...waiting].sort((a, b) => place(a) - place(b));
  }

  /** @returns {Message | undefined} */
  get lastMessage() {
    return this.messages.at(-1);
  }

  /** @param {number} messageId */
  find(messageId) {
    return this.#messages.get(messageId);
  }

  /** @param {number} messageId */
  pendingKeyOf(messageId) {
    return this.#sentAs.get(messageId);
  }

  /** @param {number} messageId whether the app has not taken this message of the person's yet */
  isUndelivered(messageId) {
    return this.#undelivered.has(messageId);
  }

  get hasUndelivered() {
    return this.#undelivered.size > 0;
  }

  /** What the app has not taken yet, as far as is known now. @returns {number[]} message ids */
  get undelivered() {
    return [...this.#undelivered];
  }

  /** What was paid shows at the invoices; without it they only look unpaid. */
  loadWallet() {
    if (!this.user.isGroup) this.wallet.load().catch(() => undefined);
  }

  /** Read the whole chat again: at the start, and after the stream was lost and something may have been missed. */
  async load() {
    /** @type {Changes} */
    const meanwhile = new Map();
    this.#meanwhile.add(meanwhile);
    const keyboardChanges = this.#keyboardChanges;
    this.loadWallet();
    try {
      const { messages, reply_keyboard } = await api.getChat(this.user.id);
      this.#messages = new Map(messages.map((message) => [message.message_id, message]));
      for (const [id, message] of meanwhile) this.#keep(id, message);
      if (keyboardChanges === this.#keyboardChanges) this.replyKeyboard = reply_keyboard;
      this.state = "ready";
    } catch (error) {
      if (this.state !== "ready") this.state = "failed";
      throw error;
    } finally {
      this.#meanwhile.delete(meanwhile);
      this.#changed();
    }
  }

  /** @param {Message} message a new or an edited one */
  put(message) {
    const isOwnNew = !message.from.is_bot && !this.#messages.has(message.message_id);
    if (isOwnNew && this.#sending > 0) {
      this.#early.push(message);
      return;
    }
    this.#keep(message.message_id, message);
    if (message.from.is_bot) this.#setAction(null);
    this.#changed();
  }

  /** @param {number[]} messageIds */
  remove(messageIds) {
    for (const id of messageIds) this.#keep(id, null);
    this.#changed();
  }

  /** @param {ReplyMarkup | null} markup */
  setReplyKeyboard(markup) {
    this.#keyboardChanges += 1;
    this.replyKeyboard = markup;
    this.#changed();
  }

  /**
   * @param {Iterable<number>} messageIds what the app has not taken yet, of all that was sent
   * @param {Iterable<number>} known `undelivered` before that was asked: of what was sent since, the answer knows nothing
   */
  setUndelivered(messageIds, known) {
    const asked = new Set(known);
    const ids = new Set([...messageIds, ...this.undelivered.filter((id) => !asked.has(id))]);
    if (ids.size === this.#undelivered.size && [...ids].every((id) => this.#undelivered.has(id))) return;
    this.#undelivered = ids;
    this.#changed();
  }

  /** @param {string} action */
  showAction(action) {
    this.#setAction(action);
    this.#changed();
  }

  /**
   * @param {string} text
   * @param {Message} [replyTo]
   */
  sendText(text, replyTo) {
    const message = this.#draft({ text, reply_to_message: replyTo });
    return this.#send([message], () => api.sendText(this.user.id, text, replyTo?.message_id));
  }

  /**
   * Send pictures or files; several become an album, and the words belong to its first part.
   *
   * @param {"photo" | "document"} kind
   * @param {File[]} files
   * @param {string} caption
   * @param {Message} [replyTo]
   */
  sendFiles(kind, files, caption, replyTo) {
    const media_group_id = files.length > 1 ? `out-${this.#lastKey}` : undefined;
    const drafts = files.map((file, index) =>
      this.#draft({
        ...(kind === "photo" ? { photo: [localFile(file)] } : { document: localFile(file) }),
        media_group_id,
        caption: (index === 0 && caption) || undefined,
        reply_to_message: replyTo,
      }),
    );
    return this.#send(drafts, () => api.sendFiles(this.user.id, kind, files, caption, replyTo?.message_id));
  }

  /** @param {Message} message one that failed */
  retry(message) {
    const entry = message.pending && this.#outbox.get(message.pending.key);
    if (!entry) return;
    const siblings = [...this.#outbox.values()]
      .filter((other) => other.send === entry.send)
      .map((other) => other.message);
    void this.#send(siblings, entry.send);
  }

  /** @param {Message} message one that failed */
  discard(message) {
    const entry = message.pending && this.#outbox.get(message.pending.key);
    if (!entry) return;
    for (const [key, other] of this.#outbox) if (other.send === entry.send) this.#outbox.delete(key);
    this.#changed();
  }

  /**
   * @param {Message} message
   * @param {string} data
   */
  async tap(message, data) {
    const key = buttonKey(message.message_id, data);
    this.#waitingButtons.add(key);
    this.#changed();
    let answer;
    try {
      answer = await api.tapButton(this.user.id, message.message_id, data);
    } finally {
      this.#waitingButtons.delete(key);
      this.#changed();
    }
    if (answer?.text || answer?.url) this.dispatchEvent(new CustomEvent("answer", { detail: answer }));
  }

  /**
   * @param {number} messageId
   * @param {string} data
   */
  isWaiting(messageId, data) {
    return this.#waitingButtons.has(buttonKey(messageId, data));
  }

  /** @param {Partial<Message>} content @returns {Message} */
  #draft(content) {
    this.#lastKey += 1;
    return {
      message_id: Number.MAX_SAFE_INTEGER,
      date: Math.floor(this.now()),
      from: this.user,
      chat: { id: this.user.id },
      pending: { key: `out-${this.#lastKey}`, after: Math.max(0, ...this.#messages.keys()), state: "sending" },
      ...content,
    };
  }

  /**
   * Show the drafts at once, send them, and put the stored messages in their place.
   *
   * @param {Message[]} drafts
   * @param {() => Promise<any>} send
   */
  async #send(drafts, send) {
    for (const draft of drafts) this.#post(draft, { state: "sending" }, send);
    this.#sending += 1;
    this.#changed();
    this.dispatchEvent(new Event("sent"));
    try {
      const answer = await send();
      this.#stored(drafts, answer.messages ?? [answer.message]);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      for (const draft of drafts) this.#post(draft, { state: "failed", error: text }, send);
      throw error;
    } finally {
      this.#sending -= 1;
      if (this.#sending === 0) for (const message of this.#early.splice(0)) this.#keep(message.message_id, message);
      this.#changed();
    }
  }

  /**
   * @param {Message} draft
   * @param {{state: "sending" | "failed", error?: string}} progress
   * @param {() => Promise<any>} send
   */
  #post(draft, progress, send) {
    const { key, after } = /** @type {Pending} */ (draft.pending);
    this.#outbox.set(key, { message: { ...draft, pending: { key, after, ...progress } }, send });
  }

  /** @param {Message[]} drafts @param {Message[]} messages */
  #stored(drafts, messages) {
    for (const [index, draft] of drafts.entries()) {
      const key = /** @type {string} */ (draft.pending?.key);
      this.#outbox.delete(key);
      for (const file of [...(draft.photo ?? []), draft.document])
        if (file?.localUrl) URL.revokeObjectURL(file.localUrl);
      this.#sentAs.set(messages[index].message_id, key);
      this.#undelivered.add(messages[index].message_id);
    }
    for (const message of messages) this.#keep(message.message_id, message);
  }

  /** @param {number} messageId @param {Message | null} message null when it was deleted */
  #keep(messageId, message) {
    if (message) this.#messages.set(messageId, message);
    else this.#messages.delete(messageId);
    for (const changes of this.#meanwhile) changes.set(messageId, message);
  }

  /** @param {string | null} action */
  #setAction(action) {
    clearTimeout(this.#actionTimer);
    this.action = action;
    if (action === null) return;
    this.#actionTimer = setTimeout(() => {
      this.action = null;
      this.#changed();
    }, ACTION_SHOWN_MS);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * @param {number} messageId
 * @param {string} data
 */
const buttonKey = (messageId, data) => `${messageId}\n${data}`;

/** @param {File} file @returns {FileRef} */
const localFile = (file) => ({
  file_id: "",
  file_name: file.name,
  file_size: file.size,
  mime_type: file.type,
  localUrl: URL.createObjectURL(file),
});
