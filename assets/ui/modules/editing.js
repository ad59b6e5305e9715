/* What opens the editor, and the keys that correct; the editor itself is loaded when it is first needed. */

import { all, announce, format, lazily } from "./dom.js";

export const startEditing = (transcript, config, shared) => {
  const { editor: texts } = config.texts;
  const editor = lazily("editor", (module) => module.startEditor(transcript, texts, shared), { styled: true });
  const retiming = lazily("retiming", (module) => module.startRetiming(transcript, texts));
  const storing = lazily("stored_corrections", (module) => module.startStoring(transcript, texts), { styled: true });
  const { corrections } = transcript;

  shared.undo = () => { announce(corrections.undo() ? texts.undone : texts.nothingToUndo); };
  shared.redo = () => { announce(corrections.redo() ? texts.redone : texts.nothingToRedo); };

  transcript.addEventListener("edited", ({ detail }) => {
    if (detail?.typed.length) shared.timed = retiming().then((retime) => retime(detail));
  });

  /* What was changed once is stored, also when it is changed back; words event by event, with their new times. */
  let changed = false;
  const store = async () => {
    changed ||= transcript.edited || transcript.names.size > 0;
    if (changed) (await storing())();
  };
  for (const name of ["words", "renamed"]) transcript.addEventListener(name, store);

  const showButtons = () => {
    for (const button of all('[data-do="edit"]')) button.hidden = !transcript.words.length && !corrections.past.length;
  };
  transcript.addEventListener("words", showButtons);
  showButtons();

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.('[data-do="edit"]');
    if (button) (await editor()).toggle(button);
  });

  const accept = () => {
    const word = transcript.words[transcript.at];
    if (!word) return;
    const { index, text } = word;
    corrections.accept(index);
    announce(format(texts.accepted, { word: text }));
    transcript.goTo(index);
    transcript.goToUncertain(1);
  };

  /* Keys of a single letter can be switched off in the list of keys. */
  const KEYS = { e: async () => (await editor()).type(), a: accept };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.target.closest?.("input, textarea, select, [contenteditable=true], [role=dialog]")) return;
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && (key === "z" || key === "y")) {
      if (!corrections.past.length && !corrections.future.length) return;
      if (key === "y" || event.shiftKey) shared.redo(); else shared.undo();
      event.preventDefault();
    } else if (!event.ctrlKey && !event.metaKey && document.body.dataset.letterKeys !== "off" && Object.hasOwn(KEYS, event.key) && transcript.range()) {
      event.preventDefault();
      KEYS[event.key]();
    }
  });
};
