/**
 * What the demo vendor was asked to make.
 */

import { getVendor } from "../api.js";
import { fill, h } from "../dom.js";

const SHOWN = 60;
/** @type {Record<string, string>} */
const TAGS = {
  succeeded: "tag-good",
  failed: "tag-bad",
  rejected: "tag-bad",
  cancelled: "tag-dim",
  running: "tag-busy",
  queued: "tag-busy",
};

export class VendorTab {
  title = "Vendor";

  constructor() {
    this.creates = h("div", { class: "figure", text: "–" });
    this.list = h("ul", { class: "cards" });
    this.element = h(
      "div",
      { class: "tool" },
      h("div", { class: "figure-box" }, this.creates, h("span", { class: "figure-label", text: "accepted creates" })),
      this.list,
      h(
        "p",
        { class: "tool-hint" },
        "Directives in a prompt: ",
        ...["[slow 5]", "[fail]", "[reject]", "[flaky]", "[task]", "[now]"].flatMap((word) => [
          h("code", { text: word }),
          " ",
        ]),
      ),
    );
  }

  async refresh() {
    const { creates, tasks } = await getVendor();
    this.creates.textContent = String(creates);
    const newest = [...tasks].reverse().slice(0, SHOWN);
    fill(
      this.list,
      ...(newest.length > 0
        ? newest.map((task) =>
            h(
              "li",
              { class: "card" },
              h(
                "span",
                { class: "card-line" },
                h("bdi", { class: "card-title card-prompt", text: task.prompt || "(no prompt)" }),
                h("span", { class: `tag ${TAGS[task.status] ?? ""}`, text: task.status }),
              ),
              h("span", { class: "card-note card-mono", text: `${task.shape} · ${task.reference}` }),
            ),
          )
        : [h("li", { class: "cards-none", text: "Nothing was asked of the vendor yet." })]),
    );
  }
}
