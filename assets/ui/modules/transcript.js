/* The transcript: lines with their times. Only blocks of lines near the window are in the document, so hours of
   speech stay light. The position of the player is marked; the lines follow it until the reader scrolls.

   The server sends words as JSON in a hidden element; a list that grows while the recording is transcribed is
   continued, not drawn again. Gradio updates elements in place: the same element may get other contents. Words can
   be corrected, and corrections undone (corrections.js). Events: "words" (other words), "current" (another word
   is marked), "at" (the reader went to a word), "edited" (a correction; its detail is what needs times). */

import { $, all, announce, clock, element, format, isCalm, lastStarted } from "./dom.js";
import { Corrections } from "./corrections.js";
import { linesOf, parseWords } from "./lines.js";

const BLOCK_LINES = 12;
const BLOCK_WORDS = 160;
const LINE_PX = 34; /* estimate for lines that have not been drawn */
const CHARACTERS = 58; /* estimate of the characters in one row */
const NEAR = "900px"; /* blocks this far outside the window are drawn too */
const TAIL_S = 0.04; /* a word stays marked this long after its end */
const STILL_MS = 160; /* after which a scroll was not ours */

/* A word as it is searched: without its letter case and the marks behind it. */
const bare = (text) => text.toLocaleLowerCase().replace(/(?<=[^\p{P}])[\p{P}]+$/u, "");

