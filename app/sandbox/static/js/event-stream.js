/**
 * The live stream of the sandbox: connects, tells whether it is connected, and comes back by itself after a loss.
 */

import { EVENTS_URL } from "./api.js";

const NAMES = ["message", "edited", "deleted", "action", "keyboard", "status", "wallet", "reset"];
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8000;

/** Dispatches `open`, `lost` and one CustomEvent per server event, whose `detail` is `{chat_id, data}`. */
export class EventStream extends EventTarget {
  /** @type {EventSource | null} */
  #source = null;
  #retryMs = FIRST_RETRY_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** Connect now, whether for the first time, by a person's wish or because a wait is over. */
  connect() {
    clearTimeout(this.#timer);
    this.#source?.close();
    const source = new EventSource(EVENTS_URL);
    this.#source = source;
    // Not `open`: from `ready` on nothing is missed.
    source.addEventListener("ready", () => {
      this.#retryMs = FIRST_RETRY_MS;
      this.dispatchEvent(new Event("open"));
    });
    source.addEventListener("error", () => this.#comeBack());
    for (const name of NAMES) {
      source.addEventListener(name, (event) => {
        this.dispatchEvent(new CustomEvent(name, { detail: JSON.parse(/** @type {MessageEvent} */ (event).data) }));
      });
    }
  }

  /** EventSource gives up for good on some errors, so the wait and the new try are ours. */
  #comeBack() {
    this.#source?.close();
    this.dispatchEvent(new Event("lost"));
    this.#timer = setTimeout(() => this.connect(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }
}
