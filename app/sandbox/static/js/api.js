/**
 * The control API (`/sandbox/api`) and, for what a real client learns from Telegram, the Bot API. Every failure of
 * any call is an ApiError with a sentence to show.
 */

/** @import { Bot, CallbackAnswer, Fault, Message, ReplyMarkup, User } from "./types.js" */

const CONTROL = "/sandbox/api";

export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {number} status 0 when the sandbox did not answer at all
   */
  constructor(message, status) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body] FormData goes as multipart, anything else as JSON
 * @returns {Promise<any>}
 */
async function request(method, path, body) {
  const isForm = body instanceof FormData;
  /** @type {RequestInit} */
  const init = { method, headers: body !== undefined && !isForm ? { "Content-Type": "application/json" } : {} };
  if (body !== undefined) init.body = isForm ? body : JSON.stringify(body);
  let response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new ApiError("The sandbox does not answer.", 0);
  }
  const payload = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(refusalText(payload, response.status), response.status);
  return payload;
}

/**
 * @param {any} payload
 * @param {number} status
 */
function refusalText(payload, status) {
  const text = payload?.error ?? payload?.description ?? payload?.detail;
  return typeof text === "string" ? text : `The sandbox refused (${status}).`;
}

/** @returns {Promise<Bot>} */
export const getBot = () => request("GET", `${CONTROL}/bot`);

/** @returns {Promise<User[]>} */
export const listUsers = async () => (await request("GET", `${CONTROL}/users`)).users;

/** The newest message of every chat. @returns {Promise<Message[]>} */
export const listLastMessages = async () => (await request("GET", `${CONTROL}/chats`)).last_messages;

/**
 * @param {{first_name: string, language_code: string}} user
 * @returns {Promise<User>}
 */
export const createUser = (user) => request("POST", `${CONTROL}/users`, user);

/**
 * @param {number} userId
 * @returns {Promise<{messages: Message[], reply_keyboard: ReplyMarkup | null}>}
 */
export const getChat = (userId) => request("GET", `${CONTROL}/users/${userId}/chat`);

/**
 * @param {number} userId
 * @returns {Promise<{command: string, description: string}[]>}
 */
export const listCommands = async (userId) => (await request("GET", `${CONTROL}/users/${userId}/commands`)).commands;

/**
 * @param {number} userId
 * @param {string} text
 * @param {number} [replyTo] message id
 * @returns {Promise<{update_id: number, message: Message}>}
 */
export const sendText = (userId, text, replyTo) =>
  request("POST", `${CONTROL}/users/${userId}/messages`, {
    text,
    ...(replyTo ? { reply_to_message_id: replyTo } : {}),
  });

/**
 * Send photos or documents; several of a kind make an album.
 *
 * @param {number} userId
 * @param {"photo" | "document"} kind
 * @param {File[]} files
 * @param {string} caption
 * @param {number} [replyTo] message id
 * @returns {Promise<{update_id: number, message: Message} | {update_ids: number[], messages: Message[]}>}
 */
export function sendFiles(userId, kind, files, caption, replyTo) {
  const form = new FormData();
  for (const file of files) form.append(kind, file, file.name);
  if (caption) form.append("caption", caption);
  if (replyTo) form.append("reply_to_message_id", String(replyTo));
  return request("POST", `${CONTROL}/users/${userId}/messages`, form);
}

/**
 * Tap an inline button; resolves when the bot has answered, or with null when it does not.
 *
 * @param {number} userId
 * @param {number} messageId
 * @param {string} data
 * @returns {Promise<CallbackAnswer | null>}
 */
export const tapButton = async (userId, messageId, data) =>
  (await request("POST", `${CONTROL}/users/${userId}/callbacks`, { message_id: messageId, data })).answer;

/**
 * @param {number} userId
 * @param {boolean} blocked
 */
export const setBlocked = (userId, blocked) =>
  request("POST", `${CONTROL}/users/${userId}/${blocked ? "block" : "unblock"}`, {});

/**
 * @param {number} seconds
 * @returns {Promise<{now: string, renewals: {state: string}[]}>}
 */
