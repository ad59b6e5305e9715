/* The layers of the model for the part that Explore shows: the characters of each layer and its change on the
   time axis of the plots, and the self-similarity of one layer. Loaded when its fold is opened; the model runs
   once more then, and never otherwise. */

import { element, format } from "./dom.js";
import { CERTAIN, image } from "./explore_plots.js";

const REST_MS = 400;
const LOST_MS = 120_000; /* of a large model on a busy processor */
const LETTER_PX = 7;
const SHIFT_PX = 8; /* a letter may be drawn so far after its frames, rather than not at all */
const BAR_PX = 5;
const SQUARE_PX = 440;
const MARGIN_PX = 44;
const FOOT_PX = 22;
const FONT = '10px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';

const bytesOf = (base64) => Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
const shortsOf = (base64) => new Uint16Array(bytesOf(base64).buffer);

export const unpackLayers = (answer) => ({
  ...answer,
  end: answer.start + answer.frames * answer.frame_s,
  top: shortsOf(answer.top),
  probabilities: shortsOf(answer.probabilities),
  moved: shortsOf(answer.moved),
  similarity: { ...answer.similarity, values: bytesOf(answer.similarity.values) },
});

/* A canvas in CSS pixels. */
const prepare = (canvas, width, height) => {
  const scale = devicePixelRatio || 1;
  Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const paint = canvas.getContext("2d");
  paint.scale(scale, scale);
  paint.font = FONT;
  paint.textBaseline = "middle";
  paint.imageSmoothingEnabled = false;
  return paint;
};