export class TranscriptView extends EventTarget {
  constructor(player, texts, levels) {
    super();
    Object.assign(this, { player, texts, levels, words: [], blocks: [], now: -1, at: -1, anchor: -1, following: true, found: null, names: new Map() });
    this.corrections = new Corrections(this);
    this.observer = new IntersectionObserver((entries) => entries.forEach((one) => this.#onNear(one)), { rootMargin: `${NEAR} 0px` });
    player.addEventListener("time", () => this.#mark());
    player.addEventListener("state", () => { if (player.playing) this.following = true; this.#mark(); });
    for (const kind of ["wheel", "touchmove"]) addEventListener(kind, () => this.#readerScrolled(), { passive: true });
    addEventListener("keydown", (event) => {
      if (["PageUp", "PageDown"].includes(event.key)) this.#readerScrolled();
    });
  }

  get list() { return $("#transcript .w-words"); }

  /* Draw what the server sent, where it is not drawn yet. */
  read() {
    const holder = $("#transcript .w-transcript");
    const list = holder && $(".w-words", holder);
    if (!list) {
      this.corrections.keep();
      this.corrections.begin(null, []);
      this.key = this.growing = null;
      if (this.words.length) this.#set([], null);
      return;
    }
    const data = $(".w-data", holder);
    const key = `${data?.dataset.key ?? "growing"} ${holder.dataset.audio}`;
    if (key === this.key && (list.firstChild || !this.words.length)) return;
    if (key !== this.key) this.corrections.keep();
    this.key = key;
    this.growing = data ? null : list;
    this.parts = 0;
    this.part = "";
    const kept = data && this.corrections.of(key); /* the same words were drawn again: corrections stay */
    const words = kept ?? (data ? parseWords(JSON.parse(data.textContent), this.levels) : []);
    if (!kept) this.corrections.begin(key, words);
    this.#set(words, list);
  }

  #set(words, list) {
    this.observer.disconnect();
    this.words = words;
    const source = list?.closest("[data-audio]").dataset.audio;
    const url = source ? new URL(source, document.baseURI).href : "";
    if (url && url !== this.namesOf) { this.names.clear(); this.namesOf = url; }
    this.url = url;
    this.blocks = [];
    this.now = this.at = -1;
    this.anchor = -1;
    this.found = this.lower = null;
    if (list) this.#layOut(list);
    this.dispatchEvent(new Event("words"));
  }

  /* Words that came while the recording is still being transcribed. Updates repeat the ones before them. */
  extend() {
    const data = $("#preview .w-data");
    if (!data || !this.growing?.isConnected || data.dataset.key === this.part) return;
    this.part = data.dataset.key;
    const parts = JSON.parse(data.textContent);
    const fresh = parts.slice(Math.max(0, this.parts - Number(data.dataset.first)));
    if (!fresh.length) return;
    this.parts = Number(data.dataset.first) + parts.length;
    const known = this.words.length;
    for (const word of parseWords(fresh.flat(), this.levels)) this.words.push({ ...word, index: this.words.length });
    const open = this.blocks.pop(); /* its last line may go on */
    if (open) { this.observer.unobserve(open.node); open.node.remove(); }
    this.#append(this.growing, open?.first ?? known);
    this.dispatchEvent(new Event("words"));
  }

  #layOut(list) {
    list.replaceChildren();
    this.#append(list, 0);
    if (this.blocks.length) this.#draw(this.blocks[0]);
  }

  #append(list, from) {
    const lines = from < this.words.length ? linesOf(this.words, from) : [];
    const blocks = [];
    for (let first = 0, next; first < lines.length; first = next) {
      next = first + 1;
      while (next < lines.length && next - first < BLOCK_LINES && lines[next][1] - lines[first][0] <= BLOCK_WORDS) next++;
      const own = lines.slice(first, next);
      const node = element("div", { className: "w-block", attributes: { role: "presentation" } });
      const block = { lines: own, first: own[0][0], last: own.at(-1)[1], node, drawn: false };
      node.style.minHeight = `${this.#estimate(own)}px`;
      node.block = block;
      blocks.push(block);
    }
    this.blocks.push(...blocks);
    list.append(...blocks.map((one) => one.node));
    for (const block of blocks) this.observer.observe(block.node);
  }

  #estimate(lines) {
    let rows = 0;
    for (const [begin, end] of lines) {
      let length = 0;
      for (let at = begin; at < end; at++) length += this.words[at].text.length + 1;
      rows += Math.max(1, Math.ceil(length / CHARACTERS));
    }
    return rows * LINE_PX;
  }

  #onNear({ target, isIntersecting }) {
    const { block } = target;
    if (isIntersecting) this.#draw(block);
    else if (block.drawn && this.blocks.length > 3 && !block.node.contains(document.activeElement)) {
      block.node.style.minHeight = `${block.node.offsetHeight}px`;
      block.node.replaceChildren();
      block.drawn = false;
    }
  }

  #draw(block) {
    if (block.drawn) return;
    block.drawn = true;
    block.node.replaceChildren(...block.lines.map((line) => this.#line(line)));
    block.node.style.minHeight = "";
  }

  #line([begin, end]) {
    const first = this.words[begin];
    const time = element("span", { className: "w-line-time", textContent: clock(first.start),
      data: { seek: first.start }, attributes: { "aria-hidden": "true" } });
    const text = element("span", { className: "w-line-text", attributes: { role: "presentation" } });
    if (first.channel) text.append(element("span", {
      className: "w-channel", textContent: `${this.voiceName(first.channel)}:`, attributes: { "aria-hidden": "true" } }), " ");
    for (let at = begin; at < end; at++) text.append(this.#word(this.words[at]), " ");
    return element("div", { className: "w-text-line", attributes: { role: "group", "aria-label": first.channel ? `${this.voiceName(first.channel)}, ${clock(first.start)}` : clock(first.start) } }, time, text);
  }

  /* --- speakers: the label of one, or the number of a channel --- */

  voices() {
    return [...new Set(this.words.map((word) => word.channel))].filter(Boolean).sort((one, other) => (one > other) - (one < other));
  }

  voiceLabel(voice) {
    if (typeof voice === "number") return format(this.texts.channel, { channel: voice });
    return voice.startsWith("Speaker ") ? format(this.texts.speaker, { number: voice.slice(8) }) : voice;
  }

  voiceName(voice) { return this.names.get(voice) ?? this.voiceLabel(voice); }

  /* The speaker has this name from now on; an empty one is the label. */
  rename(voice, name) {
    if (name) this.names.set(voice, name); else this.names.delete(voice);
    for (const block of this.blocks) {
      if (!block.drawn) continue;
      block.drawn = false;
      this.#draw(block);
    }
    this.now = -1;
    this.#mark();
    this.dispatchEvent(new Event("renamed"));
  }

  #word(word) {
    const { index, text, start, end, confidence, level } = word;
    const percent = `${Math.round(confidence * 100)} %`;
    const span = element("span", { className: "w-word", id: `w-${index}`, textContent: text,
      data: { level, start: start.toFixed(3), end: end.toFixed(3), confidence: percent, index },
      attributes: { role: "option", "aria-selected": String(index === this.at),
        "aria-label": format(this.texts.word, { word: text, percent: Math.round(confidence * 100), start: start.toFixed(2) }) } });
    if (word.chosen) span.dataset.chosen = "";
    if (word.was !== undefined) span.dataset.was = word.was;
    if (this.picked(index)) span.classList.add("w-picked");
    if (index === this.now) span.classList.add("w-now");
    if (index === this.at) span.classList.add("w-at");
    if (this.found?.has(index)) span.classList.add("w-found");
    return span;
  }

  blockOf(index) { return this.blocks[lastStarted(this.blocks, index, (block) => block.first)]; }

  node(index, draw = false) {
    const block = index >= 0 && this.blockOf(index);
    if (!block) return null;
    if (draw) this.#draw(block);
    return block.drawn ? document.getElementById(`w-${index}`) : null;
  }

  /* --- the position of the player --- */

  indexAt(seconds) {
    const index = lastStarted(this.words, seconds);
    return index >= 0 && seconds < this.words[index].end + TAIL_S ? index : -1;
  }

  #mark() {
    const { player } = this;
    const active = player.playing || player.time > 0;
    const index = active && this.url === player.url ? this.indexAt(player.time) : -1;
    if (index === this.now) return;
    this.node(this.now)?.classList.remove("w-now");
    this.now = index;
    if (index < 0) return;
    const node = this.node(index, player.playing && this.following);
    node?.classList.add("w-now");
    if (node && player.playing && this.following) this.#keepInView(node);
    this.dispatchEvent(new Event("current"));
  }