export const advanceClock = (seconds) => request("POST", `${CONTROL}/clock`, { advance_seconds: seconds });

/** @returns {Promise<Fault[]>} */
export const listFaults = async () => (await request("GET", `${CONTROL}/faults`)).faults;

/** @param {{method: string, kind: string, times: number | null, retry_after?: number}} fault */
export const addFault = (fault) => request("POST", `${CONTROL}/faults`, fault);

export const clearFaults = () => request("DELETE", `${CONTROL}/faults`);

/**
 * @returns {Promise<{creates: number, tasks: {id: string, reference: string, shape: string, status: string, prompt: string}[]}>}
 */
export const getVendor = () => request("GET", `${CONTROL}/vendor`);

/**
 * @param {number} limit of each kind
 * @returns {Promise<{pending: any[], delivered: any[]}>}
 */
export const listUpdates = (limit) => request("GET", `${CONTROL}/updates?limit=${limit}`);

/**
 * @param {number} updateId
 * @param {number} times
 */
export const redeliver = (updateId, times) => request("POST", `${CONTROL}/updates/${updateId}/redeliver`, { times });

export const resetSandbox = () => request("POST", `${CONTROL}/reset`, {});

/**
 * @param {number} userId
 * @returns {Promise<{stars: number, transactions: any[], subscriptions: any[], receipts: Record<string, string>}>}
 */
export const getWallet = (userId) => request("GET", `${CONTROL}/users/${userId}/wallet`);

/** Let a wallet hold exactly so many. @param {number} userId @param {number} stars */
export const putStars = (userId, stars) => request("PUT", `${CONTROL}/users/${userId}/wallet`, { stars });

/**
 * @param {number} userId
 * @param {{message_id: number} | {link: string}} place
 * @returns {Promise<{title: string, description: string, stars: number, subscription_period: number | null}>}
 */
export const getInvoice = (userId, place) =>
  request(
    "GET",
    `${CONTROL}/users/${userId}/invoice?${new URLSearchParams(Object.entries(place).map(([name, value]) => [name, String(value)]))}`,
  );

/**
 * Pay an invoice; resolves when the bot has answered and the Stars have moved, or have not.
 *
 * @param {number} userId
 * @param {{message_id: number} | {link: string}} place
 * @param {{outcome: "paid" | "failed", report: boolean}} wishes
 * @returns {Promise<{status: string, error_message: string | null, charge_id: string | null}>}
 */
export const pay = (userId, place, wishes) =>
  request("POST", `${CONTROL}/users/${userId}/pay`, { ...place, ...wishes });

/** @param {number} userId @param {string} chargeId */
export const refundCharge = (userId, chargeId) =>
  request("POST", `${CONTROL}/users/${userId}/refund`, { charge_id: chargeId });

/**
 * @param {string} chargeId
 * @returns {Promise<{update_ids: number[]}>}
 */
export const reportCharge = (chargeId) =>
  request("POST", `${CONTROL}/charges/${encodeURIComponent(chargeId)}/report`, {});

/** @param {number} userId @param {string} chargeId @param {boolean} canceled */
export const setSubscriptionCanceled = (userId, chargeId, canceled) =>
  request("POST", `${CONTROL}/users/${userId}/subscriptions/${encodeURIComponent(chargeId)}`, { canceled });

/** @param {string} chargeId @param {"same_charge" | "new_charge"} renewal */
export const chooseRenewal = (chargeId, renewal) =>
  request("POST", `${CONTROL}/subscriptions`, { charge_id: chargeId, renewal });

/** @param {string} fileId */
export const fileUrl = (fileId) => `${CONTROL}/files/${encodeURIComponent(fileId)}`;

/** The stream of everything that happens in every chat. */
export const EVENTS_URL = `${CONTROL}/events`;

/**
 * Ask the Bot API with the bot's own token, as Telegram's servers would for their clients.
 *
 * @param {string} token
 * @param {string} method
 * @param {object} params
 * @returns {Promise<any>}
 */
export const callBotApi = async (token, method, params) =>
  (await request("POST", `/bot${token}/${method}`, params)).result;
