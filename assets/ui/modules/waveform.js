/* The waveform of the transport: a canvas that shows a window of the recording, with position, selection and
   words; and the slider that keyboards and screen readers use. */

import { announce, clock, format, lastStarted } from "./dom.js";

const MIN_VIEW_S = 0.5;
const DRAG_PX = 6; /* a shorter movement is a click */
const MARK_HEIGHT = 12;
const LABEL_PX = 56; /* pixels a second from which words are written under the waveform */

export class Waveform {
  constructor(box, player, texts) {
    Object.assign(this, { box, player, texts, peaks: null, words: [], view: [0, 0], selection: null });
    this.canvas = box.querySelector("canvas");
    this.paint = this.canvas.getContext("2d");
    this.onSelect = () => {};
    this.selectionListeners = [];
    new ResizeObserver(() => this.draw()).observe(box);
    this.#listen();
  }

  get duration() { return this.player.duration; }
  get zoomed() { return this.view[1] - this.view[0] < this.duration - 1e-3; }

  reset() {
    this.peaks = this.loudest = null;
    this.words = [];
    this.select(null);
    this.showAll();
  }

  showAll() { this.show(0, this.duration); }

  show(from, to) {
    const span = Math.min(Math.max(to - from, Math.min(MIN_VIEW_S, this.duration)), this.duration);
    const start = Math.min(Math.max(0, from), Math.max(0, this.duration - span));
    this.view = [start, start + span];
    this.box.toggleAttribute("data-zoomed", this.zoomed);
    this.draw();
  }

  /* Zoom by a factor around the position, or around the middle where it is not in view. */
  zoom(factor, around = this.player.time) {
    const [from, to] = this.view;
    const fixed = around >= from && around <= to ? around : (from + to) / 2;
    const span = Math.max(MIN_VIEW_S, (to - from) / factor);
    const share = to > from ? (fixed - from) / (to - from) : 0.5;
    this.show(fixed - share * span, fixed - share * span + span);
  }

  select(range) {
    this.selection = range;
    this.onSelect(range);
    for (const listener of this.selectionListeners) listener(range);
    this.draw();
  }

  /* Call `listener` with each selection. */
  onSelection(listener) { this.selectionListeners.push(listener); }

  /* Keep the position in view while it plays. */
  follow() {
    const { time } = this.player;
    const [from, to] = this.view;
    if (this.zoomed && this.player.playing && (time < from || time > to - 0.1 * (to - from))) {
      const span = to - from;
      this.show(time - 0.1 * span, time + 0.9 * span);
    } else this.draw();
    this.describe();
  }

  describe() {
    const { time, duration } = this.player;
    const slider = this.canvas;
    slider.setAttribute("aria-valuemax", duration.toFixed(1));
    slider.setAttribute("aria-valuenow", Math.min(time, duration).toFixed(1));
    slider.setAttribute("aria-valuetext",
      format(this.texts.position, { time: clock(time), duration: clock(duration) }));
  }

