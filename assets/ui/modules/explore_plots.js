/* Waveform, spectrogram, emission and tracks on one time axis, drawn with uPlot. The two heat maps are images that
   are drawn under the axes of an empty plot. */

import uPlot from "./uplot.js";
import { element, format } from "./dom.js";

const MEL = (hz) => (hz < 1000 ? (hz * 3) / 200 : 15 + (27 * Math.log(hz / 1000)) / Math.log(6.4)); /* Slaney */
const HZ = (mel) => (mel < 15 ? (mel * 200) / 3 : 1000 * Math.exp(((mel - 15) / 27) * Math.log(6.4)));
const TOP_HZ = 8000;
const TICKS_HZ = [250, 500, 1000, 2000, 4000, 8000];
const IMAGE_ROWS = 240;
const ROW_PX = 15;
const AXIS_PX = 52;
export const CERTAIN = 65535;
const LABEL_PX = 9; /* for each character of a word's label */

const bytesOf = (base64) => Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));

/* The answer of the server with its arrays unpacked. */
export const unpack = (answer) => {
  const { emission, spectrum } = answer;
  const columns = answer.low.length;
  const found = { ...answer, columns, levels: bytesOf(spectrum.levels) };
  if (emission) {
    const shorts = (text) => new Uint16Array(bytesOf(text).buffer);
    found.emission = { ...emission, probabilities: shorts(emission.probabilities), blank: shorts(emission.blank),
      end: emission.start + emission.columns * emission.frame_s };
  }
  return found;
};

/* The most probable tokens of a column of the emission, the blank among them. */
export const topOf = (emission, column, count = 6) => {
  const rows = emission.tokens.map((token, row) => ({ token, probability: emission.probabilities[row * emission.columns + column] / CERTAIN }));
  rows.push({ token: "", probability: emission.blank[column] / CERTAIN });
  return rows.sort((one, other) => other.probability - one.probability).slice(0, count);
};

/* "#0b6e5f" or "rgb(11, 110, 95)" as [11, 110, 95]. */
const rgb = (colour) => {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  paint.fillStyle = colour;
  paint.fillRect(0, 0, 1, 1);
  return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
};

/* An image of `rows` by `columns`: the colour of `shade` in [0, 1] between the paper and the ink. */
export const image = (columns, rows, shade, [paper, middle, ink]) => {
  const canvas = element("canvas", { width: Math.max(1, columns), height: Math.max(1, rows) });
  const paint = canvas.getContext("2d");
  const pixels = paint.createImageData(canvas.width, canvas.height);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at += 4) {
      const value = shade(row, column);
      const [from, to, share] = value < 0.5 ? [paper, middle, 2 * value] : [middle, ink, 2 * value - 1];
      for (let part = 0; part < 3; part++) pixels.data[at + part] = from[part] + (to[part] - from[part]) * share;
      pixels.data[at + 3] = 255;
    }
  }
  paint.putImageData(pixels, 0, 0);
  return canvas;
};

