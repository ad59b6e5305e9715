/* The transcript as JSON, as its file has it, with the alternatives that were chosen. */

import { $ } from "./dom.js";

const MOST = 100_000; /* characters that are shown; the file has all */

export const startJson = (transcript, texts, fileOf) => {
  const place = $("#w-json");
  const answer = document.getElementById("answer");
  if (!place) return { show: () => {} };
  let latest = 0;

  const show = async () => {
    if (answer.dataset.view !== "json") return;
    const current = ++latest;
    place.setAttribute("aria-busy", "true");
    const text = transcript.words.length || transcript.key ? await fileOf("transcript.json") : null;
    if (current !== latest) return;
    place.removeAttribute("aria-busy");
    place.textContent = text === null ? texts.noJson : text.slice(0, MOST);
    if (text !== null && text.length > MOST) place.append(`\n… ${texts.jsonCut}`);
  };
  transcript.addEventListener("words", show);
  transcript.addEventListener("edited", show);
  transcript.addEventListener("renamed", show);
  /* The file is there once the result is complete. */
  const status = document.getElementById("status");
  if (status) new MutationObserver(() => { if ($('[data-state="done"]', status)) show(); })
    .observe(status, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-state"] });
  return { show };
};
