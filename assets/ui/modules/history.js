/* The mode "History": a list that can be searched, and the item that was chosen. Everything that users or
   files named is put in as text. */

import { announce, clock, element, format } from "./dom.js";
import { address, ask, megabytes, relative, span } from "./server.js";

const REST_MS = 200;
const KINDS = ["text", "srt", "vtt", "json"];

export const start = (config, shared) => {
  const texts = config.texts["history"];
  const place = document.getElementById("w-history");
  const route = "v1/history";
  let chosen = "";
  let asked = 0;

  /* --- parts --- */

  const stored = element("p", { className: "w-hint" });
  const keepsAudio = element("input", { type: "checkbox" });
  const audioChoice = element("label", { className: "w-check" }, keepsAudio, texts.storeRecordings);
  const problem = element("div", { className: "w-mode-problem", attributes: { role: "alert" } });
  const query = element("input", { type: "search", className: "w-field", placeholder: texts.search, attributes: { "aria-label": texts.search } });
  const tags = element("select", { className: "w-field", attributes: { "aria-label": texts.tag } });
  const exportAll = element("a", { className: "w-button", textContent: texts.exportAll, href: address(`${route}/export`) });
  const deleteAll = element("button", { type: "button", className: "w-button", textContent: texts.deleteAll });
  const sure = element("button", { type: "button", className: "w-button w-danger", hidden: true });
  const keep = element("button", { type: "button", className: "w-button", textContent: texts.keep, hidden: true });
  const count = element("p", { className: "w-hint", attributes: { role: "status" } });
  const list = element("ul", { className: "w-items" });
  const more = element("button", { type: "button", className: "w-button", textContent: texts.more, hidden: true });
  const detail = element("div", { className: "w-detail" });
  place.replaceChildren(
    element("h2", { textContent: texts.title }), stored, audioChoice, problem,
    element("div", { className: "w-mode-tools" }, query, tags, exportAll, deleteAll, sure, keep),
    element("div", { className: "w-mode-columns" }, element("div", { className: "w-mode-list" }, count, list, more), detail));

  const fail = (title, error) => {
    problem.replaceChildren(...(title ? [
      element("b", { textContent: title }), element("span", { textContent: ` ${error.message} ${error.hint} ` }),
      element("code", { textContent: error.code })] : []));
  };
  const trying = async (work) => {
    try { const found = await work(); return found; } catch (error) { fail(texts.off, error); return null; }
  };

  /* --- the list --- */

  const marked = (text) => {
    const wanted = query.value.match(/[\p{L}\p{N}]+/gu) ?? [];
    if (!wanted.length) return [text];
    const parts = text.split(new RegExp(`((?<![\\p{L}\\p{N}])(?:${wanted.join("|")}))`, "iu"));
    return parts.map((part, number) => (number % 2 ? element("mark", { textContent: part }) : part));
  };
  const facts = (item) => format(texts.facts, {
    age: relative(item.created - Date.now() / 1000), length: clock(item.duration_s), words: item.words,
    percent: Math.round(100 * item.confidence), model: item.model });
  const row = (item) => {
    const open = element("button", { type: "button", className: "w-item", data: { id: item.id }, attributes: { "aria-pressed": String(item.id === chosen) } },
      element("b", {}, ...marked(item.name)), element("span", { className: "w-hint", textContent: facts(item) }),
      element("span", { className: "w-excerpt" }, ...marked(item.excerpt || texts.noWords)),
      element("span", { className: "w-chips" }, ...(item.corrected || item.renamed ? [element("span", { className: "w-chip", textContent: texts.isCorrected })] : []), ...item.tags.map((tag) => element("span", { className: "w-chip" }, ...marked(tag)))));
    open.addEventListener("click", () => show(item.id, { moves: true }));
    return element("li", {}, open);
  };

  const showTags = (found) => {
    const before = tags.value;
    tags.replaceChildren(element("option", { value: "", textContent: texts.allTags }),
      ...found.map((tag) => element("option", { value: tag, textContent: tag })));
    tags.value = found.includes(before) ? before : "";
    tags.hidden = !found.length;
  };

  let next = "";
  const refresh = async (before = "") => {
    const number = ++asked;
    const found = await trying(() => ask(route, { query: { q: query.value, tag: tags.value, before } }));
    if (!found || number !== asked) return;
    fail(found.problem && texts.notStored, found.problem);
    stored.textContent = `${format(texts.stored, { time: span(found.retention_s) })} ${found.stores_audio ? texts.recordings : texts.noRecordings}`;
    keepsAudio.checked = found.stores_audio;
    showTags(found.tags);
    const rows = found.items.map(row);
    if (before) list.append(...rows); else list.replaceChildren(...rows);
    const searched = query.value || tags.value;
    count.textContent = list.children.length ? format(texts.count, { count: found.total, size: megabytes(found.size_bytes) })
      : searched ? texts.nothingFound : texts.empty;
    next = found.next ?? "";
    more.hidden = !next;
    for (const one of [exportAll, deleteAll]) one.classList.toggle("w-off", !found.total);
    deleteAll.disabled = !found.total;
    sure.textContent = format(texts.deleteAllNow, { count: found.total });
  };

  let timer = 0;
  query.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(refresh, REST_MS); });
  tags.addEventListener("change", () => refresh());
  more.addEventListener("click", () => refresh(next));
  keepsAudio.addEventListener("change", async () => {
    await trying(() => ask(`${route}/settings`, { method: "PUT", body: { store_audio: keepsAudio.checked } }));
    refresh();
  });

  const confirming = (on) => { deleteAll.hidden = on; sure.hidden = keep.hidden = !on; (on ? keep : deleteAll).focus(); };
  deleteAll.addEventListener("click", () => confirming(true));
  keep.addEventListener("click", () => confirming(false));
  sure.addEventListener("click", async () => {
    await trying(() => ask(route, { method: "DELETE" }));
    confirming(false);
    choose("");
    announce(texts.deleted);
    refresh();
  });

  /* --- the chosen item --- */

  const choose = (id) => {
    chosen = id;
    for (const one of list.querySelectorAll(".w-item")) one.setAttribute("aria-pressed", String(one.dataset.id === id));
    if (!id) detail.replaceChildren(element("p", { className: "w-hint", textContent: texts.choose }));
  };

  const level = (confidence) => config.levels.find(([, atLeast]) => confidence >= atLeast)?.[0] ?? "low";
  const { player: labels } = config.texts;
  const voiceOf = ({ speaker, channel }) => (speaker?.startsWith("Speaker ") ? format(labels.speaker, { number: speaker.slice(8) })
    : speaker ?? (channel ? format(labels.channel, { channel }) : ""));
  const wordsOf = (transcription, player) => {
    let before = "";
    const words = transcription.words.flatMap((word) => {
      const voice = voiceOf(word);
      const turn = voice === before ? [] : [...(before ? [element("br")] : []), element("b", { textContent: `${voice}:` }), " "];
      before = voice;
      const one = element("span", { className: "w-word", textContent: word.text, data: { level: level(word.confidence), start: word.start },
        title: format(texts.word, { percent: Math.round(100 * word.confidence), start: word.start.toFixed(2) }) });
      return [...turn, one, " "];
    });
    const text = element("p", { className: "w-stored-text" }, ...(words.length ? words : [texts.noWords]));
    if (player) {
      text.addEventListener("click", (event) => {
        const word = event.target.closest(".w-word");
        if (word) { player.currentTime = Number(word.dataset.start); player.play(); }
      });
    }
    return text;
  };
  const links = (item) => KINDS.map((kind) => {
    const name = kind === "text" ? "TXT" : kind.toUpperCase();
    const values = window.wav2vec2Export ?? [];
    const how = Object.fromEntries(config.exportOptions.map((option, number) => [option, values[number]]));
    return element("a", { className: "w-button w-small", textContent: name, title: format(texts.download, { kind: name }),
      href: address(`${route}/${item.id}`, { response_format: kind, save: "1", ...how }) });
  });

  const form = (item) => {
    const name = element("input", { className: "w-field", value: item.name, maxLength: 200 });
    const labels = element("input", { className: "w-field", value: item.tags.join(", ") });
    const save = element("button", { className: "w-button", textContent: texts.save });
    const made = element("form", { className: "w-stored-form" },
      element("label", {}, texts.name, name), element("label", {}, texts.tags, labels), save);
    made.addEventListener("submit", async (event) => {
      event.preventDefault();
      const body = { name: name.value, tags: labels.value.split(",") };
      if (await trying(() => ask(`${route}/${item.id}`, { method: "PATCH", body }))) {
        announce(texts.saved);
        await refresh();
        show(item.id);
      }
    });
    return made;
  };

  const buttons = (item) => {
    const remove = element("button", { type: "button", className: "w-button w-small w-danger", textContent: texts.delete });
    remove.addEventListener("click", async () => {
      if (await trying(() => ask(`${route}/${item.id}`, { method: "DELETE" }))) {
        choose("");
        announce(texts.deleted);
        refresh();
      }
    });
    const again = element("button", { type: "button", className: "w-button w-small", textContent: texts.decodeAgain, hidden: !item.has_emission });
    again.addEventListener("click", async () => {
      again.disabled = true;
      const [, ...values] = window.wav2vec2Options ?? [];
      const body = Object.fromEntries(config.options.map((option, number) => [option, values[number] ?? null]));
      if (await trying(() => ask(`${route}/${item.id}/decode`, { method: "POST", body }))) {
        await show(item.id);
        refresh();
      }
      again.disabled = false;
    });
    const like = element("button", { type: "button", className: "w-button w-small", textContent: texts.similar, hidden: !item.has_emission });
    like.addEventListener("click", async () => {
      const found = await trying(() => ask(`${route}/${item.id}/similar`));
      if (found && chosen === item.id) showSimilar(found.items);
    });
    return element("div", { className: "w-actions" }, ...links(item), again, like, remove);
  };

  /* What was corrected can be compared with what the model wrote, and taken back. */
  const versions = (item, original) => {
    if (!item.corrected && !item.renamed) return [];
    const compare = element("button", { type: "button", className: "w-button w-small", textContent: texts.original, attributes: { "aria-pressed": String(original) } });
    compare.addEventListener("click", async () => {
      await show(item.id, { original: !original });
      detail.querySelector(".w-versions [aria-pressed]")?.focus();
    });
    const restore = element("button", { type: "button", className: "w-button w-small w-danger", textContent: texts.restore });
    restore.addEventListener("click", async () => {
      if (await trying(() => ask(`${route}/${item.id}/words`, { method: "DELETE" }))) {
        announce(texts.restored);
        await show(item.id, { moves: true });
        refresh();
      }
    });
    return [element("div", { className: "w-actions w-versions" }, element("span", { className: "w-hint", textContent: original ? texts.modelWrote : texts.corrected }), compare, restore)];
  };

  const showSimilar = (found) => {
    detail.querySelector(".w-similar")?.remove();
    const rows = found.map(({ item, similarity }) => {
      const open = element("button", { type: "button", className: "w-item" }, element("b", { textContent: item.name }),
        element("span", { className: "w-hint", textContent: `${format(texts.alike, { percent: Math.round(100 * similarity) })} · ${facts(item)}` }),
        element("span", { className: "w-excerpt", textContent: item.excerpt || texts.noWords }));
      open.addEventListener("click", () => show(item.id, { moves: true }));
      return element("li", {}, open);
    });
    const title = element("h4", { textContent: texts.similar, tabIndex: -1 });
    detail.append(element("section", { className: "w-similar" }, title,
      rows.length ? element("ul", { className: "w-items" }, ...rows) : element("p", { className: "w-hint", textContent: texts.noneAlike })));
    title.focus();
  };

  /* The word at `at` seconds, where a search found something. */
  const showFound = (at, player) => {
    if (player) player.currentTime = at;
    const words = [...detail.querySelectorAll(".w-word")];
    const word = words.filter((one) => Number(one.dataset.start) <= at + 0.1).at(-1) ?? words[0];
    word?.classList.add("w-found");
    word?.scrollIntoView({ block: "nearest" });
  };

  const show = async (id, { moves = false, at = null, original = false } = {}) => {
    const found = await trying(() => ask(`${route}/${id}`, { query: { original: original || "" } }));
    if (!found) { choose(""); return; }
    choose(id);
    const { item, transcription } = found;
    const player = item.has_audio ? element("audio", { controls: true, preload: "metadata", src: address(`${route}/${id}/audio`) }) : null;
    detail.replaceChildren(element("h3", { textContent: item.name, tabIndex: -1 }),
      element("p", { className: "w-hint", textContent: `${facts(item)}. ${format(texts.expires, { time: relative(item.expires - Date.now() / 1000) })}` }),
      ...(player ? [player] : []), ...versions(item, original), wordsOf(transcription, player), buttons(item), form(item));
    if (moves) {
      detail.querySelector("h3").focus({ preventScroll: true });
      if (innerWidth <= 900) detail.scrollIntoView();
    }
    if (at !== null) showFound(at, player);
  };

  choose("");
  return {
    open: () => {
      refresh();
      const { stored: wanted } = shared; /* a hit of "Find a sound" */
      shared.stored = null;
      if (wanted) show(wanted.id, { moves: true, at: wanted.at });
    },
  };
};
