// Shows the API's own description, and sends requests by hand. Everything is text, nothing is HTML.

/**
 * @typedef {{name: string, in: string, required?: boolean, description?: string, schema: object}} Parameter
 * @typedef {{summary: string, description?: string, tags: string[], parameters?: Parameter[],
 *   requestBody?: {content: Record<string, Content>}, responses: Record<string, Answer>, security?: object[]}} Operation
 * @typedef {{example?: unknown, examples?: Record<string, {summary?: string, value: unknown}>}} Content
 * @typedef {{description: string, content?: Record<string, Content>}} Answer
 */

const METHODS = ["get", "post", "patch", "delete"];
const SHOWN_CHARACTERS = 20_000;

/**
 * An element with properties and children; strings become text.
 * @param {string} tag
 * @param {Record<string, unknown>} properties
 * @param {...(Node | string | null)} children
 */
function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** The words of a description, without its marks. @param {string | undefined} text */
const plain = (text) => (text ?? "").replaceAll("`", "");

/** Its paragraphs. @param {string | undefined} text */
const paragraphs = (text) =>
  plain(text)
    .split("\n\n")
    .map((paragraph) => element("p", {}, paragraph));

/** @param {unknown} value */
const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

/** @param {Content} content */
function contentView(content) {
  const parts = [];
  if (content.example !== undefined) parts.push(element("pre", {}, pretty(content.example)));
  for (const [name, example] of Object.entries(content.examples ?? {})) {
    parts.push(element("p", {}, element("code", {}, name), ` ${plain(example.summary)}`));
    parts.push(element("pre", {}, pretty(example.value)));
  }
  return parts;
}

/** @param {string} status @param {Answer} answer */
function answerView(status, answer) {
  const box = element(
    "details",
    {},
    element(
      "summary",
      {},
      element("code", { className: Number(status) < 400 ? "good" : "bad" }, status),
      plain(answer.description),
    ),
  );
  for (const content of Object.values(answer.content ?? {})) box.append(...contentView(content));
  if (!answer.content) box.append(element("p", { className: "muted" }, "No body."));
  return box;
}

/** @param {Parameter} parameter */
function parameterField(parameter) {
  const title = `${parameter.name} (${parameter.in}${parameter.required ? "" : ", optional"})`;
  const words = parameter.description ? `: ${plain(parameter.description)}` : "";
  const input = element("input", { name: parameter.name, required: parameter.required ?? false, autocomplete: "off" });
  return element("label", { className: "field" }, title + words, input);
}

/**
 * The request that a filled form stands for.
 * @param {string} method @param {string} path @param {Operation} operation @param {HTMLFormElement} form
 * @returns {[string, RequestInit]}
 */
function requestOf(method, path, operation, form) {
  const values = new FormData(form);
  const headers = new Headers();
  const query = new URLSearchParams();
  let address = path;
  for (const parameter of operation.parameters ?? []) {
    const value = String(values.get(parameter.name) ?? "");
    if (!value) continue;
    if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (parameter.in === "query") query.set(parameter.name, value);
    else headers.set(parameter.name, value);
  }
  const authorization = /** @type {HTMLInputElement} */ (document.getElementById("authorization")).value.trim();
  if (authorization) headers.set("Authorization", authorization);
  const body = values.get("body");
  if (body) headers.set("Content-Type", "application/json");
  return [query.size ? `${address}?${query}` : address, { method: method.toUpperCase(), headers, body: body || null }];
}

/** @param {Response} response */
async function shownBody(response) {
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) return streamStart(response);
  const text = await response.text();
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/**
 * The first events of a stream; it would never end by itself.
 * @param {Response} response
 */
async function streamStart(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return `${value ?? ""}… (the stream was closed after its first event)`;
}

/** @param {string} method @param {string} path @param {Operation} operation */
function tryForm(method, path, operation) {
  const form = /** @type {HTMLFormElement} */ (element("form"));
  for (const parameter of operation.parameters ?? []) form.append(parameterField(parameter));
  const example = operation.requestBody?.content["application/json"]?.example;
  if (operation.requestBody) {
    const body = element("textarea", { name: "body", spellcheck: false, value: pretty(example ?? {}) });
    form.append(element("label", { className: "field" }, "Body (JSON)", body));
  }
  const button = /** @type {HTMLButtonElement} */ (element("button", {}, "Send"));
  const result = element("div", { ariaLive: "polite" });
  form.append(button, result);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const response = await fetch(...requestOf(method, path, operation, form));
      const status = element("p", { className: response.ok ? "good" : "bad" }, `${response.status}`);
      const body = (await shownBody(response)).slice(0, SHOWN_CHARACTERS);
      result.replaceChildren(status, element("pre", {}, body || "No body."));
    } catch (error) {
      result.replaceChildren(element("p", { className: "bad" }, `No answer: ${error}`));
    } finally {
      button.disabled = false;
    }
  });
  return form;
}

/** @param {string} method @param {string} path @param {Operation} operation */
function operationView(method, path, operation) {
  const box = /** @type {HTMLDetailsElement} */ (
    element(
      "details",
      { id: `${method}-${path}` },
      element(
        "summary",
        {},
        element("span", { className: "method" }, method.toUpperCase()),
        element("code", {}, path),
        element("span", { className: "muted" }, operation.summary),
      ),
    )
  );
  // The forms of all operations at once would make the page slow to open.
  box.addEventListener(
    "toggle",
    () => {
      box.append(
        ...paragraphs(operation.description),
        operation.security ? element("p", { className: "muted" }, "For signed-in users.") : "",
        tryForm(method, path, operation),
        element("h3", {}, "Answers"),
        ...Object.entries(operation.responses).map(([status, answer]) => answerView(status, answer)),
      );
    },
    { once: true },
  );
  return box;
}

/** @param {{info: {description: string}, tags: {name: string, description: string}[], paths: object}} document_ */
function pageOf(document_) {
  const parts = paragraphs(document_.info.description);
  for (const tag of document_.tags) {
    parts.push(element("h2", {}, tag.name), element("p", { className: "muted" }, tag.description));
    for (const [path, methods] of Object.entries(document_.paths)) {
      for (const method of METHODS.filter((name) => methods[name]?.tags.includes(tag.name))) {
        parts.push(operationView(method, path, methods[method]));
      }
    }
  }
  return parts;
}

const main = document.getElementById("operations");
try {
  const response = await fetch("/api/openapi.json");
  main.replaceChildren(...pageOf(await response.json()));
} catch (error) {
  main.replaceChildren(element("p", { className: "bad" }, `The description cannot be read: ${error}`));
}
