/* The list of keys. */

import { element } from "./dom.js";

export const startHelp = (texts, setLetters) => {
  const keys = [
    [["R"], texts.record], [[texts.space], texts.play], [["N", "P"], texts.uncertain], [["E"], texts.correct],
    [["A"], texts.accept], [["1", "2", "…"], texts.choose], [["Ctrl Z", "Ctrl Shift Z"], texts.undo],
    [["←", "→", "↑", "↓"], texts.words], [["/"], texts.search], [["?"], texts.list],
  ];
  const letters = element("input", { type: "checkbox", checked: document.body.dataset.letterKeys !== "off" });
  letters.addEventListener("change", () => setLetters(letters.checked));
  const close = element("button", { type: "button", className: "w-button w-small", textContent: texts.close, onclick: () => dialog.close() });
  const dialog = element("dialog", { className: "w-help", attributes: { "aria-labelledby": "w-help-title" } },
    element("h2", { id: "w-help-title", textContent: texts.title }),
    element("dl", {}, ...keys.map(([names, meaning]) => element("div", {},
      element("dt", {}, ...names.flatMap((name) => [element("kbd", { textContent: name }), " "])),
      element("dd", { textContent: meaning })))),
    element("label", {}, letters, ` ${texts.letters}`), close);
  (document.querySelector(".gradio-container") ?? document.body).append(dialog);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  return { open: () => { if (!dialog.open) { dialog.showModal(); close.focus(); } } };
};