  #keepInView(node) {
    const box = node.getBoundingClientRect();
    const top = (document.getElementById("transport")?.getBoundingClientRect().bottom ?? 0) + 12;
    if (box.top >= Math.max(top, 0) && box.bottom <= innerHeight - 24) return;
    if (document.getElementById("answer").dataset.view === "words") return;
    this.scrolledAt = performance.now();
    node.scrollIntoView({ block: "center", behavior: isCalm() ? "auto" : "smooth" });
  }

  #readerScrolled() {
    if (!this.player.playing || performance.now() - (this.scrolledAt ?? 0) < STILL_MS) return;
    this.following = false;
    this.dispatchEvent(new Event("follow"));
  }

  follow() {
    this.following = true;
    this.dispatchEvent(new Event("follow"));
    const node = this.node(this.now, true);
    if (node) this.#keepInView(node);
  }

  /* --- moving through the words --- */

  goTo(index, { seek = false } = {}) {
    const list = this.list;
    if (!list || !this.words.length) return;
    const next = Math.min(this.words.length - 1, Math.max(0, index));
    const before = this.node(this.at);
    before?.classList.remove("w-at");
    before?.setAttribute("aria-selected", "false");
    this.at = next;
    const node = this.node(next, true);
    node.classList.add("w-at");
    node.setAttribute("aria-selected", "true");
    list.setAttribute("aria-activedescendant", node.id);
    const box = node.getBoundingClientRect();
    const top = document.getElementById("transport")?.getBoundingClientRect().bottom ?? 0;
    if (box.top < Math.max(0, top) || box.bottom > innerHeight) node.scrollIntoView({ block: "center" });
    if (seek) this.player.seek(this.words[next].start);
    this.dispatchEvent(new CustomEvent("at", { detail: node }));
  }

  goToUncertain(step) {
    const { time } = this.player;
    const from = this.at >= 0 ? this.at : time > 0 ? lastStarted(this.words, time) : step > 0 ? -1 : 0;
    const count = this.words.length;
    for (let away = 1; away <= count; away++) {
      const index = (((from + step * away) % count) + count) % count;
      if (this.words[index].level === "high") continue;
      const { text, confidence, start } = this.words[index];
      this.goTo(index, { seek: true });
      announce(format(this.texts.word, { word: text, percent: Math.round(confidence * 100), start: start.toFixed(2) }));
      return;
    }
  }

  get edited() { return this.corrections.changed; }

  /* Other words in place of `count` words at `at`; the lines from there on are drawn again. */
  splice(at, count, words) {
    const list = this.list;
    this.anchor = -1;
    this.words = [...this.words.slice(0, at), ...words, ...this.words.slice(at + count)];
    for (let index = at; index < this.words.length; index++) this.words[index].index = index;
    const from = Math.max(0, lastStarted(this.blocks, Math.max(0, at - 1), (block) => block.first));
    const first = this.blocks[from]?.first ?? 0;
    const old = this.blocks.splice(from);
    for (const { node } of old) { this.observer.unobserve(node); node.remove(); }
    if (list) this.#append(list, first);
    this.at = Math.min(this.at, this.words.length - 1);
    const drawn = Math.max(1, old.filter((block) => block.drawn).length);
    for (const block of this.blocks.slice(from, from + drawn)) this.#draw(block);
    this.now = -1;
    this.lower = null;
    this.dispatchEvent(new Event("words"));
    this.#mark();
  }

  /* The words that are selected: [first, last + 1]; null if none is. */
  range() {
    const picked = String(getSelection()) && this.list ? all(".w-word", this.list).filter((one) => getSelection().containsNode(one, true)) : [];
    if (picked.length) return [Number(picked[0].dataset.index), Number(picked.at(-1).dataset.index) + 1];
    if (this.at < 0) return this.now >= 0 ? [this.now, this.now + 1] : null;
    const other = this.anchor < 0 ? this.at : this.anchor;
    return [Math.min(this.at, other), Math.max(this.at, other) + 1];
  }

  picked(index) {
    return this.anchor >= 0 && index >= Math.min(this.at, this.anchor) && index <= Math.max(this.at, this.anchor);
  }

  play(index) {
    const word = this.words[index];
    if (!word) return;
    if (this.player.playing && index === this.now) this.player.pause();
    else this.player.playFrom(word.start);
  }

  onKey(event) {
    const at = this.at >= 0 ? this.at : Math.max(-1, this.now);
    const moves = /^(Arrow|Home|End|Enter|Escape)/.test(event.key);
    if (moves) this.#pick(event.shiftKey && at >= 0 ? (this.anchor >= 0 ? this.anchor : at) : -1);
    const steps = { ArrowRight: 1, ArrowLeft: -1 };
    if (event.key in steps) this.goTo(at + steps[event.key]);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") this.#goToRow(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Home") this.goTo(0);
    else if (event.key === "End") this.goTo(this.words.length - 1);
    else if (event.key === "Enter") this.play(Math.max(0, at));
    else if (event.key === " ") this.player.toggle();
    else if (event.key === "Escape") this.player.pause();
    else return false;
    if (this.anchor >= 0) this.#pick(this.anchor);
    return true;
  }

  /* The words from `anchor` to the current one are selected; -1: none. */
  #pick(anchor) {
    if (anchor < 0 && this.anchor < 0) return;
    this.anchor = anchor;
    for (const one of all(".w-word", this.list)) one.classList.toggle("w-picked", this.picked(Number(one.dataset.index)));
  }

  /* The nearest word of the row below or above. */
  #goToRow(step) {
    const from = this.node(Math.max(0, this.at), true);
    if (this.at < 0 || !from) { this.goTo(0); return; }
    const box = from.getBoundingClientRect();
    let [best, row] = [null, null];
    for (let index = this.at + step; index >= 0 && index < this.words.length; index += step) {
      const other = this.node(index, true).getBoundingClientRect();
      if (Math.abs(other.top - box.top) < box.height / 2) continue;
      row ??= other.top;
      if (Math.abs(other.top - row) > box.height / 2) break;
      const distance = Math.abs(other.left - box.left);
      if (!best || distance < best.distance) best = { index, distance };
    }
    this.goTo(best?.index ?? this.at + step);
  }

  forget() {
    this.node(this.at)?.classList.remove("w-at");
    this.at = -1;
    this.list?.removeAttribute("aria-activedescendant");
  }

  /* --- search --- */

  find(query) {
    for (const one of all(".w-found", this.list ?? document)) one.classList.remove("w-found");
    const wanted = query.split(/\s+/).map(bare).filter(Boolean);
    const hits = [];
    this.found = new Set();
    if (wanted.length) {
      const spelled = this.lower ??= this.words.map((word) => bare(word.text));
      for (let at = 0; at + wanted.length <= spelled.length; at++) {
        const inside = wanted.every((part, offset) => (
          offset < wanted.length - 1 && offset ? spelled[at + offset] === part
            : offset ? spelled[at + offset].startsWith(part)
              : wanted.length > 1 ? spelled[at].endsWith(part) : spelled[at].includes(part)));
        if (!inside) continue;
        hits.push(at);
        wanted.forEach((_, offset) => this.found.add(at + offset));
      }
    }
    for (const index of this.found) this.node(index)?.classList.add("w-found");
    return hits;
  }
}
