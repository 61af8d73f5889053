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
 * @returns {Promise<{now: string}>}
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
