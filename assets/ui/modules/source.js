/* The recording on the page, in place of Gradio's player: its name, and buttons to replace or remove it. */

import { $, clock, format } from "./dom.js";

const MAX_NAME = 60;
const RECORDED = /^audio(-\d+)?\.\w+$/; /* how Gradio names recordings */

export const startSource = (player, texts, { onChange, upload }) => {
  const card = document.getElementById("w-source");
  if (!card) return null;
  const name = $(".w-source-name", card);
  const facts = $(".w-source-facts", card);
  const again = $('[data-source="again"]', card);

  const address = () => $("#audio audio[src]")?.getAttribute("src") ?? "";
  const place = (url) => decodeURIComponent(url).split("/").slice(-2).join("/"); /* folder and name */
  const fileName = () => decodeURIComponent(address().split("/").pop() ?? "").slice(-MAX_NAME);
  const recorded = () => RECORDED.test(fileName());

  const update = () => {
    const there = Boolean(address());
    card.hidden = !there;
    if (!there) return;
    const mine = recorded();
    name.textContent = mine ? texts.recording : fileName();
    again.textContent = mine ? texts.recordAgain : texts.chooseAnother;
    const duration = place(player.url) === place(address()) ? player.duration : 0; /* else of an earlier file */
    facts.textContent = duration ? format(texts.length, { time: clock(duration) }) : "";
  };

  const clear = () => {
    const button = $('#audio [aria-label="Clear"]');
    if (button) button.click();
  };
  /* Gradio draws its input again after the recording is removed. */
  const whenThere = (selector, act, tries = 40) => {
    const found = $(selector);
    if (found) act(found);
    else if (tries) setTimeout(() => whenThere(selector, act, tries - 1), 50);
  };

  card.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-source]");
    if (!button) return;
    const mine = recorded();
    if (button.dataset.source === "again" && !mine) {
      const input = document.createElement("input");
      input.type = "file";
      input.accept = texts.accept;
      input.addEventListener("change", () => { if (input.files.length) upload([...input.files]); });
      input.click();
      return;
    }
    clear();
    onChange();
    if (button.dataset.source === "remove") document.getElementById("forget")?.click();
    else {
      $('#audio [data-source="microphone"]')?.click();
      whenThere("#audio .record-button", (record) => record.click());
    }
  });
  player.addEventListener("load", update);
  const audio = document.getElementById("audio");
  new MutationObserver(update).observe(audio, { childList: true, subtree: true, attributes: true, attributeFilter: ["src", "class"] });
  update();
  return { update, fileName: () => (recorded() ? "" : fileName()) };
};
