/* Asks the server when corrected words are spoken. Loaded with the first correction. */

import { announce } from "./dom.js";

const MARGIN_S = 2; /* of audio beside a correction at an end of the recording */
const PATIENCE_MS = 120_000;

export const startRetiming = (transcript, texts) => {
  const place = document.getElementById("times");
  let number = 0;
  let answered = () => {};
  let last = Promise.resolve();
  new MutationObserver(() => {
    const text = place.querySelector(".w-data")?.textContent;
    if (text) answered(JSON.parse(text));
  }).observe(place, { childList: true, subtree: true, characterData: true, attributes: true });

  /* One request at a time: the place has room for one answer. */
  const ask = (question) => new Promise((resolve) => {
    const own = ++number;
    const timer = setTimeout(() => resolve(null), PATIENCE_MS);
    answered = (answer) => { if (answer.number === own) { clearTimeout(timer); resolve(answer); } };
    window.wav2vec2Correction = JSON.stringify({ number: own, ...question });
    document.getElementById("retime").click();
  });

  const retime = async (detail) => {
    const { after, left, right } = detail;
    const duration = transcript.player.duration || Infinity;
    const start = Math.max(0, after[0].start - (left ? 0 : MARGIN_S));
    const end = Math.min(duration, Math.max(after.at(-1).end, after[0].start) + (right ? 0 : MARGIN_S));
    const answer = await ask({ words: after.map((word) => word.text), start, end, channel: Number(after[0].channel) || 0 });
    if (answer?.words) {
      const rows = answer.words;
      if (left) rows[0][0] = Math.min(after[0].start, rows[0][1]);
      if (right) rows.at(-1)[1] = Math.max(after.at(-1).end, rows.at(-1)[0]);
      transcript.corrections.time(detail, rows);
    } else announce([texts.notTimed, answer?.error?.message, answer?.error?.hint].filter(Boolean).join(" "));
    return answer;
  };

  return (detail) => (last = last.then(() => retime(detail), () => retime(detail)));
};
