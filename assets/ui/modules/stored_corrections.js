/* Corrections and the names of speakers go to the history, a moment after each; a line above the words says whether
   they are stored. Loaded with the first correction. */

import { $, element } from "./dom.js";
import { ask } from "./server.js";

const REST_MS = 800; /* after the latest change */
const SMALL = 60_000; /* characters that a browser still sends when the page is closed */
const FINAL = ["history.off", "history.no_key"]; /* trying again is of no use */

const bodyOf = ({ words, names }) => JSON.stringify({
  words: words && words.map(({ text, start, end, confidence, channel }) => ({
    text: text.replace(/\s+/g, " ").trim(), start, end: Math.max(start, end), confidence,
    ...(typeof channel === "string" ? { speaker: channel } : channel ? { channel } : {}) })).filter((word) => word.text),
  names });

export const startStoring = (transcript, texts) => {
  const waiting = new Map(); /* what is to be stored, by the request of its transcript */
  const sent = new Map(); /* what is stored: requests, and the keys of their transcripts */
  let timer = 0;
  let last = Promise.resolve();

  const said = element("span");
  const again = element("button", { type: "button", className: "w-button w-small", textContent: texts.storeAgain });
  const note = element("p", { id: "w-stored-note", className: "w-hint w-stored-note", hidden: true, attributes: { role: "status" } }, said, " ", again);
  const say = (text, failure = null) => {
    if (!note.isConnected) document.getElementById("transcript").before(note);
    note.hidden = false;
    note.dataset.state = failure ? "failed" : "stored";
    said.textContent = [text, failure?.message, failure?.hint].filter(Boolean).join(" ");
    again.hidden = !failure || FINAL.includes(failure.code);
  };

  const send = async (change) => {
    const { request, key } = change;
    const nothing = !change.words && !Object.keys(change.names).length;
    const body = nothing ? "" : bodyOf(change);
    const shown = () => request === $("#transcript .w-transcript")?.dataset.request;
    if ((sent.get(request) ?? (sent.has(key) ? null : "")) === body) {
      if (shown() && note.dataset.state === "failed") { /* it is again what is stored */
        if (body) say(texts.stored); else note.hidden = true;
      }
      return;
    }
    try {
      const route = `v1/history/${encodeURIComponent(request)}/words`;
      await ask(route, { method: nothing ? "DELETE" : "PUT", text: body, keepalive: body.length < SMALL, lost: texts.lost });
      sent.set(request, body).set(key, body);
      if (shown()) say(nothing ? texts.originalStored : texts.stored);
    } catch (failure) {
      if (!waiting.has(request)) { waiting.set(request, change); }
      if (shown()) say(texts.notStored, failure);
    }
  };

  const flush = () => {
    clearTimeout(timer);
    timer = 0;
    if ($('#status [data-state="running"], #status [data-state="queued"]')) { later(); return; } /* it is not stored yet */
    const changes = [...waiting.values()];
    waiting.clear();
    last = changes.reduce((done, change) => done.then(() => send(change)), last);
  };
  const later = () => { clearTimeout(timer); timer = setTimeout(flush, REST_MS); };
  again.addEventListener("click", flush);
  addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden" && timer) flush(); });

  /* The words on the page have changed, or the names of speakers. */
  return () => {
    const request = $("#transcript .w-transcript")?.dataset.request;
    note.hidden = note.hidden || !request || request !== note.dataset.request;
    if (!request) return;
    note.dataset.request = request;
    const { key } = transcript;
    waiting.set(request, { request, key, words: transcript.edited ? transcript.words : null, names: Object.fromEntries(transcript.names) });
    later();
  };
};
