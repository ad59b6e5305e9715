/* The fold "Find a sound": a typed word, a spoken one, or the stretch that is selected in the waveform, is
   searched for in the recording or in the history. The hits are ranked; the page's one player plays those of
   the recording, and the history opens the others. */

import { announce, clock, element, format } from "./dom.js";
import { canRecord, recordQuery, SPOKEN_S } from "./find_microphone.js";
import { ask } from "./server.js";
import { cut } from "./wav.js";

const ROUTE = "v1/audio/searches";
const STORED_ROUTE = "v1/history/searches";

export const start = (config, shared, fold) => {
  const { player, transcript, transport } = shared;
  const texts = config.texts.find;
  const waveform = transport?.waveform;
  let asked = 0;
  let recording = { url: "", blob: null };

  /* --- parts --- */

  const word = element("input", { type: "search", className: "w-field", maxLength: 200, autocomplete: "off", spellcheck: false });
  const submit = element("button", { type: "submit", className: "w-button", textContent: texts.find });
  const stretch = element("button", { type: "button", className: "w-button", textContent: texts.useStretch });
  const say = element("button", { type: "button", className: "w-button", textContent: texts.say, hidden: !canRecord() });
  const places = ["inRecording", "inHistory"].map((name) => element("input", { type: "radio", name: "w-find-place", value: name, checked: name === "inRecording" }));
  const inHistory = () => places[1].checked;
  const place = element("fieldset", { className: "w-find-place" }, element("legend", { textContent: texts.place }),
    ...places.map((one) => element("label", {}, one, texts[one.value])));
  const hint = element("p", { className: "w-hint" });
  const problem = element("p", { className: "w-find-problem", attributes: { role: "alert" } });
  const count = element("p", { className: "w-hint" });
  const list = element("ol", { className: "w-hits", attributes: { "aria-label": texts.hitsLabel } });
  const form = element("form", { className: "w-find-form", noValidate: true },
    element("label", { className: "w-find-word" }, element("span", { textContent: texts.word }), word), submit, say, stretch);
  const older = element("button", { type: "button", className: "w-button w-small", textContent: texts.older, hidden: true });
  fold.append(place, form, hint, problem, count, list, older);

  const showStretch = () => {
    const range = waveform?.selection;
    const usable = Boolean(range) && range[1] > range[0];
    stretch.disabled = !usable || !player.url;
    submit.disabled = say.disabled = !player.url && !inHistory();
    hint.textContent = usable ? format(texts.selected, { start: clock(range[0], 1), end: clock(range[1], 1) }) : texts.select;
  };

  /* --- hits --- */

  const spoken = (hit) => transcript.words
    .filter(({ start, end }) => Math.min(end, hit.end) - Math.max(start, hit.start) > 0.3 * (end - start))
    .map(({ text }) => text).join(" ");

  const timeOf = (hit) => `${clock(hit.start, 1)}–${clock(hit.end, 1)}`;

  const row = (hit, button, said) => {
    const percent = Math.round(100 * hit.score);
    const meter = element("span", { className: "w-find-meter", attributes: { "aria-hidden": "true" } });
    meter.style.setProperty("--share", hit.score.toFixed(3));
    return element("li", {}, button,
      element("span", { className: "w-find-time", textContent: timeOf(hit) }),
      element("span", { className: "w-find-score", title: texts.score }, meter, `${percent} %`),
      element("span", { className: "w-find-said", textContent: hit.channel ? format(texts.channel, { channel: hit.channel, said }) : said }));
  };

  const inThis = (hit, at) => {
    const play = element("button", { type: "button", className: "w-button w-small", textContent: texts.play,
      attributes: { "aria-label": format(texts.playHit, { number: at + 1, time: timeOf(hit) }) } });
    play.addEventListener("click", () => player.playFrom(hit.start, hit.end));
    return row(hit, play, spoken(hit));
  };

  const inStored = ([item, hit]) => {
    const open = element("button", { type: "button", className: "w-button w-small", textContent: texts.open,
      attributes: { "aria-label": format(texts.openHit, { name: item.name, time: timeOf(hit) }) } });
    open.addEventListener("click", () => {
      shared.stored = { id: item.id, at: hit.start };
      location.hash = "history";
    });
    return row(hit, open, item.name);
  };

  const ranked = (items) => items.flatMap((item) => item.hits.map((hit) => [item, hit])).sort(([, one], [, other]) => other.score - one.score);

  const clear = () => {
    asked += 1;
    problem.textContent = count.textContent = "";
    list.replaceChildren();
    older.hidden = true;
    form.removeAttribute("aria-busy");
  };

  /* The file that is played, so that the times of the hits are its times. */
  const file = async () => {
    const { url } = player;
    if (recording.url !== url) {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(answer.statusText);
      recording = { url, blob: await answer.blob() };
    }
    return recording.blob;
  };

  const show = (answer) => {
    const rows = answer.items ? ranked(answer.items).map(inStored) : answer.hits.map(inThis);
    const searched = answer.items ? ` · ${format(texts.searched, { count: answer.searched })}` : "";
    count.textContent = (rows.length ? format(texts.count, { count: rows.length }) : texts.none) + searched;
    announce(count.textContent);
    list.replaceChildren(...rows);
    older.hidden = !answer.next;
  };

  /* The fields of a search; `query` and `file` are functions that give a file. */
  let last = null;
  const search = async (route, { query, file, ...fields }) => {
    clear();
    last = { query, ...fields };
    const number = asked;
    count.textContent = texts.searching;
    form.setAttribute("aria-busy", "true");
    try {
      const body = new FormData();
      for (const [name, value] of Object.entries(fields)) body.append(name, value);
      if (query) body.append("query", await query(), "query");
      if (file) body.append("file", await file(), decodeURIComponent(player.url.split("/").pop()) || "recording");
      if (number !== asked) return;
      const answer = await ask(route, { method: "POST", body, lost: texts.lost });
      if (number !== asked) return;
      show(answer);
      older.onclick = () => search(STORED_ROUTE, { ...last, before: answer.next });
    } catch (error) {
      if (number !== asked) return;
      count.textContent = "";
      problem.textContent = error.code || error.message === texts.lost ? `${error.message} ${error.hint}`.trim() : texts.lost;
    } finally {
      if (number === asked) form.removeAttribute("aria-busy");
    }
  };
  const searchFor = (what) => (inHistory() ? search(STORED_ROUTE, what) : search(ROUTE, { ...what, file }));

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    if (word.value.trim()) searchFor({ word: word.value });
    else { clear(); problem.textContent = texts.noWord; word.focus(); }
  });
  stretch.addEventListener("click", () => {
    const [from, to] = waveform.selection;
    if (inHistory()) search(STORED_ROUTE, { query: () => cut(player.url, from, to, "query.wav") });
    else search(ROUTE, { start: from.toFixed(3), end: to.toFixed(3), file });
  });

  /* --- a spoken word --- */

  let microphone = null;
  const showSaying = (on) => {
    say.textContent = on ? texts.stopSaying : texts.say;
    say.setAttribute("aria-pressed", String(on));
    if (on) { hint.textContent = format(texts.saying, { count: SPOKEN_S }); announce(hint.textContent); } else showStretch();
  };
  say.addEventListener("click", async () => {
    if (microphone) { microphone.stop(); return; }
    player.pause();
    clear();
    try { microphone = await recordQuery(); } catch (error) {
      problem.textContent = (config.texts.microphone[error.name] ?? config.texts.microphone.other).join(" ");
      return;
    }
    showSaying(true);
    const spokenWord = await microphone.done;
    microphone = null;
    showSaying(false);
    searchFor({ query: () => spokenWord });
  });
  for (const one of places) one.addEventListener("change", () => { clear(); showStretch(); });

  /* --- the recording and its selection change --- */

  let shown = player.url;
  player.addEventListener("load", () => {
    if (player.url !== shown) { shown = player.url; recording = { url: "", blob: null }; clear(); }
    showStretch();
  });
  waveform?.onSelection(showStretch);
  showStretch();
};
