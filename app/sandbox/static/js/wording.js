/**
 * How times, sizes, names and the summary of a message are put into words.
 */

/** @import { Message, User } from "./types.js" */

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long" });
const dayYearFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const shortDayFormat = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "2-digit", year: "2-digit" });
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** @param {number} seconds */
export const clockTime = (seconds) => clockFormat.format(seconds * 1000);

/** @param {number} seconds */
export const fullTime = (seconds) => fullFormat.format(seconds * 1000);

/** The same for all messages of one day in the reader's zone. @param {number} seconds */
export const dayKey = (seconds) => new Date(seconds * 1000).toDateString();

/** @param {number} seconds */
export function dayTitle(seconds) {
  const date = new Date(seconds * 1000);
  const today = new Date();
  if (date.toDateString() === today.toDateString()) return "Today";
  const yesterday = new Date(today);
  yesterday.setDate(today.getDate() - 1);
  if (date.toDateString() === yesterday.toDateString()) return "Yesterday";
  return (date.getFullYear() === today.getFullYear() ? dayFormat : dayYearFormat).format(date);
}

/** The clock for today, the date for any other day. @param {number} seconds */
export const listTime = (seconds) =>
  dayKey(seconds) === new Date().toDateString() ? clockTime(seconds) : shortDayFormat.format(seconds * 1000);

/** @param {number | undefined} bytes */
export function fileSize(bytes) {
  if (bytes === undefined) return "";
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** @param {number} seconds */
export const duration = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/** @param {User} user */
export const fullName = (user) => [user.first_name, user.last_name].filter(Boolean).join(" ");

/** Up to two first letters, as whole characters. @param {string} name */
export function initials(name) {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => [...(word ?? "")][0] ?? "");
  return letters.join("").toUpperCase() || "?";
}

/** What a message is about in one line, for lists and quotes. @param {Message} message */
export function summary(message) {
  const words = (message.text ?? message.caption ?? "").replace(/\s+/gu, " ").slice(0, 160);
  if (message.invoice) return `Invoice: ${message.invoice.title}, ${message.invoice.total_amount} Stars`;
  if (message.successful_payment) return `Paid ${message.successful_payment.total_amount} Stars`;
  if (message.refunded_payment) return `Refunded ${message.refunded_payment.total_amount} Stars`;
  const kind = mediaKind(message);
  if (!kind) return words || "Message";
  return words ? `${kind}, ${words}` : kind;
}

/** @param {Message} message */
function mediaKind(message) {
  if (message.photo) return "🖼 Photo";
  if (message.video) return "📹 Video";
  if (message.animation) return "GIF";
  if (message.document) return `📎 ${message.document.file_name ?? "File"}`;
  return "";
}

/** @type {Record<string, string>} */
const ACTIONS = {
  typing: "typing",
  upload_photo: "sending a photo",
  record_video: "recording a video",
  upload_video: "sending a video",
  record_voice: "recording a voice message",
  upload_voice: "sending a voice message",
  upload_document: "sending a file",
  choose_sticker: "choosing a sticker",
  find_location: "looking up a place",
  record_video_note: "recording a video message",
  upload_video_note: "sending a video message",
};

/** @param {string} action a Bot API chat action */
export const actionTitle = (action) => ACTIONS[action] ?? action.replaceAll("_", " ");
