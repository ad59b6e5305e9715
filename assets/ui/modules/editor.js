/* The editor of the transcript: uncertain words to review, a field at the words that are corrected, undo and
   redo, what the model wrote, and the loop. Loaded when it is opened. */

import { $, announce, clock, element, format } from "./dom.js";

const REVIEWED = 20; /* words of the list that are shown at first, and added at a time */

export const startEditor = (transcript, texts, shared) => {
  const { player, corrections } = transcript;
  const button = (name, action, extra = {}) => element("button", { type: "button", className: "w-button w-small", textContent: texts[name], onclick: action, ...extra });

  /* --- a field in place of the words --- */

  const field = element("input", { type: "text", id: "w-edit-text", autocomplete: "off", spellcheck: true });
  const form = element("form", { className: "w-edit-box", hidden: true, attributes: { "aria-label": texts.correct } },
    element("label", { htmlFor: "w-edit-text", textContent: texts.fieldLabel }), field,
    element("span", { className: "w-edit-buttons" },
      element("button", { type: "submit", className: "w-button w-small", textContent: texts.save }),
      button("cancel", () => close())),
    element("p", { className: "w-hint", textContent: texts.fieldHint }));
  let editing = null;

  const close = () => {
    if (form.hidden) return;
    form.hidden = true;
    editing = null;
    transcript.list?.focus({ preventScroll: true });
  };
  const open = ([first, last]) => {
    const words = transcript.words.slice(first, last);
    if (!words.length) return;
    editing = [first, last];
    field.value = words.map((word) => word.text).join(" ");
    if (!form.isConnected) ($(".gradio-container") ?? document.body).append(form);
    form.hidden = false;
    const box = transcript.node(first, true).getBoundingClientRect();
    form.style.left = `${Math.min(Math.max(8, box.left - 12), innerWidth - form.offsetWidth - 8)}px`;
    const top = box.top - 8;
    form.style.top = `${Math.min(Math.max(8, top), innerHeight - form.offsetHeight - 8)}px`;
    field.focus();
    field.select();
  };
  const apply = (first, last, text) => {
    const fresh = text.split(/\s+/).filter(Boolean);
    const before = transcript.words.slice(first, last).map((word) => word.text).join(" ");
    if (fresh.join(" ") === before) { if (last - first === 1) corrections.accept(first); return; }
    corrections.replace(first, last - first, fresh);
    announce(fresh.length ? format(texts.corrected, { before, after: fresh.join(" ") }) : format(texts.deleted, { before }));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [first, last] = editing;
    close();
    apply(first, last, field.value);
    if (transcript.words.length) transcript.goTo(Math.min(first, transcript.words.length - 1));
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { close(); event.stopPropagation(); }
  });
  transcript.addEventListener("words", () => { if (editing && !transcript.words[editing[0]]) close(); });
  const type = () => {
    const range = transcript.range();
    if (range) open(range); else announce(texts.chooseFirst);
  };

  /* --- the loop --- */

  let loop = null;
  const looping = () => {
    const selected = shared.transport?.waveform.selection;
    const range = transcript.range();
    if (selected) return selected;
    return range && [transcript.words[range[0]].start, transcript.words[range[1] - 1].end];
  };
  const setLoop = (range) => {
    loop = range;
    loopButton.setAttribute("aria-pressed", String(Boolean(loop)));
    if (loop) player.playFrom(loop[0]); else player.pause();
  };
  player.addEventListener("time", () => {
    if (loop && (player.time >= loop[1] || player.time < loop[0] - 1)) player.seek(loop[0]);
  });
  player.addEventListener("load", () => { if (loop) setLoop(null); });
  player.addEventListener("state", () => { if (loop && !player.playing && player.time < loop[1] - 0.05) { loop = null; loopButton.setAttribute("aria-pressed", "false"); } });

  /* --- the panel --- */

  const pressed = { attributes: { "aria-pressed": "false" } };
  const undo = button("undo", () => shared.undo());
  const redo = button("redo", () => shared.redo());
  const edit = button("correct", type);
  const loopButton = button("loop", () => {
    const range = loop ? null : looping();
    if (!loop && !range) announce(texts.chooseFirst); else setLoop(range);
  }, pressed);
  const original = button("original", () => {
    const on = document.getElementById("transcript").classList.toggle("w-with-original");
    original.setAttribute("aria-pressed", String(on));
  }, pressed);
  const restore = button("restore", () => { corrections.restore(); announce(texts.restored); });
  const count = element("p", { className: "w-hint w-edit-count", attributes: { role: "status" } });
  const list = element("ol", { className: "w-review" });
  const heading = element("h3", {});
  const more = button("more", () => { shown += REVIEWED; draw(); });
  const panel = element("section", { id: "w-editor", className: "w-editor", hidden: true, attributes: { "aria-label": texts.title } },
    element("div", { className: "w-edit-bar", attributes: { role: "group", "aria-label": texts.title } }, edit, undo, redo, loopButton, original, restore,
      button("close", () => toggle())),
    element("p", { className: "w-hint", textContent: texts.hint }), count, heading, list, more);
  let shown = REVIEWED;
  let opener = null;

  const row = (word) => {
    const text = element("input", { type: "text", value: word.text, autocomplete: "off", attributes: { "aria-label": format(texts.wordLabel, { word: word.text, start: clock(word.start, 1) }) } });
    const own = () => transcript.words.indexOf(word);
    const then = (act) => {
      const at = [...list.children].indexOf(item);
      act(own());
      const next = list.children[Math.min(at, list.children.length - 1)];
      (next ? $("input", next) : edit).focus();
    };
    text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      then((index) => apply(index, index + 1, text.value));
    });
    const small = (label, name, action) => element("button", { type: "button", className: "w-button w-small", textContent: label, onclick: action, attributes: name ? { "aria-label": name } : {} });
    const item = element("li", { data: { level: word.level } },
      small("▶", format(texts.playWord, { word: word.text, start: clock(word.start, 1) }), () => { transcript.goTo(own()); player.playFrom(word.start - 0.3, word.end + 0.3); }),
      element("span", { className: "w-review-time", textContent: clock(word.start, 1) }), text,
      element("span", { className: "w-review-percent", textContent: `${Math.round(word.confidence * 100)} %` }),
      ...word.others.map((other) => small(other, format(texts.choose, { word: word.text, other }), () => then((index) => apply(index, index + 1, other)))),
      small(texts.accept, format(texts.acceptWord, { word: word.text }), () => then((index) => corrections.accept(index))));
    return item;
  };

  const draw = () => {
    undo.disabled = !corrections.past.length;
    redo.disabled = !corrections.future.length;
    restore.disabled = !corrections.changed;
    const changed = transcript.words.filter((word) => word.was !== undefined).length;
    const checked = transcript.words.filter((word) => word.accepted).length;
    const summary = format(texts.count, { changed, checked });
    if (count.textContent !== summary) count.textContent = summary;
    if (panel.hidden) return;
    const uncertain = transcript.words.filter((word) => word.level !== "high");
    heading.textContent = uncertain.length ? format(texts.review, { count: uncertain.length }) : texts.allReviewed;
    list.replaceChildren(...uncertain.slice(0, shown).map(row));
    more.hidden = uncertain.length <= shown;
  };
  transcript.addEventListener("words", draw);
  transcript.addEventListener("edited", draw);

  const toggle = (from = opener) => {
    opener = from;
    if (!panel.isConnected) document.getElementById("transcript").before(panel);
    panel.hidden = !panel.hidden;
    opener?.setAttribute("aria-expanded", String(!panel.hidden));
    if (panel.hidden) { setLoop(null); opener?.focus(); return; }
    shown = REVIEWED;
    draw();
    edit.focus();
  };
  draw();
  return { toggle, type };
};
