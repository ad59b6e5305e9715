/* The box "Compare with what was said": word error rate and a marked comparison, for any recording. */

import { $, element, format } from "./dom.js";
import { compare, wordsOf } from "./reference.js";

const REST_MS = 250;

/* Words that were not said, one after the other, are marked as one: an hour too much is one element. */
const inRuns = (steps) => {
  const runs = [];
  for (const step of steps) {
    const last = runs.at(-1);
    if (step.kind !== "extra" || last?.kind !== "extra") runs.push(step.kind === "extra" ? { ...step, words: [step.written.word] } : step);
    else last.words.push(step.written.word);
  }
  return runs;
};

export const startComparison = (transcript, texts, shared) => {
  const area = $("#w-reference");
  const place = $("#w-comparison");
  if (!area) return;
  let timer = 0;
  let opened = "";
  let own = false; /* typed by the user: a new recording keeps it */

  const show = () => {
    const reference = wordsOf(area.value);
    place.replaceChildren();
    if (!reference.length || !transcript.words.length) return;
    const written = transcript.words.flatMap((word) => wordsOf(word.text).map((one) => ({ ...one, index: word.index })));
    const found = compare(reference, written);
    if (!found) { place.append(element("p", { className: "w-hint", textContent: texts.tooLong })); return; }
    const { errors, rate, steps } = found;
    place.append(
      element("p", { className: "w-hint", textContent: format(texts.rate, {
        percent: (100 * rate).toFixed(rate && rate < 0.1 ? 1 : 0), errors, words: reference.length }) }),
      element("p", { className: "w-diff" }, ...inRuns(steps).flatMap((step) => [...marked(step), " "])));
  };
  const marked = ({ kind, said, written, words }) => {
    const shown = [];
    if (kind === "wrong" || kind === "missing") shown.push(element("del", { textContent: said.word, title: texts.missing }));
    if (kind === "wrong") shown.push(" ");
    if (kind !== "missing") {
      const properties = { textContent: words?.join(" ") ?? written.word, data: { seek: transcript.words[written.index].start } };
      shown.push(element(kind === "equal" ? "span" : "ins", kind === "equal" ? properties : { ...properties, title: texts.extra }));
    }
    return shown;
  };

  area.addEventListener("input", () => { own = Boolean(area.value.trim()); clearTimeout(timer); timer = setTimeout(show, REST_MS); });
  transcript.addEventListener("edited", show);
  transcript.addEventListener("words", () => {
    const expected = shared.clip ?? "";
    if (!own) area.value = expected;
    /* The differences of an example are shown; those of another recording on request. */
    if (!own && expected !== opened) area.closest("details").open = Boolean(expected);
    opened = expected;
    show();
  });
};
