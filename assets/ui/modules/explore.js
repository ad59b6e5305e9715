/* Explore: what the model saw. Loaded when the view is opened. Parts of the recording come from the server as data;
   the one player of the page is followed and driven. */

import { announce, clock, element, format, lastStarted, lazily } from "./dom.js";
import { Plots, topOf, unpack } from "./explore_plots.js";
import { startSimilarity } from "./explore_similarity.js";
import { WordView } from "./explore_word.js";

const FIRST_S = 8;
const MIN_S = 0.5;
const MAX_S = 120;
const ZOOM = 2;
const PAGE = 0.8;
const LEAD = 0.05;
const REST_MS = 120;
const LOST_MS = 30_000;
const AROUND_S = 0.2; /* shown on each side of a chosen word */
const BEFORE = 4;
const MOST_WORDS = 60; /* buttons of words; a longer part has none */
const JUMP_S = 1;

export const start = (config, shared, place) => {
  const texts = config.texts.explore;
  const { player, transcript } = shared;
  let [view, data, wanted, asking, timer] = [[0, FIRST_S], null, null, false, 0];
  let [frame, pinned, following, last, open, channel] = [-1, false, true, 0, false, 0];

  /* --- parts --- */

  const button = (name, sign, label) => element("button", { type: "button", className: "w-button w-small w-sign", textContent: sign, title: label, data: { explore: name }, attributes: { "aria-label": label } });
  const scroll = element("input", { type: "range", min: 0, step: "any", attributes: { "aria-label": texts.scroll } });
  const part = element("span", { className: "w-explore-part" });
  const channels = element("select", { className: "w-speed", hidden: true, attributes: { "aria-label": texts.channel } });
  const tools = element("div", { className: "w-explore-tools", attributes: { role: "group", "aria-label": texts.tools } },
    button("earlier", "‹", texts.earlier), scroll, button("later", "›", texts.later), part, channels,
    button("out", "−", texts.zoomOut), button("in", "+", texts.zoomIn), button("all", texts.all, texts.showAll));
  const problem = element("p", { className: "w-hint", attributes: { role: "status" } });
  const field = element("div", { className: "w-explore-field", tabIndex: 0, attributes: { role: "slider", "aria-label": texts.frames, "aria-orientation": "horizontal", "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0" } });
  const detail = element("div", { className: "w-explore-frame" });
  const words = element("div", { className: "w-explore-words", attributes: { role: "group", "aria-label": texts.words } });
  const why = element("section", { className: "w-explore-why", attributes: { "aria-label": texts.whyLabel } });
  const help = element("p", { className: "w-hint", textContent: texts.help });
  place.replaceChildren(help, tools, problem, field, element("div", { className: "w-explore-side" }, detail, why), words);

  /* --- the server --- */

  let queue = Promise.resolve();
  const ask = (values, limit = LOST_MS) => {
    const fetched = queue.then(async () => {
      const lost = new Promise((done) => { setTimeout(done, limit, null); });
      const text = await Promise.race([shared.fileText(`explore:${JSON.stringify(values)}`), lost]);
      return text === null ? null : JSON.parse(text);
    }).catch(() => null);
    queue = fetched;
    return fetched;
  };

  const plots = new Plots(field, texts, {
    zoom: (from, to) => { following = false; look(from, to - from); },
    seek: (at) => { player.seek(at); choose(frameAt(at), true); field.focus({ preventScroll: true }); },
    hover: (at) => { if (at === null) { if (!pinned) choose(-1); } else if (!pinned) choose(frameAt(at)); },
  });
  const why_ = new WordView(why, texts, { ask, play: (from, to) => player.playFrom(from, to) });

  const similar = startSimilarity(plots, texts);
  const layersPlace = element("div");
  const layersFold = element("details", { className: "w-explore-layers" }, element("summary", { textContent: texts.layers.title }), layersPlace);
  place.append(similar.fold, layersFold);
  let layers = null;
  const loadLayers = lazily("explore_layers", (module) => module.start(layersPlace, {
    plots, ask,
    isOpen: () => open && layersFold.open,
    result: () => transcript.url,
    wanted: () => data && { start: data.start, end: Number(data.end.toFixed(3)), channel },
    wordAt: (seconds) => transcript.words.find((word) => word.start <= seconds && seconds < word.end && (!channel || !word.channel || word.channel === channel)),
    hover: (at) => { if (!pinned) choose(at === null ? -1 : frameAt(at)); },
  }, texts), { styled: true });
  layersFold.addEventListener("toggle", async () => { layers = await loadLayers(); layers.update(); });

  const request = async () => {
    if (asking || !open || !wanted) return;
    asking = true;
    place.setAttribute("aria-busy", "true");
    const [from, to] = wanted;
    wanted = null;
    const columns = Math.min(1200, Math.max(200, Math.round(plots.width)));
    const answer = await ask({ start: Number(from.toFixed(3)), end: Number(to.toFixed(3)), columns, channel });
    asking = false;
    place.removeAttribute("aria-busy");
    if (!answer || answer.error) {
      problem.textContent = answer?.error ? `${answer.error.message} ${answer.error.hint}` : texts.failed;
    } else {
      problem.textContent = answer.emission ? (answer.emission.merged > 1 ? format(texts.merged, { count: answer.emission.merged }) : "") : texts.noEmission;
      data = unpack(answer);
      showChannels();
      plots.words = transcript.words;
      plots.view = view;
      plots.show(data);
      place.dataset.from = data.start.toFixed(3);
      place.dataset.to = data.end.toFixed(3);
      choose(frame);
      similar.update();
      layers?.update();
    }
    if (wanted) request();
  };

  /* --- the part --- */

  const look = (from, span) => {
    const { duration } = player;
    if (!duration) return;
    const length = Math.min(Math.max(span, MIN_S), duration, MAX_S);
    const begin = Math.min(Math.max(0, from), duration - length);
    view = [begin, begin + length];
    wanted = view;
    showTools();
    if (data) plots.look(...view);
    layers?.look();
    clearTimeout(timer);
    timer = setTimeout(request, REST_MS);
  };
  const zoom = (factor, around) => {
    const [from, to] = view;
    const known = around ?? (pinned && frame >= 0 ? timeOf(frame)[0] : player.time);
    const fixed = known >= from && known <= to ? known : (from + to) / 2;
    const span = Math.min(Math.max((to - from) / factor, MIN_S), MAX_S);
    look(fixed - ((fixed - from) / (to - from)) * span, span);
  };
  const move = (share) => { following = false; look(view[0] + share * (view[1] - view[0]), view[1] - view[0]); };

  const showTools = () => {
    const [from, to] = view;
    const { duration } = player;
    part.textContent = format(texts.part, { start: clock(from, 1), end: clock(to, 1) });
    scroll.max = String(Math.max(0, duration - (to - from)));
    if (document.activeElement !== scroll) scroll.value = String(from);
    scroll.setAttribute("aria-valuetext", part.textContent);
    const widest = to - from >= Math.min(duration, MAX_S) - 0.01;
    const off = { in: to - from <= MIN_S + 0.01, out: widest, all: widest, earlier: from < 0.01, later: to > duration - 0.01 };
    for (const [name, value] of Object.entries(off)) tools.querySelector(`[data-explore="${name}"]`).disabled = value;
    scroll.disabled = to - from >= duration - 0.01;
    showWords();
  };

  const showChannels = () => {
    channels.hidden = !data.channels;
    if (channels.options.length !== data.channels) {
      channels.replaceChildren(...Array.from({ length: data.channels }, (_, at) => element("option", { value: at + 1, textContent: format(texts.channelNumber, { channel: at + 1 }) })));
    }
    if (data.channels && !channel) [channel, wanted] = [1, view];
    if (data.channels) channels.value = String(channel);
  };
  channels.addEventListener("change", () => { channel = Number(channels.value); wanted = view; request(); });

  /* --- frames --- */

  const frameAt = (seconds) => (data?.emission ? Math.min(data.emission.columns - 1, Math.max(0, Math.floor((seconds - data.emission.start) / data.emission.frame_s + 1e-6))) : -1);
  const timeOf = (at) => [data.emission.start + at * data.emission.frame_s, data.emission.start + (at + 1) * data.emission.frame_s];
  const spoken = (token) => (token === "" ? texts.blank : token === " " ? texts.space : token);

  const choose = (at, pin = pinned) => {
    const emission = data?.emission;
    pinned = pin && at >= 0;
    frame = emission?.columns ? Math.min(at, emission.columns - 1) : -1;
    layers?.select(frame < 0 ? null : timeOf(frame)[0]);
    if (frame < 0) { plots.select(null); detail.replaceChildren(element("p", { className: "w-hint", textContent: emission ? texts.noFrame : "" })); return; }
    const [from, to] = timeOf(frame);
    const top = topOf(emission, frame);
    plots.select([from, to]);
    const title = format(texts.frame, { start: from.toFixed(2), end: to.toFixed(2), bits: emission.entropy_bits[frame].toFixed(2) });
    detail.replaceChildren(element("h3", { textContent: title }), element("ol", {}, ...top.map(({ token, probability }) => {
      const bar = element("i", { attributes: { "aria-hidden": "true" } });
      bar.style.width = `${Math.max(1, 100 * probability)}%`;
      return element("li", {}, element("b", { textContent: spoken(token) }), element("span", { className: "w-explore-bar" }, bar), element("span", { textContent: `${(100 * probability).toFixed(1)} %` }));
    })));
    const first = Math.round(emission.start / emission.frame_s);
    field.setAttribute("aria-valuemin", String(first));
    field.setAttribute("aria-valuemax", String(first + emission.columns - 1));
    field.setAttribute("aria-valuenow", String(first + frame));
    field.setAttribute("aria-valuetext", `${title}: ${top.slice(0, 3).map(({ token, probability }) => `${spoken(token)} ${(100 * probability).toFixed(0)} %`).join(", ")}`);
  };

  /* Step to another frame; at an edge the part moves on. */
  const step = (by) => {
    if (!data?.emission) return;
    const at = frame < 0 ? frameAt(Math.max(view[0], Math.min(player.time, view[1]))) : frame + by;
    const seconds = data.emission.start + at * data.emission.frame_s;
    following = false;
    if (seconds < view[0] && view[0] > 0) move(-PAGE / 2);
    else if (seconds >= view[1] && view[1] < player.duration) move(PAGE / 2);
    choose(Math.min(Math.max(0, at), data.emission.columns - 1), true);
  };

  /* --- words --- */

  const inView = () => {
    const found = [];
    for (let at = Math.max(0, lastStarted(transcript.words, view[0])); at < transcript.words.length && transcript.words[at].start < view[1]; at++) {
      if (transcript.words[at].end > view[0]) found.push(at);
    }
    return found;
  };
  const showWords = () => {
    const found = inView();
    words.replaceChildren(...(found.length > MOST_WORDS ? [element("p", { className: "w-hint", textContent: texts.tooManyWords })] : found.map((at) => {
      const word = transcript.words[at];
      return element("button", { type: "button", className: "w-button w-small", textContent: word.text, data: { word: at, level: word.level },
        attributes: { "aria-pressed": String(why_.word?.index === at) } });
    })));
  };
  const explain = async (at) => {
    const word = { ...transcript.words[at], index: at };
    following = false;
    const before = transcript.words.slice(Math.max(0, at - BEFORE), at).map((one) => one.text);
    const length = word.end - word.start + 2 * AROUND_S;
    look(word.start - AROUND_S - Math.max(0, MIN_S - length) / 2, length);
    plots.marks = [];
    const shown = why_.show(word, before, typeof word.channel === "number" ? word.channel : channel);
    showWords();
    words.querySelector(`[data-word="${at}"]`)?.focus({ preventScroll: true });
    plots.marks = await shown;
    plots.redraw();
    announce(format(texts.why, { word: word.text }));
  };
  words.addEventListener("click", (event) => {
    const chosen = event.target.closest?.("[data-word]");
    if (chosen) explain(Number(chosen.dataset.word));
  });

  /* --- tools, keys and the wheel --- */

  const act = { in: () => zoom(ZOOM), out: () => zoom(1 / ZOOM), all: () => look(0, player.duration), earlier: () => move(-PAGE), later: () => move(PAGE) };
  tools.addEventListener("click", (event) => {
    const pressed = event.target.closest?.("[data-explore]");
    if (pressed && !pressed.disabled) act[pressed.dataset.explore]();
  });
  scroll.addEventListener("input", () => { following = false; look(Number(scroll.value), view[1] - view[0]); });
  field.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = event.shiftKey ? 10 : 1;
    const keys = {
      ArrowLeft: () => step(-by), ArrowRight: () => step(by), ArrowDown: () => step(-by), ArrowUp: () => step(by),
      Home: () => choose(frameAt(view[0]), true), End: () => choose(frameAt(view[1]), true),
      PageUp: () => move(-PAGE), PageDown: () => move(PAGE), "+": act.in, "=": act.in, "-": act.out,
      Enter: () => { if (frame >= 0) player.playFrom(timeOf(frame)[0]); }, " ": () => player.toggle(),
      Escape: () => choose(-1, false),
    };
    if (!keys[event.key]) return;
    keys[event.key]();
    event.preventDefault();
  });
  field.addEventListener("focus", () => { if (frame < 0 && data?.emission) step(0); });
  field.addEventListener("wheel", (event) => {
    const box = field.querySelector(".u-over")?.getBoundingClientRect();
    if (!box) return;
    if (event.ctrlKey || event.metaKey) zoom(event.deltaY < 0 ? 1.25 : 0.8, view[0] + ((event.clientX - box.left) / box.width) * (view[1] - view[0]));
    else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) move((event.deltaX || event.deltaY) / box.width);
    else return;
    event.preventDefault();
  }, { passive: false });

  /* --- the player, and another result --- */

  player.addEventListener("time", () => {
    if (!open) return;
    const { time } = player;
    const moved = Math.abs(time - last);
    last = time;
    if (moved > JUMP_S) following = true;
    plots.moveHead(time);
    if (following && moved && (time < view[0] || time > view[1])) look(time - LEAD * (view[1] - view[0]), view[1] - view[0]);
  });
  player.addEventListener("state", () => { if (player.playing) following = true; });

  const reset = () => {
    /* Of channels that were transcribed separately, the first is shown, never their mix. */
    [frame, pinned, following, channel, data] = [-1, false, true, transcript.words.some((word) => word.channel) ? 1 : 0, null];
    why_.clear();
    plots.marks = [];
    look(0, Math.min(FIRST_S, player.duration || FIRST_S));
  };
  let shown = "";
  const refresh = () => {
    if (!open || document.body.dataset.page !== "result" || !player.duration) return;
    const key = `${transcript.url} ${player.duration}`;
    if (key !== shown) { shown = key; reset(); return; }
    plots.words = transcript.words;
    why_.clear();
    plots.marks = [];
    showWords();
    wanted = view;
    request();
  };
  transcript.addEventListener("words", refresh);
  player.addEventListener("load", refresh);
  new MutationObserver(refresh).observe(document.body, { attributes: true, attributeFilter: ["data-page"] });

  return {
    plots,
    open: () => { open = true; refresh(); },
    close: () => { open = false; },
  };
};
