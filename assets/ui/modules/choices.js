/* The alternatives of the decoder for an uncertain word: shown at the word, chosen by a press or a number key.
   A chosen one replaces the word on the page and in the files that are saved. */

import { announce, element, format } from "./dom.js";

export const startChoices = (transcript, texts) => {
  const box = element("div", { className: "w-choices", hidden: true, attributes: { role: "group", "aria-label": texts.choices } });
  let shown = null;

  const hide = () => { box.hidden = true; shown = null; };
  const show = (node) => {
    const word = transcript.words[Number(node.dataset.index)];
    if (!word || !word.others.length) { hide(); return; }
    shown = word;
    box.replaceChildren(element("span", { textContent: texts.choices }), ...word.others.map((other, number) => element(
      "button", { type: "button", className: "w-button w-small", data: { choice: number } },
      element("kbd", { textContent: String(number + 1) }), ` ${other}`)));
    if (!box.isConnected) (document.querySelector(".gradio-container") ?? document.body).append(box);
    box.hidden = false;
    const at = node.getBoundingClientRect();
    const left = Math.min(Math.max(8, at.left), innerWidth - box.offsetWidth - 8);
    box.style.left = `${left}px`;
    const below = at.bottom + 8;
    box.style.top = `${below + box.offsetHeight < innerHeight ? below : at.top - box.offsetHeight - 40}px`;
  };

  const choose = (number) => {
    const word = shown;
    const other = word?.others[number];
    if (!other) return;
    announce(format(texts.chosen, { before: word.text, after: other }));
    transcript.corrections.replace(word.index, 1, [other]);
    hide();
  };

  transcript.addEventListener("at", (event) => show(event.detail));
  transcript.addEventListener("words", hide);
  for (const kind of ["scroll", "resize"]) addEventListener(kind, hide, true);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".w-choices [data-choice]");
    if (button) { choose(Number(button.dataset.choice)); return; }
    const word = event.target.closest?.("#transcript .w-word[data-index]");
    if (word) show(word); else hide();
  });
  document.addEventListener("keydown", (event) => {
    if (!shown || event.target.closest?.("input, textarea, select")) return;
    if (event.key === "Escape") hide();
    else if (/^[1-9]$/.test(event.key)) { choose(Number(event.key) - 1); event.preventDefault(); }
  });
};