export class Plots {
  /* `on` has zoom(from, to), seek(seconds), hover(seconds or null). */
  constructor(place, texts, on) {
    Object.assign(this, { place, texts, on, plots: {}, data: null, view: [0, 1], words: [], marks: [] });
    this.heads = [];
    new ResizeObserver(() => this.#resize()).observe(place);
    new MutationObserver(() => { if (this.data) this.show(this.data); })
      .observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  get width() { return Math.max(200, Math.floor(this.place.clientWidth)); }

  show(data) {
    this.data = data;
    this.#palette();
    const key = JSON.stringify([data.emission?.tokens ?? null]);
    if (key !== this.key) { this.key = key; this.#build(); }
    this.#paint();
    this.#fill();
    this.look(...this.view);
  }

  /* Show from one second to another; what there is no data of is empty until it comes. */
  look(from, to) {
    this.view = [from, to];
    for (const plot of Object.values(this.plots)) plot.setScale("x", { min: from, max: to });
    this.moveHead();
  }

  redraw() { for (const plot of Object.values(this.plots)) plot.redraw(false); }

  moveHead(time = this.time ?? 0) {
    this.time = time;
    for (const [name, line] of this.heads) {
      const inside = time >= this.view[0] && time <= this.view[1];
      line.hidden = !inside;
      if (inside) line.style.left = `${this.plots[name].valToPos(time, "x")}px`;
    }
  }

  /* The selected frame, from one second to another. */
  select(frame) { this.frame = frame; this.redraw(); }

  #palette() {
    const style = getComputedStyle(this.place);
    const colour = (name) => style.getPropertyValue(name).trim();
    this.colours = { ink: colour("--w-ink"), muted: colour("--w-muted"), line: colour("--w-line"), accent: colour("--w-accent"),
      fair: colour("--w-fair"), low: colour("--w-low"), record: colour("--w-record"), card: colour("--w-card"), wave: colour("--w-wave") || colour("--w-accent") };
    this.shades = [rgb(this.colours.card), rgb(this.colours.accent), rgb(this.colours.ink)];
  }

  #paint() {
    const { levels, columns, emission, spectrum } = this.data;
    const top = MEL(TOP_HZ);
    const bins = Array.from({ length: IMAGE_ROWS }, (_, row) => {
      const hz = HZ(top * (1 - (row + 0.5) / IMAGE_ROWS));
      return Math.min(spectrum.rows - 1, Math.round(hz / spectrum.bin_hz));
    });
    this.images = { spectrogram: image(columns, IMAGE_ROWS, (row, column) => levels[bins[row] * columns + column] / 255, this.shades) };
    if (emission?.columns) {
      this.images.emission = image(emission.columns, emission.tokens.length,
        (row, column) => emission.probabilities[row * emission.columns + column] / CERTAIN, this.shades);
    }
  }

  #build() {
    for (const plot of Object.values(this.plots)) plot.destroy();
    this.place.replaceChildren();
    const { emission } = this.data;
    this.plots = {};
    this.heads = [];
    this.#add("waveform", 96, this.#waveform());
    this.#add("spectrogram", 200, this.#heat("spectrogram", {
      range: [0, MEL(TOP_HZ)], splits: TICKS_HZ.map(MEL), label: (mel) => { const hz = Math.round(HZ(mel)); return hz >= 1000 ? `${Math.round(hz / 1000)}k` : String(hz); } }));
    if (!emission) return;
    const rows = Math.max(1, emission.tokens.length);
    this.#add("emission", rows * ROW_PX + 18, this.#heat("emission", { range: [0, rows],
      splits: emission.tokens.map((_, row) => rows - row - 0.5).reverse(),
      label: (at) => emission.tokens[rows - Math.round(at + 0.5)]?.replace(" ", "[ ]") ?? "" }));
    this.#add("tracks", 128, this.#tracks(), true);
  }

  #add(name, height, options, last = false) {
    const title = this.texts.plots[name];
    const box = element("figure", { className: "w-explore-plot", data: { plot: name } },
      element("figcaption", { textContent: title }));
    this.place.append(box);
    const plot = new uPlot({
      width: this.width, height: height + (last || !this.data.emission ? 30 : 0), padding: [9, 8, last ? 0 : 9, 0], legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false }, sync: { key: "w-explore" } },
      ...options,
      scales: { x: { time: false, auto: false }, ...options.scales },
      axes: [this.#timeAxis(last || (name === "spectrogram" && !this.data.emission)), ...options.axes],
      hooks: { ...options.hooks, ready: [(one) => this.#ready(name, one)], setCursor: [(one) => this.#hover(one)],
        setSelect: [(one) => this.#zoom(one)], draw: [(one) => this.#over(name, one)] },
    }, options.data, box);
    plot.root.setAttribute("aria-hidden", "true"); /* the slider of the frames says what is there */
    this.plots[name] = plot;
  }

  #timeAxis(shown) {
    return { show: true, size: shown ? 30 : 0, stroke: () => this.colours.muted, grid: { stroke: () => this.colours.line, width: 1 },
      ticks: { show: shown, stroke: () => this.colours.line, size: 4 }, font: this.#font(), space: 64,
      values: (_, splits) => (shown ? splits.map((one) => `${Number(one.toFixed(3))} s`) : splits.map(() => "")) };
  }

  #axis({ splits, label, scale = "y", side = 3, size = AXIS_PX }) {
    return { scale, side, size, splits: splits && (() => splits), values: (_, values) => values.map(label), stroke: () => this.colours.muted,
      font: this.#font(), grid: { show: false }, ticks: { show: false }, gap: 4, space: 12, filter: (_, all) => all };
  }

  #font() { return '11px system-ui, "Segoe UI", "DejaVu Sans", sans-serif'; }

  #waveform() {
    const line = { stroke: () => this.colours.accent, width: 1, points: { show: false } };
    return { series: [{}, line, line], bands: [{ series: [2, 1], fill: () => this.colours.accent }], data: [[0, 1], [0, 0], [0, 0]],
      scales: { y: { range: () => [-this.peak, this.peak] } },
      axes: [this.#axis({ label: () => "", splits: [0] })] };
  }

  #heat(name, { range, splits, label }) {
    return { series: [{}, { show: false }], data: [[0, 1], [null, null]], scales: { y: { range: () => range } },
      axes: [this.#axis({ splits, label })],
      hooks: { drawClear: [(plot) => this.#drawImage(name, plot)] } };
  }

  #tracks() {
    const line = { width: 1.5, points: { show: false } };
    return { series: [{}, { ...line, stroke: () => this.colours.muted, dash: [5, 3] }, { ...line, stroke: () => this.colours.fair, scale: "bits" }],
      data: [[0, 1], [0, 0], [0, 0]],
      scales: { y: { range: () => [0, 1] }, bits: { range: () => [0, this.bits] } },
      axes: [this.#axis({ splits: [0, 0.5, 1], label: (value) => `${Math.round(100 * value)} %` }),
        { ...this.#axis({ label: (value) => String(Number(value.toFixed(1))), scale: "bits", side: 1, size: 0 }), show: false }] };
  }

  #ready(name, plot) {
    const line = element("i", { className: "w-playhead", hidden: true });
    plot.over.append(line);
    this.heads.push([name, line]);
    plot.over.addEventListener("click", (event) => {
      if (this.dragged) return;
      const at = plot.posToVal(event.clientX - plot.over.getBoundingClientRect().left, "x");
      this.on.seek(at);
    });
    plot.over.addEventListener("pointerdown", () => { this.dragged = false; });
    plot.over.addEventListener("mouseleave", () => this.on.hover(null));
  }

  #hover(plot) {
    const { left, event } = plot.cursor;
    if (event && left >= 0) this.on.hover(plot.posToVal(left, "x"));
  }

  #zoom(plot) {
    const { left, width } = plot.select;
    if (width < 8) return;
    this.dragged = true;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.on.zoom(from, to);
  }

  #fill() {
    const { low, high, start, end, columns, emission } = this.data;
    const step = (end - start) / columns;
    const times = low.map((_, column) => start + (column + 0.5) * step);
    this.peak = Math.max(0.02, ...high, ...low.map((one) => -one));
    this.plots.waveform.setData([times, low, high], false);
    this.plots.waveform.setScale("y", { min: -this.peak, max: this.peak });
    if (!emission || !this.plots.tracks) return;
    const frames = emission.entropy_bits.map((_, column) => emission.start + (column + 0.5) * emission.frame_s);
    this.bits = Math.max(1, ...emission.entropy_bits);
    this.plots.tracks.setData([frames, [...emission.blank].map((one) => one / CERTAIN), emission.entropy_bits], false);
    this.plots.tracks.setScale("bits", { min: 0, max: this.bits });
  }

  #clip(plot, draw) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    draw(ctx, bbox);
    ctx.restore();
  }

  #drawImage(name, plot) {
    const canvas = this.images?.[name];
    if (!canvas) return;
    const { start, end } = name === "emission" ? this.data.emission : this.data;
    this.#clip(plot, (paint, { top, height }) => {
      const [left, right] = [plot.valToPos(start, "x", true), plot.valToPos(end, "x", true)];
      paint.imageSmoothingEnabled = false;
      paint.drawImage(canvas, left, top, right - left, height);
    });
  }

  /* On top: the selected frame, the edges and names of words, the characters of a chosen word. */
  #over(name, plot) {
    const scale = devicePixelRatio || 1;
    this.#clip(plot, (paint, { top, height }) => {
      const x = (seconds) => plot.valToPos(seconds, "x", true);
      if (this.frame) {
        paint.strokeStyle = this.colours.ink;
        paint.lineWidth = scale;
        paint.strokeRect(x(this.frame[0]), top, Math.max(scale, x(this.frame[1]) - x(this.frame[0])), height);
      }
      if (name === "waveform") this.#drawWords(paint, x, top, height, scale);
      if (name === "emission") this.#drawMarks(paint, x, top, height, scale);
    });
  }

  #drawWords(paint, x, top, height, scale) {
    paint.font = `${11 * scale}px system-ui, sans-serif`;
    paint.textBaseline = "top";
    for (const word of this.words) {
      if (word.end < this.view[0] || word.start > this.view[1]) continue;
      const [left, right] = [x(word.start), x(word.end)];
      paint.strokeStyle = this.colours.muted;
      paint.globalAlpha = 0.5;
      paint.lineWidth = scale;
      paint.strokeRect(left, top, right - left, height);
      paint.globalAlpha = 1;
      if (right - left < word.text.length * LABEL_PX * 0.7 * scale) continue;
      const wide = paint.measureText(word.text).width;
      paint.fillStyle = this.colours.card;
      paint.fillRect(left + 2 * scale, top + 1 * scale, wide + 4 * scale, 14 * scale);
      paint.fillStyle = this.colours.ink;
      paint.fillText(word.text, left + 4 * scale, top + 2 * scale);
    }
  }

  #drawMarks(paint, x, top, height, scale) {
    const { tokens } = this.data.emission;
    const row = height / Math.max(1, tokens.length);
    paint.strokeStyle = this.colours.record;
    paint.lineWidth = 1.5 * scale;
    for (const mark of this.marks) {
      const at = tokens.indexOf(mark.text);
      if (at < 0) continue;
      paint.strokeRect(x(mark.start), top + at * row, Math.max(2 * scale, x(mark.end) - x(mark.start)), row);
    }
  }

  #resize() {
    for (const plot of Object.values(this.plots)) {
      if (plot.width !== this.width) plot.setSize({ width: this.width, height: plot.height });
    }
    this.moveHead();
  }

  /* For tests and for reading the plot: the level that is drawn at a time and a frequency, and where. */
  rowOf(hz) { return this.plots.spectrogram.valToPos(MEL(hz), "y"); }
  describe() { return format(this.texts.part, { start: this.view[0].toFixed(2), end: this.view[1].toFixed(2) }); }
}
