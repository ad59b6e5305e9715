/* Ways to use the page: the list of keys, a first visit, links with settings. The parts are loaded when needed. */

import { announce, lazily } from "./dom.js";

const SEEN = "wav2vec2-seen";
const LETTERS = "wav2vec2-letter-keys";
const TYPING = "input, textarea, select, [contenteditable=true], [role=dialog]";

/* What the browser remembers; nothing in a private window. */
const stored = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
const store = (name, value) => { try { localStorage.setItem(name, value); } catch { /* private window */ } };

export const startWays = (config, shared) => {
  const { ways: texts } = config.texts;
  const setLetters = (on) => {
    document.body.dataset.letterKeys = on ? "on" : "off";
    store(LETTERS, document.body.dataset.letterKeys);
  };
  document.body.dataset.letterKeys = stored(LETTERS) ?? "on";
  const help = lazily("help", (module) => module.startHelp(config.texts.help, setLetters), { styled: true });
  const links = lazily("links", (module) => module.startLinks(config));

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.('[data-do="help"], [data-do="link"]');
    if (!button) return;
    if (button.dataset.do === "help") { (await help()).open(); return; }
    await (await links()).copy();
    announce(texts.copied);
    const before = button.textContent;
    button.textContent = texts.copied;
    setTimeout(() => { button.textContent = before; }, 1400);
  });

  document.addEventListener("keydown", async (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TYPING)) return;
    if (event.key === "?") { event.preventDefault(); (await help()).open(); return; }
    if (document.body.dataset.letterKeys === "off") return;
    if (event.key === "/") { event.preventDefault(); document.getElementById("w-search")?.focus(); }
    else if (event.key === "r") { event.preventDefault(); record(); }
  });
  const record = () => {
    const stop = document.querySelector("#audio .stop-button, #audio .stop-button-paused");
    const now = stop?.offsetParent ? stop : document.querySelector("#audio .record-button, #audio [data-source=microphone]");
    if (now?.matches("[data-source=microphone]")) {
      now.click();
      setTimeout(() => document.querySelector("#audio .record-button")?.click(), 300);
    } else now?.click();
  };

  if (location.hash.startsWith("#settings?")) links().then((one) => one.apply());
  if (!stored(SEEN) && location.hash === "") {
    const welcome = lazily("welcome", (module) => module.showWelcome(texts, () => store(SEEN, "yes")));
    requestIdleCallback?.(() => welcome()) ?? setTimeout(welcome, 800);
  }
};
