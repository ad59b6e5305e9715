/* Corrections of the words of a transcript: each replaces a stretch of words by others and can be undone. The
   words beside a stretch belong to it, since they get other times with it (retiming.js). */

const CONTEXT = 3; /* words on each side that are timed again */
const KEPT = 8; /* transcripts whose corrections are remembered, should they be drawn again */

let ids = 0;
const copy = (word) => ({ ...word, id: word.id ??= ++ids });
/* What the server had sent in place of these words. */
const sent = (words) => words.map((word) => word.was ?? (word.typed ? "" : word.text)).filter(Boolean).join(" ");

/* Words with the times of a stretch, each with a share for its length, until their times are known. */
const spread = (texts, [start, end]) => {
  const total = texts.reduce((sum, text) => sum + text.length, 0) || 1;
  let at = start;
  return texts.map((text) => {
    const from = at;
    at = from + (end - start) * text.length / total;
    return { id: ++ids, text, start: from, end: at, others: [], level: "high", chosen: true, typed: true };
  });
};

export class Corrections {
  constructor(transcript) {
    this.transcript = transcript;
    this.kept = new Map();
    this.begin(null, []);
  }

  begin(key, words) {
    Object.assign(this, { key, original: words, past: [], future: [] });
  }

  /* Remember the corrections of what is about to be replaced on the page. */
  keep() {
    if (!this.key || !this.past.length) return;
    this.kept.delete(this.key);
    this.kept.set(this.key, { words: this.transcript.words, original: this.original, past: this.past, future: this.future });
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
  }

  /* The corrected words of a transcript; null without. */
  of(key) {
    if (key === this.key && this.past.length && this.transcript.words.length) return this.transcript.words;
    const found = this.kept.get(key);
    if (!found) return null;
    const { words, original, past, future } = found;
    Object.assign(this, { key, original, past, future });
    return words;
  }

  /* Whether the words are others than those that were sent. */
  get changed() {
    const { words } = this.transcript;
    return this.past.length > 0 && (words.length !== this.original.length
      || words.some((word, index) => word.text !== this.original[index].text));
  }

  /* Other texts in place of `count` words; none deletes them. */
  replace(at, count, texts) {
    const { words } = this.transcript;
    const old = words.slice(at, at + count);
    const { channel = 0, confidence = 0 } = old[0] ?? words[at - 1] ?? words[at] ?? {};
    let [first, last] = [at, at + count];
    while (first > 0 && at - first < CONTEXT && words[first - 1].channel === channel) first--;
    while (last < words.length && last - at - count < CONTEXT && words[last].channel === channel) last++;
    const begin = old[0]?.start ?? words[at - 1]?.end ?? 0;
    const end = old.at(-1)?.end ?? Math.max(begin, words[at]?.start ?? begin);
    const typed = spread(texts, [begin, end]).map((word) => ({ ...word, channel, confidence }));
    const [left, right] = [words.slice(first, at).map(copy), words.slice(at + count, last).map(copy)];
    if (typed.length) {
      typed[0].was = sent(old);
      if (count === 1 && typed.length === 1) typed[0].others = [old[0].text, ...old[0].others.filter((one) => one !== texts[0])];
    } else {
      const beside = right[0] ?? left.at(-1);
      const own = beside && (beside.was ?? beside.text);
      if (beside) beside.was = (right[0] ? [sent(old), own] : [own, sent(old)]).join(" ");
    }
    const detail = { at: first, left: left.length > 0, right: right.length > 0,
      before: words.slice(first, last), after: [...left, ...typed, ...right], typed };
    this.#apply(detail);
    return detail;
  }

  /* The word is right as it is. */
  accept(at) {
    const word = this.transcript.words[at];
    if (word) this.#apply({ at, before: [word], after: [{ ...copy(word), level: "high", accepted: true }], typed: [] });
  }

  /* Back to what the server sent; this, too, can be undone. */
  restore() {
    this.#apply({ at: 0, before: this.transcript.words, after: this.original.map(copy), typed: [] });
  }

  #apply(detail) {
    this.past.push(detail);
    this.future = [];
    this.transcript.splice(detail.at, detail.before.length, detail.after);
    this.transcript.dispatchEvent(new CustomEvent("edited", { detail }));
  }

  undo() { return this.#move(this.past, this.future, "after", "before"); }
  redo() { return this.#move(this.future, this.past, "before", "after"); }

  #move(from, to, now, then) {
    const detail = from.pop();
    if (!detail) return null;
    to.push(detail);
    this.transcript.splice(detail.at, detail[now].length, detail[then]);
    this.transcript.dispatchEvent(new CustomEvent("edited", { detail: null }));
    return detail;
  }

  /* Times of a correction's words, as they are known later; also where the words were copied meanwhile. */
  time(detail, rows) {
    const byId = new Map(detail.after.map((word, index) => [word.id, rows[index]]));
    const typed = new Set(detail.typed.map((word) => word.id));
    const { words } = this.transcript;
    const set = (word) => {
      const row = byId.get(word.id);
      if (!row) return;
      [word.start, word.end] = row;
      if (typed.has(word.id)) word.confidence = row[2];
    };
    detail.after.forEach(set);
    words.forEach(set);
    const at = words.findIndex((word) => byId.has(word.id));
    if (at < 0) return;
    this.transcript.splice(at, 0, []);
  }
}
