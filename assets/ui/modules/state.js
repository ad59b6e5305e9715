/* The state of the page, in one place: data-page of the body. Style sheets and buttons follow it.

   idle: nothing yet · ready: audio, no result · recording · working · result · failed */

import { $, announce, format } from "./dom.js";

export const startState = (player, transcript, texts) => {
  const { body } = document;
  const run = document.getElementById("run");
  let recording = false;
  let before = "";

  const hasAudio = () => Boolean($("#audio audio[src]"));
  const status = () => $("#status .w-status")?.dataset.state ?? "idle";
  const hasResult = () => Boolean($("#transcript .w-transcript, #transcript .w-card-empty"));

  const now = () => {
    if (recording) return "recording";
    const state = status();
    if (state === "queued" || state === "running") return "working";
    if (state === "failed") return "failed";
    if (hasResult()) return "result";
    return hasAudio() ? "ready" : "idle";
  };

  const update = () => {
    const state = now();
    if (body.dataset.page !== state) body.dataset.page = state;
    const audio = hasAudio();
    if (run) {
      const off = !audio || state === "recording";
      if (run.disabled !== off) run.disabled = off;
      const label = audio && (state === "result" || state === "failed") ? texts.transcribeAgain : texts.transcribe;
      if (run.textContent.trim() !== label) run.textContent = label;
      run.title = audio ? "" : texts.noAudio;
    }
    document.getElementById("audio")?.toggleAttribute("data-has-audio", audio);
    load();
    const done = status() === "done" && state === "result";
    const words = transcript.words.length;
    const key = done ? `${transcript.key ?? ""}:${transcript.corrections.original.length}` : "";
    if (done && key !== before && hasResult()) {
      const uncertain = transcript.words.filter((word) => word.level !== "high").length;
      announce(words ? format(texts.ready, { words, uncertain }) : texts.readyEmpty);
    }
    if (done || state !== "result") before = key;
  };

  /* A broken file has no player. */
  const unusable = () => status() === "failed" && $("#problem code")?.textContent.startsWith("audio.");

  /* The player has what the transcript is of; before there is one, the recording on the page. */
  const load = () => {
    if (body.classList.contains("w-live-mode")) return;
    const shown = $("#transcript [data-audio]");
    const pending = $("#audio audio[src]")?.getAttribute("src");
    if (shown?.dataset.audio) player.load(shown.dataset.audio, Number(shown.dataset.duration) || 0);
    else if (pending && !unusable()) player.load(pending);
    else player.load("");
  };

  let waiting = false;
  const later = () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => { waiting = false; transcript.read(); transcript.extend(); update(); });
  };
  /* Gradio changes texts and attributes of the elements that are there. */
  const CHANGES = ["src", "data-state", "data-key", "data-audio", "data-duration"];
  const observer = new MutationObserver(later);
  for (const id of ["status", "problem", "transcript", "preview", "audio"]) {
    const watched = document.getElementById(id);
    if (watched) observer.observe(watched, {
      childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: CHANGES });
  }
  later();
  return {
    update: later,
    setRecording: (on) => { recording = on; if (on) player.pause(); later(); },
    hasAudio,
  };
};
