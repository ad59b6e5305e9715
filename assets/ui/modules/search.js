/* Search in the transcript: hits are marked, Enter goes to the next one, Shift and Enter to the one before. */

import { $, format } from "./dom.js";

const REST_MS = 120;

export const startSearch = (transcript, texts) => {
  const input = $("#w-search");
  const count = $("#w-search-count");
  if (!input) return;
  let [hits, at, timer] = [[], -1, 0];

  const show = () => {
    count.textContent = !input.value.trim() ? ""
      : hits.length ? format(texts.hits, { at: at + 1, count: hits.length }) : texts.noHits;
  };
  const goTo = (index) => {
    if (!hits.length) return;
    at = (index + hits.length) % hits.length;
    transcript.goTo(hits[at], { seek: true });
    show();
  };
  const search = () => {
    hits = transcript.find(input.value);
    at = -1;
    if (hits.length) goTo(0); else show();
  };

  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, REST_MS); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") goTo(at + (event.shiftKey ? -1 : 1));
    else if (event.key === "Escape" && input.value) { input.value = ""; search(); }
    else return;
    event.preventDefault();
  });
  transcript.addEventListener("words", () => { if (input.value) { hits = transcript.find(input.value); at = -1; show(); } });
};
