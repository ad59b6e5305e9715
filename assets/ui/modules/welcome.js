/* What a first visit explains, in three lines. */

import { element } from "./dom.js";

export const showWelcome = (texts, remember) => {
  const place = document.getElementById("transcript"); /* below it, so that no input moves */
  if (!place) return;
  const box = element("aside", { className: "w-welcome", attributes: { "aria-label": texts.newHere } },
    element("b", { textContent: texts.newHere }),
    element("ul", {}, ...texts.lines.map((line) => element("li", { textContent: line }))),
    element("button", { type: "button", className: "w-button w-small", textContent: texts.understood,
      onclick: () => { remember(); box.remove(); document.getElementById("run")?.focus(); } }));
  place.after(box);
};
