/**
 * Puts the page together: people on the left, up to two chats, tools on the right. The address keeps which chats are
 * open, so that a reload, the back button and a link all lead to the same place.
 */

import { ChatColumn } from "./chat-column.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { Sidebar } from "./sidebar.js";
import { ToolsDrawer } from "./tools/tools-drawer.js";
import { World } from "./world.js";

/** The app may be started or stopped, and people made, by other programs; this often the page looks. */
const PEOPLE_REFRESH_MS = 4000;
/** Two chats beside each other need this width. */
const wide = window.matchMedia("(min-width: 1100px)");

const app = /** @type {HTMLElement} */ (document.getElementById("app"));
const columnsElement = /** @type {HTMLElement} */ (document.getElementById("columns"));
const banner = /** @type {HTMLElement} */ (document.getElementById("banner"));

const world = new World();
/** @type {ChatColumn[]} */
let columns = [];

const tools = new ToolsDrawer(/** @type {HTMLElement} */ (document.getElementById("tools")), () => toggleTools());
const sidebar = new Sidebar(/** @type {HTMLElement} */ (document.getElementById("sidebar")), world, {
  open: (userId) =>
    go([
      userId,
      ...openedIds()
        .slice(1)
        .filter((other) => other !== userId),
    ]),
  openBeside: (userId) =>
    go([
      ...openedIds()
        .filter((other) => other !== userId)
        .slice(0, 1),
      userId,
    ]),
  toggleTools,
  opened: openedIds,
});

/** Ids in the address: `#/chat/7000001/7000002`. @returns {number[]} */
function openedIds() {
  const ids = location.hash.split("/").slice(2).map(Number).filter(Number.isSafeInteger);
  return ids.slice(0, wide.matches ? 2 : 1);
}

/** @param {number[]} ids */
function go(ids) {
  location.hash = ids.length > 0 ? `#/chat/${ids.join("/")}` : "#/";
}

function toggleTools() {
  const isOpen = !tools.isOpen;
  tools.setOpen(isOpen);
  app.classList.toggle("app-tools", isOpen);
}

/** Bring the columns in line with the address; a chat that stays keeps its column, its draft and its place. */
function showColumns() {
  const ids = openedIds().filter((id) => world.user(id));
  for (const column of columns)
    if (!ids.includes(column.chat.user.id) || world.chat(column.chat.user.id) !== column.chat) column.destroy();
  columns = ids.map(
    (id) => columns.find((column) => column.element.isConnected && column.chat.user.id === id) ?? newColumn(id),
  );
  app.dataset.pane = columns.length > 0 ? "chat" : "list";
  app.classList.toggle("app-two", columns.length > 1);
  if (columns.length === 0) fill(columnsElement, nothingOpen());
  else if (
    columns.some((column, index) => columnsElement.children[index] !== column.element) ||
    columnsElement.childElementCount !== columns.length
  ) {
    fill(columnsElement, ...columns.map((column) => column.element));
    for (const column of columns) column.list.update();
  }
  sidebar.update();
}

/** @param {number} userId */
function newColumn(userId) {
  const chat = /** @type {import("./chat.js").Chat} */ (world.chat(userId));
  return new ChatColumn(world, chat, {
    back: () => go([]),
    close: () => go(openedIds().filter((id) => id !== userId)),
    toggleTools,
    openBeside: (otherId) => go(wide.matches ? [userId, otherId] : [otherId]),
    addPerson: () => sidebar.createPerson(),
  });
}

function nothingOpen() {
  const hasPeople = world.users.length > 0;
  return h(
    "div",
    { class: "nothing-open" },
    h("p", { class: "nothing-pill", text: hasPeople ? "Choose a person to chat as" : "Make a person to begin" }),
    !hasPeople &&
      h("button", {
        type: "button",
        class: "primary-button",
        text: "New person",
        on: { click: () => void sidebar.addPerson() },
      }),
  );
}

function showConnection() {
  banner.hidden = world.connection !== "lost";
  app.classList.toggle("app-lost", world.connection === "lost");
  if (world.connection !== "lost") return;
  fill(
    banner,
    icon("warning"),
    h("span", { text: "The connection to the sandbox is lost. Trying again…" }),
    h("button", { type: "button", class: "banner-button", text: "Retry now", on: { click: () => world.reconnect() } }),
  );
}

world.addEventListener("connection", () => {
  showConnection();
  showColumns();
});
world.addEventListener("change", () => {
  if (columns.some((column) => world.chat(column.chat.user.id) !== column.chat)) showColumns();
  else if (columns.length === 0) showColumns();
});
window.addEventListener("hashchange", () => {
  showColumns();
  if (!window.matchMedia("(pointer: coarse)").matches) columns[0]?.focus();
});
wide.addEventListener("change", showColumns);
document.addEventListener("visibilitychange", () => columns.forEach((column) => column.markRead()));
setInterval(() => {
  if (world.connection === "open" && !document.hidden) world.refreshPeople().catch(() => undefined);
}, PEOPLE_REFRESH_MS);

world.start();
