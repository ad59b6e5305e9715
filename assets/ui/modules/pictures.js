/* The pictures follow the player and drive it; long ones are wider than their place and scroll. */

import { $, all, format } from "./dom.js";

/* All pictures have the same time axis: from 62 to 788 of a width of 800 (worker/plots/canvas.py). */
const AXIS = { left: 62 / 800, width: (788 - 62) / 800 };
const DRAWING = "#pictures .w-figure:not([data-state]) .w-drawing";
const WINDOW_S = 8; /* what a picture shows of a longer recording once it is zoomed */
const MAX_SCALE = 12;

const ORIGIN = { start: "left", middle: "center", end: "right" };

/* Stretch a drawing along its time axis; text and lines keep their shape. */
const stretch = (svg, scale) => {
  svg.dataset.scale = scale;
  const [, , width, height] = (svg.getAttribute("viewBox") ?? "0 0 800 300").split(/\s+/).map(Number);
  svg.setAttribute("preserveAspectRatio", scale > 1 ? "none" : "xMidYMid meet");
  svg.style.aspectRatio = `${width * scale} / ${height}`;
  for (const text of all("text", svg)) {
    text.style.transformBox = "fill-box";
    text.style.transformOrigin = ORIGIN[getComputedStyle(text).textAnchor] ?? "left";
    text.style.transform = scale > 1 ? `scaleX(${1 / scale})` : "";
  }
};

/* Each word that fits is written over its own band; the others are shown by their bands' tooltips. */
const label = (svg, words, duration, scale) => {
  for (const old of all(".w-own", svg)) old.remove();
  const bar = all("rect", svg).find((one) => one.getAttribute("height") === "4.0");
  if (!bar || !(duration > 0)) return;
  const size = parseFloat(getComputedStyle($("text", svg)).fontSize) || 12;
  const y = Number(bar.getAttribute("y")) - 7;
  for (const { text, start, end } of words) {
    const width = (726 * (end - start)) / duration;
    if ((text.length * size * 0.6) / scale > width) continue;
    const mark = document.createElementNS("http://www.w3.org/2000/svg", "text");
    mark.setAttribute("class", "word middle w-own");
    mark.setAttribute("x", (62 + (726 * (start + end)) / 2 / duration).toFixed(1));
    mark.setAttribute("y", y);
    mark.textContent = text;
    svg.append(mark);
  }
};

export const startPictures = (player, transcript, texts) => {
  const place = document.getElementById("pictures");
  if (!place) return;
  let scale = 1;
  let chosen = 0; /* by the user; 0: about WINDOW_S are shown */

  const prepare = () => {
    for (const drawing of all(DRAWING)) {
      if (drawing.tabIndex === 0) continue;
      drawing.tabIndex = 0;
      drawing.setAttribute("role", "group");
      const title = $("h3", drawing.closest(".w-figure"))?.textContent ?? "";
      drawing.setAttribute("aria-label", format(texts.picture, { title }));
    }
    zoomTo(chosen || player.duration / WINDOW_S);
    show();
  };

  const share = () => AXIS.left + (player.time / player.duration) * AXIS.width;
  const show = () => {
    const active = player.duration && (player.playing || player.time > 0);
    for (const drawing of all(DRAWING)) {
      let line = $(".w-playhead", drawing);
      if (!active) { line?.remove(); continue; }
      const sheet = $(".w-sheet", drawing) ?? drawing;
      if (!line) {
        line = document.createElement("i");
        line.className = "w-playhead";
        sheet.append(line);
      }
      line.style.left = `${share() * 100}%`;
      if (scale > 1 && player.playing) {
        const x = share() * drawing.scrollWidth;
        if (x < drawing.scrollLeft || x > drawing.scrollLeft + 0.9 * drawing.clientWidth) {
          drawing.scrollLeft = x - 0.1 * drawing.clientWidth;
        }
      }
    }
  };

  /* --- zoom: the sheet is wider than its place; all pictures scroll together --- */

  const zoomTo = (wanted) => {
    const most = Math.min(MAX_SCALE, Math.max(1, player.duration / WINDOW_S));
    scale = Math.min(Math.max(1, wanted), most);
    for (const drawing of all(DRAWING)) {
      let sheet = $(".w-sheet", drawing);
      if (sheet && !$("svg", sheet)) { sheet.remove(); sheet = null; }
      if (!sheet) {
        sheet = document.createElement("div");
        sheet.className = "w-sheet";
        sheet.append(...drawing.childNodes);
        drawing.append(sheet);
      }
      sheet.style.width = `${scale * 100}%`;
      const svg = $("svg", sheet);
      if (svg && Number(svg.dataset.scale ?? 0) !== scale) {
        label(svg, transcript.words, player.duration, scale);
        stretch(svg, scale);
      }
      drawing.toggleAttribute("data-zoomed", scale > 1);
    }
    const tools = $("#picture-tools");
    if (!tools) return;
    tools.hidden = most <= 1 || !all(DRAWING).length;
    $('[data-pictures="in"]', tools).disabled = scale >= most;
    for (const kind of ["out", "all"]) $(`[data-pictures="${kind}"]`, tools).disabled = scale <= 1;
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-pictures]");
    if (!button) return;
    const to = { in: scale * 2, out: scale / 2, all: 1 }[button.dataset.pictures];
    zoomTo(to);
    chosen = scale;
    show();
    const shown = all(DRAWING)[0];
    if (shown) shown.scrollLeft = share() * shown.scrollWidth - shown.clientWidth / 2;
  });
  document.addEventListener("scroll", (event) => {
    if (!event.target.matches?.(`${DRAWING}[data-zoomed]`)) return;
    for (const other of all(DRAWING)) {
      if (other !== event.target && Math.abs(other.scrollLeft - event.target.scrollLeft) > 1) {
        other.scrollLeft = event.target.scrollLeft;
      }
    }
  }, true);

  /* --- a click or a key moves the position --- */

  place.addEventListener("click", (event) => {
    const drawing = event.target.closest?.(DRAWING);
    if (!drawing || !player.duration) return;
    const box = ($(".w-sheet", drawing) ?? drawing).getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width - AXIS.left) / AXIS.width;
    if (at >= 0 && at <= 1) player.playFrom(at * player.duration);
  });
  place.addEventListener("keydown", (event) => {
    if (!event.target.matches?.(DRAWING)) return;
    const to = { ArrowLeft: player.time - 0.5, ArrowRight: player.time + 0.5, Home: 0, End: player.duration }[event.key];
    if (to !== undefined) player.seek(to);
    else if (event.key === "Enter" || event.key === " ") player.toggle();
    else return;
    event.preventDefault();
  });

  /* Gradio changes the elements in place: a drawing appears inside a figure that is there already. */
  new MutationObserver((changes) => {
    const drawn = changes.some((one) => one.type === "attributes"
      || [...one.addedNodes].some((node) => node.nodeName === "svg" || node.matches?.(".w-figure, .w-drawing")));
    if (drawn) prepare();
  }).observe(place, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-state"] });
  player.addEventListener("time", show);
  player.addEventListener("state", show);
  player.addEventListener("load", () => { chosen = 0; prepare(); });
  prepare();
};
