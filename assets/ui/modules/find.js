/* The fold "Find a sound": a typed word, or the stretch that is selected in the waveform, is searched for in
   the recording; the hits are ranked, and the page's one player plays them. */

import { announce, clock, element, format } from "./dom.js";
import { ask } from "./server.js";

const ROUTE = "v1/audio/searches";

export const start = (config, { player, transcript, transport }, fold) => {
  const texts = config.texts.find;
  const waveform = transport?.waveform;
  let asked = 0;
  let recording = { url: "", blob: null };

  /* --- parts --- */

  const word = element("input", { type: "search", className: "w-field", maxLength: 200, autocomplete: "off", spellcheck: false });
  const submit = element("button", { type: "submit", className: "w-button", textContent: texts.find });
  const stretch = element("button", { type: "button", className: "w-button", textContent: texts.useStretch });
  const hint = element("p", { className: "w-hint" });
  const problem = element("p", { className: "w-find-problem", attributes: { role: "alert" } });
  const count = element("p", { className: "w-hint" });
  const list = element("ol", { className: "w-hits", attributes: { "aria-label": texts.hitsLabel } });
  const form = element("form", { className: "w-find-form", noValidate: true },
    element("label", { className: "w-find-word" }, element("span", { textContent: texts.word }), word), submit, stretch);
  fold.append(form, hint, problem, count, list);

  const showStretch = () => {
    const range = waveform?.selection;
    const usable = Boolean(range) && range[1] > range[0];
    stretch.disabled = !usable || !player.url;
    submit.disabled = !player.url;
    hint.textContent = usable ? format(texts.selected, { start: clock(range[0], 1), end: clock(range[1], 1) }) : texts.select;
  };

  /* --- hits --- */

  const spoken = (hit) => transcript.words
    .filter(({ start, end }) => Math.min(end, hit.end) - Math.max(start, hit.start) > 0.3 * (end - start))
    .map(({ text }) => text).join(" ");

  const row = (hit, at) => {
    const time = `${clock(hit.start, 1)}–${clock(hit.end, 1)}`;
    const percent = Math.round(100 * hit.score);
    const said = spoken(hit);
    const play = element("button", { type: "button", className: "w-button w-small", textContent: texts.play,
      attributes: { "aria-label": format(texts.playHit, { number: at + 1, time }) } });
    play.addEventListener("click", () => player.playFrom(hit.start, hit.end));
    const meter = element("span", { className: "w-find-meter", attributes: { "aria-hidden": "true" } });
    meter.style.setProperty("--share", hit.score.toFixed(3));
    return element("li", {}, play,
      element("span", { className: "w-find-time", textContent: time }),
      element("span", { className: "w-find-score", title: texts.score }, meter, `${percent} %`),
      element("span", { className: "w-find-said", textContent: hit.channel ? format(texts.channel, { channel: hit.channel, said }) : said }));
  };

  const clear = () => {
    asked += 1;
    problem.textContent = count.textContent = "";
    list.replaceChildren();
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

  const search = async (fields) => {
    clear();
    const number = asked;
    count.textContent = texts.searching;
    form.setAttribute("aria-busy", "true");
    try {
      const body = new FormData();
      for (const [name, value] of Object.entries(fields)) body.append(name, value);
      const blob = await file();
      body.append("file", blob, decodeURIComponent(player.url.split("/").pop()) || "recording");
      if (number !== asked) return;
      const { hits } = await ask(ROUTE, { method: "POST", body, lost: texts.lost });
      if (number !== asked) return;
      count.textContent = hits.length ? format(texts.count, { count: hits.length }) : texts.none;
      announce(count.textContent);
      list.replaceChildren(...hits.map(row));
    } catch (error) {
      if (number !== asked) return;
      count.textContent = "";
      problem.textContent = error.code || error.message === texts.lost ? `${error.message} ${error.hint}`.trim() : texts.lost;
    } finally {
      if (number === asked) form.removeAttribute("aria-busy");
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    if (word.value.trim()) search({ word: word.value });
    else { clear(); problem.textContent = texts.noWord; word.focus(); }
  });
  stretch.addEventListener("click", () => {
    const [from, to] = waveform.selection;
    search({ start: from.toFixed(3), end: to.toFixed(3) });
  });

  /* --- the recording and its selection change --- */

  let shown = player.url;
  player.addEventListener("load", () => {
    if (player.url !== shown) { shown = player.url; recording = { url: "", blob: null }; clear(); }
    showStretch();
  });
  waveform?.onSelection(showStretch);
  showStretch();
};