/* `explore` has plots, ask(values), wanted() with the part and its channel, wordAt(seconds), hover(seconds or null). */
export const start = (place, explore, all) => {
  const texts = all.layers;
  const { plots } = explore;
  let [data, key, timer, at, layer] = [null, "", 0, null, -1];
  const pair = [0, 0];

  /* --- parts --- */

  const status = element("p", { className: "w-hint", attributes: { role: "status" } });
  const strip = (name) => element("canvas", { data: { strip: name }, attributes: { role: "img" } });
  const strips = { lens: strip("lens"), moved: strip("moved") };
  const figure = (name) => element("figure", {}, element("figcaption", { textContent: texts[name] }), strips[name],
    element("p", { className: "w-hint", textContent: texts[`${name}Hint`] }));
  const cells = element("p", { className: "w-layer-cells" });
  const square = element("canvas", { data: { strip: "similarity" }, attributes: { role: "img" } });
  const choice = element("select", { className: "w-speed" });
  const said = element("output", { className: "w-layer-pair" });
  const slider = (number, label) => element("label", { className: "w-layer-moment" }, element("span", { textContent: label }),
    element("input", { type: "range", min: 0, step: 1, value: 0, data: { moment: number } }));
  const moments = [slider(0, texts.first), slider(1, texts.second)];
  const alike = element("figure", { className: "w-layer-alike" },
    element("figcaption", {}, element("label", {}, texts.similarity, " ", choice)), square, ...moments, said,
    element("p", { className: "w-hint", textContent: texts.similarityHint }));
  const summary = element("tbody");
  const table = element("div", { className: "w-layer-table" }, element("table", {},
    element("caption", { textContent: texts.table }),
    element("thead", {}, element("tr", {}, ...texts.columns.map((name) => element("th", { textContent: name, attributes: { scope: "col" } })))), summary));
  const content = element("div", { className: "w-layer-content", hidden: true }, figure("lens"), figure("moved"), cells,
    element("div", { className: "w-layer-side" }, alike, table));
  place.replaceChildren(element("p", { className: "w-hint", textContent: texts.hint }), status, content);

  /* --- values --- */

  const nameOf = (row) => (row ? String(row) : texts.input);
  const signOf = (token) => (token === " " ? "_" : /^[<[].+[>\]]$/.test(token) ? "◦" : token);
  const spoken = (token) => (token === "" ? all.blank : token === " " ? all.space : token);
  const frameAt = (seconds) => Math.min(data.frames - 1, Math.max(0, Math.floor((seconds - data.start) / data.frame_s + 1e-6)));
  const middleOf = (column) => {
    const { merged } = data.similarity;
    return data.start + Math.min(data.frames, column * merged + merged / 2) * data.frame_s;
  };
  const moment = (seconds) => {
    const word = explore.wordAt(seconds);
    return format(word ? texts.moment : texts.momentAlone, { time: seconds.toFixed(2), word: word?.text });
  };

  /* --- the strips: a row for each layer, the last one on top --- */

  const frameOf = () => {
    const { bbox, over } = plots.plots.waveform;
    const scale = devicePixelRatio || 1;
    return { left: bbox.left / scale, width: over.clientWidth, x: (seconds) => bbox.left / scale + plots.plots.waveform.valToPos(seconds, "x") };
  };

  const drawStrip = (name, rowPx, draw) => {
    const rows = data.layers.length;
    const canvas = strips[name];
    const { left, width, x } = frameOf();
    const paint = prepare(canvas, plots.width, rows * rowPx + 2);
    paint.fillStyle = plots.colours.muted;
    paint.textAlign = "right";
    for (let row = 0; row < rows; row++) paint.fillText(nameOf(row), left - 6, (rows - row - 0.5) * rowPx + 1);
    paint.save();
    paint.beginPath();
    paint.rect(left, 0, width, rows * rowPx + 2);
    paint.clip();
    draw(paint, x, (row) => (rows - row - 1) * rowPx + 1);
    if (at !== null) {
      const frame = data.start + frameAt(at) * data.frame_s;
      paint.strokeStyle = plots.colours.ink;
      paint.strokeRect(x(frame), 0.5, Math.max(1, x(frame + data.frame_s) - x(frame)), rows * rowPx + 1);
    }
    paint.restore();
  };

  const drawLens = (paint, x, top, rowPx) => {
    const { colours } = plots;
    const step = x(data.frame_s) - x(0);
    paint.textAlign = "center";
    for (let row = 0; row < data.layers.length; row++) {
      paint.strokeStyle = colours.line;
      paint.strokeRect(-1, top(row), plots.width + 2, rowPx);
      let free = -Infinity;
      for (let frame = 0, until; frame < data.frames; frame = until) {
        const cell = row * data.frames + frame;
        for (until = frame + 1; until < data.frames && data.top[row * data.frames + until] === data.top[cell];) until++;
        const token = data.tokens[data.top[cell]];
        if (token === "") continue;
        const [from, to] = [x(data.start + frame * data.frame_s), x(data.start + until * data.frame_s)];
        paint.fillStyle = colours.accent;
        for (let one = frame; one < until; one++) {
          paint.globalAlpha = 0.1 + 0.9 * (data.probabilities[row * data.frames + one] / CERTAIN);
          paint.fillRect(from + (one - frame) * step, top(row) + rowPx - BAR_PX, step + 0.3, BAR_PX - 1);
        }
        paint.globalAlpha = 1;
        const middle = Math.max((from + to) / 2, free + LETTER_PX / 2);
        if (middle - (from + to) / 2 > SHIFT_PX) continue;
        paint.fillStyle = colours.ink;
        paint.fillText(signOf(token), middle, top(row) + (rowPx - BAR_PX) / 2 + 0.5);
        free = middle + LETTER_PX / 2;
      }
    }
  };

  const drawMoved = (paint, x, rowPx) => {
    const rows = data.layers.length;
    const canvas = image(data.frames, rows, (row, column) => Math.min(1, (2 * data.moved[(rows - 1 - row) * data.frames + column]) / CERTAIN), plots.shades);
    paint.drawImage(canvas, x(data.start), 1, x(data.end) - x(data.start), rows * rowPx);
  };

  const drawStrips = () => {
    if (!data || !plots.plots.waveform) return;
    const tall = data.layers.length > 14 ? [17, 8] : [20, 12];
    drawStrip("lens", tall[0], (paint, x, top) => drawLens(paint, x, top, tall[0]));
    drawStrip("moved", tall[1], (paint, x) => drawMoved(paint, x, tall[1]));
  };

  /* What the layers say at one moment, as text. */
  const showCells = () => {
    if (!data) return;
    if (at === null) { cells.textContent = texts.noFrame; return; }
    const frame = frameAt(at);
    const parts = data.layers.map((_, row) => {
      const cell = row * data.frames + frame;
      return format(texts.cell, { layer: nameOf(row), token: spoken(data.tokens[data.top[cell]]), percent: ((100 * data.probabilities[cell]) / CERTAIN).toFixed(0),
        moved: ((2 * data.moved[cell]) / CERTAIN).toFixed(2) });
    }).reverse();
    cells.replaceChildren(element("b", { textContent: moment(data.start + (frame + 0.5) * data.frame_s) }),
      element("span", { className: "w-layer-list" }, ...parts.map((text) => element("span", { textContent: text }))));
  };

  /* --- the self-similarity: time to the right and upwards --- */

  let picture = null;
  const drawSquare = () => {
    if (!data) return;
    const { side, values } = data.similarity;
    const edge = Math.max(160, Math.min(SQUARE_PX, alike.clientWidth || SQUARE_PX) - MARGIN_PX - 2);
    const paint = prepare(square, edge + MARGIN_PX + 2, edge + FOOT_PX + 2);
    picture = image(side, side, (row, column) => Math.max(0, (2 * values[(side - 1 - row) * side + column]) / 255 - 1), plots.shades);
    paint.drawImage(picture, MARGIN_PX, 1, edge, edge);
    paint.strokeStyle = plots.colours.line;
    paint.strokeRect(MARGIN_PX - 0.5, 0.5, edge + 1, edge + 1);
    paint.fillStyle = plots.colours.muted;
    for (const share of [0, 0.5, 1]) {
      const text = `${(data.start + share * (data.end - data.start)).toFixed(1)} s`;
      paint.textAlign = share === 0 ? "left" : share === 1 ? "right" : "center";
      paint.fillText(text, MARGIN_PX + share * edge, edge + FOOT_PX / 2 + 2);
      paint.textAlign = "right";
      paint.fillText(text, MARGIN_PX - 5, Math.min(edge - 5, Math.max(8, edge - share * edge)));
    }
    const cell = edge / side;
    const [x, y] = [MARGIN_PX + (pair[0] + 0.5) * cell, 1 + edge - (pair[1] + 0.5) * cell];
    paint.strokeStyle = plots.colours.record;
    paint.beginPath();
    paint.moveTo(x, 1); paint.lineTo(x, 1 + edge);
    paint.moveTo(MARGIN_PX, y); paint.lineTo(MARGIN_PX + edge, y);
    paint.stroke();
  };

  const showPair = () => {
    const { side, values } = data.similarity;
    const value = (2 * values[pair[1] * side + pair[0]]) / 255 - 1;
    said.textContent = format(texts.pair, { one: moment(middleOf(pair[0])), other: moment(middleOf(pair[1])), value: value.toFixed(2) });
    for (const [number, { lastChild: input }] of moments.entries()) {
      Object.assign(input, { max: side - 1, value: pair[number] });
      input.setAttribute("aria-valuetext", moment(middleOf(pair[number])));
    }
    drawSquare();
  };
  for (const one of moments) {
    one.lastChild.addEventListener("input", ({ target }) => { pair[Number(target.dataset.moment)] = Number(target.value); showPair(); });
  }
  square.addEventListener("pointermove", (event) => {
    if (!data) return;
    const box = square.getBoundingClientRect();
    const edge = box.width - MARGIN_PX - 2;
    const column = (share) => Math.min(data.similarity.side - 1, Math.max(0, Math.floor(share * data.similarity.side)));
    pair[0] = column((event.clientX - box.left - MARGIN_PX) / edge);
    pair[1] = column((edge - (event.clientY - box.top)) / edge);
    showPair();
  });

  /* --- the frame under the pointer, here and in the plots --- */

  for (const canvas of Object.values(strips)) {
    canvas.addEventListener("pointermove", (event) => {
      const { left } = frameOf();
      const seconds = plots.plots.waveform.posToVal(event.clientX - canvas.getBoundingClientRect().left - left, "x");
      if (data && seconds >= data.start && seconds < data.end) explore.hover(seconds);
    });
    canvas.addEventListener("pointerleave", () => explore.hover(null));
  }

  /* --- data --- */

  const show = (answer) => {
    data = unpackLayers(answer);
    const names = data.layers.map(({ layer: number }) => element("option", { value: number, textContent: number ? format(texts.layer, { number }) : texts.input }));
    choice.replaceChildren(...names.reverse());
    layer = data.similarity.layer;
    choice.value = String(layer);
    summary.replaceChildren(...[...data.layers].reverse().map((one) => element("tr", {}, element("th", { textContent: nameOf(one.layer), attributes: { scope: "row" } }),
      element("td", { textContent: one.text || "–" }), element("td", { textContent: `${Math.round(100 * one.agreement)}\u00a0%` }),
      element("td", { textContent: one.layer ? one.moved.toFixed(2) : "–" }))));
    const { side, merged } = data.similarity;
    for (const number of [0, 1]) pair[number] = Math.min(pair[number], side - 1);
    const range = { start: data.start.toFixed(2), end: data.end.toFixed(2) };
    for (const [name, canvas] of Object.entries(strips)) canvas.setAttribute("aria-label", `${texts[name]}. ${format(texts.range, range)}`);
    square.setAttribute("aria-label", format(all.similarityLabel, range));
    status.textContent = merged > 1 ? format(texts.merged, { count: merged }) : "";
    content.hidden = false;
    draw();
  };
  const draw = () => { if (data) { drawStrips(); showCells(); showPair(); } };

  const load = async () => {
    const wanted = explore.wanted();
    if (!wanted) return;
    status.textContent = texts.busy;
    place.setAttribute("aria-busy", "true");
    const asked = key;
    const answer = await explore.ask({ ...wanted, layer, columns: 240 }, LOST_MS);
    if (asked !== key) return;
    place.removeAttribute("aria-busy");
    if (answer && !answer.error) {
      show(answer);
      key = JSON.stringify([wanted, layer, explore.result()]); /* with the layer that the server chose */
      return;
    }
    [data, content.hidden, key, layer] = [null, true, "", -1];
    status.textContent = answer?.error ? `${answer.error.message} ${answer.error.hint}` : all.failed;
  };

  /* Another part, channel or layer: ask for it after a rest. */
  const update = () => {
    const wanted = explore.wanted();
    if (!explore.isOpen() || !wanted) return;
    const next = JSON.stringify([wanted, layer, explore.result()]);
    if (next === key) return;
    if (key && JSON.parse(key)[2] !== explore.result()) [layer, data, content.hidden] = [-1, null, true];
    key = JSON.stringify([wanted, layer, explore.result()]);
    clearTimeout(timer);
    timer = setTimeout(load, data ? REST_MS : 0);
  };
  choice.addEventListener("change", () => { layer = Number(choice.value); update(); });

  new ResizeObserver(draw).observe(place);
  new MutationObserver(() => setTimeout(draw, 50)).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  return { update, look: drawStrips, select: (seconds) => { at = seconds; if (data) { drawStrips(); showCells(); } } };
};
