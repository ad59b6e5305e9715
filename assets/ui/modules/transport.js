/* The transport above the transcript: play and pause, jumps, uncertain words, speed, time, waveform. */

import { $, all, clock, format } from "./dom.js";
import { peaksOf } from "./peaks.js";
import { Waveform } from "./waveform.js";

const JUMP_S = 5;
const ZOOM = 2;
const WINDOW_S = 30; /* of a long recording the waveform first shows this much */
const LONG_S = 120;

export const startTransport = (player, texts, words) => {
  const box = document.getElementById("w-transport");
  if (!box) return null;
  const waveform = new Waveform($(".w-wave", box), player, texts);
  const toggle = $('[data-transport="toggle"]', box);
  const time = $(".w-time", box);
  const note = $(".w-transport-note", box);
  let loading = null;

  const showTime = () => {
    time.textContent = `${clock(player.time, 1)} / ${clock(player.duration)}`;
    waveform.follow();
  };
  const showState = () => {
    const label = player.playing ? texts.pause : texts.play;
    toggle.setAttribute("aria-label", label);
    toggle.title = label;
    toggle.toggleAttribute("data-playing", player.playing);
    showTime();
  };

  const loadPeaks = async (url) => {
    loading?.abort();
    loading = new AbortController();
    const { signal } = loading;
    try {
      const peaks = await peaksOf(url, player.duration, signal);
      if (signal.aborted || player.url !== url) return;
      waveform.peaks = peaks;
      waveform.loudest = null;
    } catch { /* a file that the browser cannot decode: the words are drawn instead */ }
    waveform.draw();
  };

  let shown = "";
  let loaded = "";
  player.addEventListener("load", () => {
    box.hidden = !player.url;
    note.textContent = "";
    if (player.url !== shown) {
      shown = player.url;
      waveform.reset();
      takeWords();
    }
    if (!player.url) return;
    if (player.duration > LONG_S) waveform.show(0, WINDOW_S); else waveform.showAll();
    if (player.duration && player.url !== loaded) loadPeaks(loaded = player.url);
    showState();
  });
  player.addEventListener("state", showState);
  player.addEventListener("time", showTime);
  player.addEventListener("error", () => { note.textContent = texts.cannotPlay.join(" "); });

  const takeWords = () => { waveform.words = words.url === player.url ? words.words : []; waveform.draw(); };
  words.addEventListener("words", () => { takeWords(); showUncertain(); });
  const showUncertain = () => {
    const none = !words.words.some((word) => word.level !== "high");
    for (const button of all('[data-transport="previous"], [data-transport="next"]', box)) button.disabled = none;
  };

  /* --- the selected part --- */

  const part = $(".w-part", box);
  waveform.onSelect = (range) => {
    part.hidden = !range;
    if (range) $(".w-part-time", part).textContent = format(texts.part, {
      start: clock(range[0], 1), end: clock(range[1], 1) });
  };

  const act = {
    toggle: () => player.toggle(),
    back: () => player.seek(player.time - JUMP_S),
    forward: () => player.seek(player.time + JUMP_S),
    previous: () => words.goToUncertain(-1),
    next: () => words.goToUncertain(1),
    in: () => waveform.zoom(ZOOM),
    out: () => waveform.zoom(1 / ZOOM),
    all: () => waveform.showAll(),
    "play-part": () => player.playFrom(waveform.selection[0], waveform.selection[1]),
    "transcribe-part": () => transport.onPart(waveform.selection),
    "clear-part": () => waveform.select(null),
  };
  box.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-transport]");
    if (button && !button.disabled) act[button.dataset.transport]?.();
  });
  $(".w-speed", box).addEventListener("change", (event) => { player.speed = Number(event.target.value); });

  /* --- keys: in the waveform, and everywhere that does not use them itself --- */

  waveform.canvas.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 10 * JUMP_S : 1;
    const jumps = {
      ArrowLeft: player.time - step, ArrowDown: player.time - step,
      ArrowRight: player.time + step, ArrowUp: player.time + step,
      PageDown: player.time - 60, PageUp: player.time + 60, Home: 0, End: player.duration,
    };
    if (event.key in jumps) player.seek(jumps[event.key]);
    else if (event.key === "+" || event.key === "=") waveform.zoom(ZOOM);
    else if (event.key === "-") waveform.zoom(1 / ZOOM);
    else if (event.key === "Enter") player.toggle();
    else return;
    event.preventDefault();
  });

  const TYPING = "input, textarea, select, button, a, summary, [contenteditable=true], [role=dialog], [role=slider]";
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !player.url || box.hidden) return;
    const inField = event.target.closest?.("input, textarea, select, [contenteditable=true]");
    if (inField) return;
    if ((event.key === "n" || event.key === "p") && document.body.dataset.letterKeys !== "off") words.goToUncertain(event.key === "n" ? 1 : -1);
    else if (event.key === " " && !event.target.closest?.(TYPING.replace(", [role=slider]", ""))) player.toggle();
    else if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && !event.target.closest?.(TYPING)) {
      player.seek(player.time + (event.key === "ArrowLeft" ? -JUMP_S : JUMP_S));
    } else return;
    event.preventDefault();
  });

  const transport = { waveform, onPart: () => {} };
  return transport;
};
