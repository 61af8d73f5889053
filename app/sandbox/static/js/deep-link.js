/**
 * Links of t.me: who opens the bot with a parameter, and where invoices and shared links lead.
 */

import { personAvatar } from "./avatar.js";
import { openDialog } from "./dialogs.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { fullName } from "./wording.js";

/** @import { User } from "./types.js" */

/** A load test may leave thousands behind; those who talked last are enough to choose from. */
const SHOWN = 50;

/**
 * What a link means to a client of Telegram.
 *
 * @param {string} url
 * @param {string} botUsername
 * @returns {{kind: "invoice"} | {kind: "start", parameter: string} | {kind: "share", url: string} | {kind: "web"}}
 */
export function readLink(url, botUsername) {
  const link = URL.parse(url);
  if (link?.hostname !== "t.me") return { kind: "web" };
  const path = link.pathname.slice(1);
  if (path.startsWith("$") || path.startsWith("invoice/")) return { kind: "invoice" };
  if (path === "share/url" || path === "share") return { kind: "share", url: link.searchParams.get("url") ?? "" };
  if (path.toLowerCase() === botUsername.toLowerCase())
    return { kind: "start", parameter: link.searchParams.get("start") ?? "" };
  return { kind: "web" };
}

/**
 * Gifts and invitations are opened by others: ask as whom.
 *
 * @param {User} self whose chat the link stands in
 * @param {User[]} people
 * @param {string} parameter
 * @returns {Promise<User | "new" | null>}
 */
export function choosePerson(self, people, parameter) {
  const others = people.filter((user) => user.id !== self.id && !user.isGroup).slice(0, SHOWN);
  return openDialog({ title: "Open the link as" }, (/** @type {(user: User | "new") => void} */ close) => [
    h("code", { class: "link-parameter", text: `start=${parameter}` }),
    h(
      "ul",
      { class: "choices" },
      ...[self, ...others].map((user) =>
        h(
          "li",
          {},
          h(
            "button",
            { type: "button", class: "choice", autofocus: user === self, on: { click: () => close(user) } },
            personAvatar(user),
            h("bdi", { class: "choice-name", text: fullName(user) }),
            user === self && h("span", { class: "card-note", text: "this chat" }),
          ),
        ),
      ),
      h(
        "li",
        {},
        h(
          "button",
          { type: "button", class: "choice", on: { click: () => close("new") } },
          h("span", { class: "avatar choice-plus" }, icon("plus")),
          h("span", { class: "choice-name", text: "New person" }),
        ),
      ),
    ),
  ]);
}
