/* Why a word was transcribed: its characters, and how others fit in its place. */

import { element, format } from "./dom.js";

const percent = (value) => `${(100 * value).toFixed(value < 0.1 || value > 0.99 ? 1 : 0)} %`;
const signed = (value) => (value === null ? "–" : `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`);

export class WordView {
  /* `ask` sends values to the server, `play` plays from one second to another. */
  constructor(place, texts, { ask, play }) {
    Object.assign(this, { place, texts, ask, play, extra: [] });
  }

  clear() { this.word = null; this.extra = []; this.place.replaceChildren(); }

  async show(word, before, channel = 0) {
    if (this.word?.index !== word.index || this.word?.text !== word.text) this.extra = [];
    Object.assign(this, { word, before, channel });
    const words = [word.text, ...(word.alternatives ?? []), ...this.extra];
    const answer = await this.ask({ start: word.start, end: word.end, words, before, channel });
    if (this.word !== word) return [];
    if (!answer || answer.error) {
      this.place.replaceChildren(element("p", { className: "w-hint", textContent: answer?.error ? `${answer.error.message} ${answer.error.hint}` : this.texts.failed }));
      return [];
    }
    this.#draw(word, answer);
    return answer.words[0].characters;
  }

  #draw(word, answer) {
    const { texts } = this;
    const play = element("button", { type: "button", className: "w-button w-small", textContent: texts.playWord });
    play.addEventListener("click", () => this.play(word.start, word.end));
    const heading = element("h3", { textContent: format(texts.why, { word: word.text }) });
    this.place.replaceChildren(
      element("div", { className: "w-explore-why-head" }, heading, play),
      this.#characters(answer.words[0]),
      element("p", { className: "w-hint", textContent: format(texts.alone, { letters: answer.letters || "–" }) }),
      this.#table(answer),
      ...this.#sentences(answer).map((text) => element("p", { className: "w-hint", textContent: text })),
      this.#another());
  }

  #characters({ characters }) {
    if (!characters.length) return element("p", { className: "w-hint", textContent: this.texts.noLetters });
    const list = element("ol", { className: "w-explore-letters", attributes: { "aria-label": this.texts.letters } });
    for (const one of characters) {
      list.append(element("li", {}, element("b", { textContent: one.text }), element("span", { textContent: percent(one.score) }),
        element("span", { className: "w-hint", textContent: `${one.start.toFixed(2)}–${one.end.toFixed(2)} s` })));
    }
    return list;
  }

  #table({ words, lm_weight: weight }) {
    const { columns, table } = this.texts;
    const names = weight ? columns : columns.slice(0, 3);
    const head = element("tr", {}, ...names.map((name) => element("th", { textContent: name, attributes: { scope: "col" } })));
    const rows = words.map((one, number) => {
      const fits = one.log_prob !== null;
      const cells = [fits ? percent(one.score) : this.texts.noFit, fits ? signed(one.log_prob) : "–"];
      if (weight) cells.push(one.language_log10 === null ? this.texts.unknown : signed(weight * one.language_log10), signed(one.total));
      return element("tr", number ? {} : { className: "w-chosen" }, element("th", { attributes: { scope: "row" } }, one.text, number ? "" : " ✓"),
        ...cells.map((text) => element("td", { textContent: text })));
    });
    return element("div", { className: "w-explore-table", tabIndex: 0, attributes: { role: "region", "aria-label": table } },
      element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
  }

  /* In words: how the first differs from the runner-up. */
  #sentences({ words, lm_weight: weight }) {
    const [chosen, ...others] = words;
    if (!others.length) return [this.texts.noOther];
    const runner = others.find((one) => one.log_prob !== null) ?? others[0];
    if (chosen.log_prob === null || runner.log_prob === null) return [];
    const sound = chosen.log_prob - runner.log_prob;
    const language = weight && chosen.language_log10 !== null && runner.language_log10 !== null
      ? weight * (chosen.language_log10 - runner.language_log10) : null;
    const said = format(this.texts.against, { other: runner.text, sound: signed(sound) });
    if (language === null) return [weight ? said : `${said} ${this.texts.noLanguage}`];
    return [`${said} ${format(this.texts.language, { value: signed(language) })}`];
  }

  #another() {
    const input = element("input", { className: "w-field", type: "text", autocomplete: "off", spellcheck: false, maxLength: 60, attributes: { "aria-label": this.texts.another } });
    const form = element("form", { className: "w-explore-another" }, element("span", { className: "w-hint", textContent: this.texts.another, attributes: { "aria-hidden": "true" } }),
      input, element("button", { type: "submit", className: "w-button w-small", textContent: this.texts.compare }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = input.value.trim().split(/\s+/)[0];
      if (!text) return;
      this.extra = [...this.extra, text].slice(-4);
      this.show(this.word, this.before, this.channel);
    });
    return form;
  }
}
