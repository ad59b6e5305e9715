/* The aligned text: word by word or line by line, and the place of the player in it.

   The server sends the words as tiles and the lines with their times; the words of the lines are written here
   when they are first shown. Gradio replaces the contents of #aligned with each new alignment. */

import { $, all, element, isCalm, lastStarted } from "./dom.js";

const TAIL_S = 0.04; /* a word stays marked this long after its end */

const timed = (node) => ({ node, start: Number(node.dataset.start), end: Number(node.dataset.end) });

/* The words of a line, as they are marked among the tiles. */
const written = (tiles) => tiles.flatMap(({ node, start, end }) => {
  const { mark, level, confidence } = node.dataset;
  const word = element("span", { className: "w-word", data: { mark, level, confidence, start, end } });
  word.append(...all(".w-tile-text, :scope > .w-mark", node).map((part) => part.cloneNode(true)));
  return [word, " "];
});

const byLine = (tiles) => {
  const groups = new Map();
  for (const one of tiles) {
    const { line } = one.node.dataset;
    if (!groups.has(line)) groups.set(line, []);
    groups.get(line).push(one);
  }
  return groups;
};

export const start = (player, panel) => {
  let box = null;
  let tiles = [];
  let lines = [];
  let shown = []; /* what is marked now */
  let following = true;

  const read = () => {
    const found = $("#aligned .w-aligned");
    if (found === box && (!box || tiles[0]?.node.isConnected)) return;
    box = found;
    shown = [];
    tiles = box ? all(".w-tile", box).map(timed) : [];
    lines = box ? all(".w-aligned-lines > li", box).map(timed) : [];
    show(box?.dataset.view);
    mark();
  };

  const show = (view) => {
    if (!box) return;
    box.dataset.view = view;
    $(".w-aligned-lines", box).hidden = false; /* the style sheet shows one of the views */
    for (const one of all("[data-aligned-view]", box)) one.setAttribute("aria-pressed", String(one.dataset.alignedView === view));
    if (view !== "lines" || lines[0]?.words) return;
    const ofLine = byLine(tiles);
    for (const line of lines) {
      const words = written(ofLine.get(line.node.dataset.line) ?? []);
      if (words.length) $("p", line.node).replaceChildren(...words);
      line.words = all(".w-word", line.node).map(timed);
    }
  };
  /* --- the place of the player --- */

  const at = (items, time) => {
    const one = items[lastStarted(items, time)];
    return one && time < one.end + TAIL_S ? one : null;
  };

  const mark = () => {
    if (!box) return;
    const { time } = player;
    const isOn = (player.playing || time > 0) && player.url === new URL(box.dataset.audio, document.baseURI).href;
    const line = isOn ? at(lines, time) : null;
    const word = isOn ? at(tiles, time) : null;
    const inLine = line?.words ? at(line.words, time) : null;
    const next = [line, word, inLine].filter(Boolean).map((one) => one.node);
    for (const node of shown) if (!next.includes(node)) node.classList.remove("w-now");
    const fresh = next.filter((node) => !shown.includes(node));
    for (const node of fresh) node.classList.add("w-now");
    shown = next;
    const wanted = box.dataset.view === "lines" ? line : word;
    if (wanted && fresh.includes(wanted.node) && player.playing && following) keepInView(wanted.node);
  };

  /* The list scrolls, the page does not: the reader may be elsewhere. */
  const keepInView = (node) => {
    const list = node.parentElement;
    const [inner, outer] = [node.getBoundingClientRect(), list.getBoundingClientRect()];
    if (inner.top >= outer.top && inner.bottom <= outer.bottom) return;
    const top = list.scrollTop + inner.top - outer.top - (outer.height - inner.height) / 2;
    list.scrollTo({ top, behavior: isCalm() ? "auto" : "smooth" });
  };

  player.addEventListener("time", mark);
  player.addEventListener("state", () => {
    if (player.playing) following = true;
    box?.toggleAttribute("data-playing", player.playing);
    mark();
  });
  for (const kind of ["wheel", "touchmove"]) {
    document.addEventListener(kind, (event) => {
      if (event.target.closest?.("#aligned .w-words, #aligned .w-aligned-lines")) following = false;
    }, { passive: true });
  }

  document.addEventListener("click", (event) => {
    const view = event.target.closest?.("#aligned [data-aligned-view]");
    if (view) { show(view.dataset.alignedView); mark(); return; }
    const button = event.target.closest?.("#aligned .w-line-play");
    if (!button) return;
    const { node, start, end } = lines.find((one) => one.node.contains(button));
    if (player.playing && node.classList.contains("w-now")) player.pause();
    else player.playFrom(start, end);
  });

  new MutationObserver(read).observe(panel, { childList: true, subtree: true, attributeFilter: ["data-audio"] });
  read();
};