  timeAt(clientX) {
    const box = this.canvas.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (clientX - box.left) / box.width));
    return this.view[0] + share * (this.view[1] - this.view[0]);
  }

  #listen() {
    const { canvas, player } = this;
    let drag = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button || !this.duration) return;
      drag = { x: event.clientX, at: this.timeAt(event.clientX), moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!drag) return;
      drag.moved ||= Math.abs(event.clientX - drag.x) > DRAG_PX;
      if (!drag.moved) return;
      const now = this.timeAt(event.clientX);
      this.select([Math.min(drag.at, now), Math.max(drag.at, now)]);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (drag && !drag.moved) { this.select(null); player.seek(this.timeAt(event.clientX)); }
      else if (this.selection) announce(format(this.texts.selected, {
        start: clock(this.selection[0], 1), end: clock(this.selection[1], 1) }));
      drag = null;
    });
    canvas.addEventListener("pointercancel", () => { drag = null; });
    canvas.addEventListener("wheel", (event) => {
      if (!this.duration) return;
      const span = this.view[1] - this.view[0];
      if (event.ctrlKey || event.metaKey) this.zoom(event.deltaY < 0 ? 1.25 : 0.8, this.timeAt(event.clientX));
      else if (this.zoomed && (event.deltaX || event.shiftKey)) {
        const moved = ((event.deltaX || event.deltaY) / canvas.clientWidth) * span;
        this.show(this.view[0] + moved, this.view[1] + moved);
      } else return;
      event.preventDefault();
    }, { passive: false });
  }

  draw() {
    const { canvas, paint } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    const scale = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    paint.setTransform(scale, 0, 0, scale, 0, 0);
    paint.clearRect(0, 0, width, height);
    if (!(this.view[1] > this.view[0])) return;
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    const x = (seconds) => ((seconds - this.view[0]) / (this.view[1] - this.view[0])) * width;
    const area = { width, height: height - MARK_HEIGHT - 4, x, colour };
    if (this.selection) {
      paint.fillStyle = colour("--w-accent-soft");
      paint.fillRect(x(this.selection[0]), 0, x(this.selection[1]) - x(this.selection[0]), height);
    }
    if (this.peaks) this.#drawPeaks(area); else this.#drawSpeech(area);
    this.#drawWords(area, height);
    const at = Math.round(x(this.player.time));
    paint.fillStyle = colour("--w-record");
    if (at >= 0 && at <= width) paint.fillRect(Math.min(at, width - 2), 0, 2, height);
  }

  #drawPeaks({ width, height, x, colour }) {
    const { low, high, perSecond } = this.peaks;
    const [from, to] = this.view;
    const middle = height / 2;
    const loudest = this.loudest ??= high.reduce((most, one, at) => Math.max(most, one, -low[at]), 0.02);
    const played = x(this.player.time);
    const { paint } = this;
    for (const [begin, end, fill] of [[0, played, "--w-accent"], [played, width, "--w-wave"]]) {
      paint.fillStyle = colour(fill);
      for (let column = Math.max(0, Math.floor(begin)); column < Math.min(width, end); column++) {
        const first = Math.floor((from + (column / width) * (to - from)) * perSecond);
        const last = Math.max(first + 1, Math.floor((from + ((column + 1) / width) * (to - from)) * perSecond));
        let [least, most] = [0, 0];
        for (let at = first; at < last && at < low.length; at++) {
          least = Math.min(least, low[at]);
          most = Math.max(most, high[at]);
        }
        const top = middle - (most / loudest) * (middle - 1);
        paint.fillRect(column, top, 1, Math.max(1, ((most - least) / loudest) * (middle - 1)));
      }
    }
  }

  /* Without samples: a block for each stretch of words. */
  #drawSpeech({ height, x, colour }) {
    const { paint } = this;
    paint.fillStyle = colour("--w-wave");
    paint.globalAlpha = 0.55;
    let last = -2;
    for (const word of this.#inView()) {
      const [left, right] = [Math.max(x(word.start), last), x(word.end)];
      if (right - last < 1) continue;
      paint.fillRect(left, height * 0.25, Math.max(1, right - left), height * 0.5);
      last = right;
    }
    paint.globalAlpha = 1;
  }

  *#inView() {
    const [from, to] = this.view;
    for (let at = Math.max(0, lastStarted(this.words, from)); at < this.words.length; at++) {
      if (this.words[at].start > to) return;
      yield this.words[at];
    }
  }

  /* Under the waveform: the words where there is room, else a line under each that is not certain. */
  #drawWords({ width, height, x, colour }, bottom) {
    const { paint } = this;
    const written = width / (this.view[1] - this.view[0]) >= LABEL_PX;
    paint.font = `10px ${colour("--w-sans") || "sans-serif"}`;
    paint.textBaseline = "alphabetic";
    let free = -1;
    for (const word of this.#inView()) {
      const [left, right] = [x(word.start), x(word.end)];
      if (word.level !== "high" && right > free) {
        paint.fillStyle = colour(word.level === "low" ? "--w-low" : "--w-fair");
        const line = word.level === "low" ? 3 : 2;
        paint.fillRect(Math.max(left, free), height + 1, Math.max(1.5, right - left), line);
        if (!written) free = right + 0.5;
      }
      if (!written) continue;
      const needed = paint.measureText(word.text).width;
      if (left < free || left < 0 || left + needed > width) continue;
      paint.fillStyle = colour("--w-muted");
      paint.fillText(word.text, left, bottom - 1);
      free = left + needed + 4;
    }
  }
}
