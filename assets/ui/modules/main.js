/* The entrance: starts the parts of the page, each with what it needs. Called with the texts and constants of
   ui/page.py. */

import { $, all, clock, lazily } from "./dom.js";
import { startExplore, startModes } from "./modes.js";
import { startChoices } from "./choices.js";
import { startComparison } from "./comparison.js";
import { startEditing } from "./editing.js";
import { startFold } from "./folds.js";
import { startJson } from "./json.js";
import { startPictures } from "./pictures.js";
import { Player } from "./player.js";
import { startSearch } from "./search.js";
import { startSource } from "./source.js";
import { startState } from "./state.js";
import { startTable } from "./table.js";
import { TranscriptView } from "./transcript.js";
import { startTransport } from "./transport.js";
import { startWays } from "./ways.js";
import { cut, wavOf } from "./wav.js";

export const start = (config, shared) => {
  const texts = { ...config.texts.player, cannotPlay: config.texts.cannotPlay };
  const player = new Player();
  const transcript = new TranscriptView(player, texts, config.levels);
  const transport = startTransport(player, texts, transcript);
  const table = startTable(transcript, player);
  startPictures(player, texts);
  startSearch(transcript, texts);
  startChoices(transcript, texts);
  /* The words as they were corrected, and the names of speakers, for the files; null while all is what the
     server sent. */
  shared.corrected = () => {
    const words = transcript.edited ? transcript.words.map(({ text, start, end, confidence, channel }) => [
      text, start, end, confidence, channel]) : null;
    return transcript.names.size ? { words, names: [...transcript.names] } : words;
  };
  const speakers = lazily("speakers", (module) => module.startSpeakers(transcript, config.texts.speakers), { styled: true });
  transcript.addEventListener("words", () => { if (transcript.words.some((word) => word.channel)) speakers(); });
  startEditing(transcript, config, shared);
  startWays(config, shared);
  startComparison(transcript, config.texts.comparison, shared);
  const source = startSource(player, { ...config.texts.source, accept: config.accept }, {
    onChange: () => state.update(), upload: (files) => shared.uploadFiles(files) });
  const state = startState(player, transcript, config.texts.state);
  Object.assign(shared, { player, transcript, transport, state, wavOf });
  startModes(config, shared);
  startExplore(config, shared);
  startFold("find", config, shared);

  /* --- the selected part becomes a recording of its own --- */

  if (transport) {
    transport.onPart = async (range) => {
      const stem = (source?.fileName() || texts.recordingName).replace(/\.[^.]*$/, "");
      const name = `${stem} ${clock(range[0], 1)}–${clock(range[1], 1)}.wav`.replaceAll(":", ".");
      try { shared.uploadFiles([await cut(player.url, ...range, name)]); }
      catch { shared.showNote("player", ...texts.cannotPlay); }
    };
  }

  /* --- text, table or JSON --- */

  const json = startJson(transcript, texts, (name) => shared.fileText(name));

  const answer = document.getElementById("answer");
  document.addEventListener("click", (event) => {
    const view = event.target.closest?.("[data-view-button]");
    if (!view) return;
    answer.dataset.view = view.dataset.viewButton;
    for (const one of all("[data-view-button]")) one.setAttribute("aria-pressed", String(one === view));
    table.draw();
    json.show();
  });

  /* --- following --- */

  const follow = $('[data-do="follow"]');
  const showFollow = () => { if (follow) follow.hidden = transcript.following || !player.playing; };
  transcript.addEventListener("follow", showFollow);
  player.addEventListener("state", showFollow);
  follow?.addEventListener("click", () => transcript.follow());

  /* --- words of the transcript and of the alignment --- */

  const press = (target) => {
    const word = target.closest("#transcript .w-word[data-index]");
    if (word) { transcript.play(Number(word.dataset.index)); return true; }
    const timed = target.closest("[data-seek], #words .w-row, #aligned .w-word, #aligned [data-letter]");
    if (!timed) return false;
    const at = timed.dataset.seek ?? timed.dataset.start ?? transcript.words[Number(timed.dataset.index)]?.start;
    if (player.playing && timed.classList.contains("w-now") && timed.matches("#aligned .w-word")) player.pause();
    else player.playFrom(Number(at));
    return true;
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-do], button") || String(getSelection())) return;
    press(event.target);
  });
  transcript.addEventListener("at", (event) => shared.showTip(event.detail));
  document.addEventListener("keydown", (event) => {
    if (!event.target.closest?.("#transcript .w-words") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (transcript.onKey(event)) event.preventDefault();
  }, { capture: true }); /* before the keys of the player, which then do nothing */

  document.addEventListener("focusout", (event) => {
    if (event.target.matches?.("#transcript .w-words")) transcript.forget();
  });

  /* The script of the aligned text is loaded with the first alignment. */
  const panel = document.getElementById("alignment");
  const align = lazily("align", (module) => module.start(player, panel), { styled: true });
  if (panel) new MutationObserver(() => { if ($(".w-aligned", panel)) align().catch(() => {}); })
    .observe(panel, { childList: true, subtree: true });
};
