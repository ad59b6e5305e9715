/* The names of the speakers of a transcript: a field for each, above the words. Loaded with the first transcript
   that has speakers. A name is used for every word of the speaker, and in all files. */

import { announce, element, format } from "./dom.js";

const LONGEST = 60; /* characters of a name, as the server allows */

export const startSpeakers = (transcript, texts) => {
  const fields = element("div", { className: "w-speaker-fields" });
  const section = element("section", { id: "w-speakers", className: "w-speakers", attributes: { "aria-label": texts.title } },
    element("p", { className: "w-hint", textContent: texts.hint }), fields);
  let shown = "";

  const rename = (voice, input) => {
    const name = input.value.replace(/\s+/g, " ").trim();
    const label = transcript.voiceLabel(voice);
    const taken = transcript.voices().some((other) => other !== voice && transcript.voiceName(other) === name);
    if (taken) {
      input.value = transcript.voiceName(voice);
      announce(format(texts.taken, { name }));
      return;
    }
    transcript.rename(voice, name === label ? "" : name);
    input.value = transcript.voiceName(voice);
    announce(format(texts.renamed, { label, name: transcript.voiceName(voice) }));
  };

  const field = (voice) => {
    const label = transcript.voiceLabel(voice);
    const input = element("input", { type: "text", value: transcript.voiceName(voice), maxLength: LONGEST, autocomplete: "off",
      spellcheck: false, attributes: { "aria-label": format(texts.name, { label }) } });
    input.addEventListener("change", () => rename(voice, input));
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      input.blur();
    });
    return element("label", {}, element("span", { textContent: label, attributes: { "aria-hidden": "true" } }), input);
  };

  const draw = () => {
    const voices = transcript.voices();
    section.hidden = !voices.length;
    if (!section.isConnected) document.getElementById("transcript").before(section);
    const now = JSON.stringify([transcript.url, voices]);
    if (now === shown) return;
    shown = now;
    fields.replaceChildren(...voices.map(field));
  };
  transcript.addEventListener("words", draw);
  draw();
  return { draw };
};
