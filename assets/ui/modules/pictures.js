/* The pictures follow the player and drive it. They show a part of the recording; zoom and scroll have the server
   draw another one, so that a shorter part has more detail. */

import { $, all, clock, format } from "./dom.js";

/* All pictures have the same time axis: from 62 to 788 of a width of 800 (worker/plots/canvas.py). */
const AXIS = { left: 62 / 800, width: (788 - 62) / 800 };
const FIGURES = "#pictures .w-figure:not([data-state])";
const DRAWING = `${FIGURES} .w-drawing`;
const MIN_SPAN_S = 0.5;
const ZOOM = 2;
const PAGE = 0.8; /* the share of a part by which a press moves on */
const LEAD = 0.05; /* the share of a part before the position that it follows */
const REST_MS = 150;
const JUMP_S = 1; /* the position moved by more than playing does between two events */
const WHEEL_ZOOM = 1.25;

export const startPictures = (player, texts) => {
  const place = document.getElementById("pictures");
  if (!place) return;
  const tools = $("#picture-tools");
  const scroll = $("#picture-scroll");
  let wanted = null; /* the part that was requested and is not drawn yet */
  let timer = 0;

  const partOf = (figure) => [Number(figure.dataset.from), Number(figure.dataset.to)];
  const shown = () => {
    const figure = $(FIGURES);
    return figure ? partOf(figure) : [0, 0];
  };
  const current = () => wanted ?? shown();
  const same = (one, other) => Math.abs(one[0] - other[0]) < 0.05 && Math.abs(one[1] - other[1]) < 0.05;

  const prepare = () => {
    if (wanted && all(FIGURES).every((figure) => same(partOf(figure), wanted))) wanted = null;
    for (const figure of all(FIGURES)) {
      const drawing = $(".w-drawing", figure);
      figure.toggleAttribute("data-stale", Boolean(wanted) && !same(partOf(figure), wanted));
      if (drawing.tabIndex === 0) continue;
      drawing.tabIndex = 0;
      drawing.setAttribute("role", "group");
      drawing.setAttribute("aria-label", format(texts.picture, { title: $("h3", figure)?.textContent ?? "" }));
    }
    showTools();
    showPosition();
  };

  const showTools = () => {
    if (!tools) return;
    const [from, to] = current();
    const { duration } = player;
    tools.hidden = !(to > from) || !duration;
    if (tools.hidden) return;
    const span = to - from;
    $(".w-picture-part", tools).textContent = format(texts.picturePart, { start: clock(from, 1), end: clock(to, 1) });
    scroll.max = Math.max(0, duration - span).toFixed(1);
    if (document.activeElement !== scroll || !wanted) scroll.value = from.toFixed(1);
    scroll.setAttribute("aria-valuetext", $(".w-picture-part", tools).textContent);
    const whole = span > duration - 0.1;
    const off = { in: span <= MIN_SPAN_S + 0.01, out: whole, all: whole, earlier: from < 0.05, later: to > duration - 0.05 };
    for (const [kind, value] of Object.entries(off)) $(`[data-pictures="${kind}"]`, tools).disabled = value;
    scroll.disabled = whole;
  };

  /* Have a part drawn; of several requests in a row only the last one is sent. */
  const ask = (from, span) => {
    const { duration } = player;
    const length = Math.min(Math.max(span, MIN_SPAN_S), duration);
    const start = Math.min(Math.max(0, from), duration - length);
    const part = [start, start + length];
    if (!duration || same(part, current())) return;
    wanted = part;
    prepare();
    clearTimeout(timer);
    timer = setTimeout(() => {
      window.wav2vec2Part = part.map((one) => one.toFixed(3)).join(" ");
      document.getElementById("redraw")?.click();
    }, REST_MS);
  };

  /* `around` stays where it is. */
  const zoom = (factor, around = player.time) => {
    const [from, to] = current();
    const fixed = around >= from && around <= to ? around : (from + to) / 2;
    const span = Math.max((to - from) / factor, MIN_SPAN_S);
    ask(fixed - ((fixed - from) / (to - from)) * span, span);
  };
  const move = (share) => {
    following = false;
    const [from, to] = current();
    ask(from + share * (to - from), to - from);
  };

  const act = {
    in: () => zoom(ZOOM), out: () => zoom(1 / ZOOM), all: () => ask(0, player.duration),
    earlier: () => move(-PAGE), later: () => move(PAGE),
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-pictures]");
    if (button && !button.disabled) act[button.dataset.pictures]();
  });
  scroll?.addEventListener("input", () => {
    following = false;
    const [from, to] = current();
    ask(Number(scroll.value), to - from);
  });

  /* --- the position --- */

  const showPosition = () => {
    const { time, duration } = player;
    const active = duration && (player.playing || time > 0);
    for (const figure of all(FIGURES)) {
      const [from, to] = partOf(figure);
      const drawing = $(".w-drawing", figure);
      let line = $(".w-playhead", drawing);
      if (!active || time < from || time > to || !(to > from)) { line?.remove(); continue; }
      if (!line) {
        line = document.createElement("i");
        line.className = "w-playhead";
        drawing.append(line);
      }
      line.style.left = `${(AXIS.left + ((time - from) / (to - from)) * AXIS.width) * 100}%`;
    }
  };

  /* The part follows the position where the pictures are in view, until another part is chosen. */
  let [visible, following, last] = [false, true, 0];
  const follow = () => {
    const [from, to] = current();
    const { time } = player;
    if (!visible || !(to > from) || (time >= from && time <= to)) return;
    ask(time - LEAD * (to - from), to - from);
  };
  new IntersectionObserver(([entry]) => {
    visible = entry.isIntersecting;
    if (following && player.time > 0) follow();
  }).observe(place);
  player.addEventListener("time", () => {
    const moved = Math.abs(player.time - last);
    last = player.time;
    if (moved > JUMP_S || (moved && !player.playing)) following = true;
    showPosition();
    if (following && moved) follow();
  });
  player.addEventListener("state", () => { if (player.playing) following = true; showPosition(); });

  /* --- a click, a key or the wheel --- */

  const timeAt = (drawing, clientX) => {
    const box = drawing.getBoundingClientRect();
    const [from, to] = partOf(drawing.closest(".w-figure"));
    return from + (((clientX - box.left) / box.width - AXIS.left) / AXIS.width) * (to - from);
  };
  place.addEventListener("click", (event) => {
    const drawing = event.target.closest?.(DRAWING);
    if (!drawing || !player.duration) return;
    const [from, to] = partOf(drawing.closest(".w-figure"));
    const at = timeAt(drawing, event.clientX);
    if (at >= from && at <= to) player.playFrom(at);
  });
  place.addEventListener("keydown", (event) => {
    if (!event.target.matches?.(DRAWING) || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = Math.min(0.5, (current()[1] - current()[0]) / 16);
    const to = { ArrowLeft: player.time - step, ArrowRight: player.time + step, Home: 0, End: player.duration }[event.key];
    if (to !== undefined) player.seek(to);
    else if (event.key === "Enter" || event.key === " ") player.toggle();
    else if (event.key === "+" || event.key === "=") zoom(ZOOM);
    else if (event.key === "-") zoom(1 / ZOOM);
    else if (event.key === "PageUp" || event.key === "PageDown") move(event.key === "PageUp" ? -PAGE : PAGE);
    else return;
    event.preventDefault();
  });
  place.addEventListener("wheel", (event) => {
    const drawing = event.target.closest?.(DRAWING);
    const [from, to] = current();
    if (!drawing || !(to > from)) return;
    if (event.ctrlKey || event.metaKey) {
      zoom(event.deltaY < 0 ? WHEEL_ZOOM : 1 / WHEEL_ZOOM, timeAt(drawing, event.clientX));
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      move((event.deltaX || event.deltaY) / drawing.clientWidth);
    } else return;
    event.preventDefault();
  }, { passive: false });

  /* Gradio changes the elements in place: a drawing appears inside a figure that is there already. */
  const FOLLOWED = ["data-state", "data-from", "data-to"];
  new MutationObserver((changes) => {
    const drawn = changes.some((one) => one.type === "attributes"
      || [...one.addedNodes].some((node) => node.nodeName === "svg" || node.matches?.(".w-figure, .w-drawing")));
    if (drawn) prepare();
  }).observe(place, { childList: true, subtree: true, attributes: true, attributeFilter: FOLLOWED });
  /* Where a part could not be drawn, the earlier one stays. */
  const note = document.getElementById("pictures-note");
  if (note) new MutationObserver(() => { if (note.textContent.trim()) { wanted = null; prepare(); } })
    .observe(note, { childList: true, subtree: true, characterData: true });
  player.addEventListener("load", () => { clearTimeout(timer); wanted = null; prepare(); });
  prepare();
};
