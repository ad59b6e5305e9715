/* The table of words: a row for each, of which only those in view are in the document. */

import { $, element } from "./dom.js";

const ROW_PX = 30;
const EAGER = 400; /* tables up to this length are complete */
const SPARE = 20; /* rows above and below the view */

export const startTable = (transcript, player) => {
  let range = [0, 0];
  let focused = 0;
  const table = () => $("#words .w-table");

  const cell = (text, tag = "td") => element(tag, { textContent: text });
  const row = (word) => {
    const meter = element("span", { className: "w-meter", data: { level: word.level }, attributes: { "aria-hidden": "true" } });
    meter.style.setProperty("--share", word.confidence.toFixed(3));
    const share = element("td", {}, meter, `${Math.round(word.confidence * 100)} %`);
    const name = cell(word.text, "th");
    name.scope = "row";
    const made = element("tr", { className: "w-row", tabIndex: word.index === focused ? 0 : -1, data: { index: word.index } },
      name, cell(`${word.start.toFixed(2)} s`), cell(`${word.end.toFixed(2)} s`), share);
    made.classList.toggle("w-now", word.index === transcript.now);
    return made;
  };
  const spacer = (count) => {
    const made = element("tr", { attributes: { "aria-hidden": "true" } }, element("td", { colSpan: 4 }));
    made.style.height = `${count * ROW_PX}px`;
    return made;
  };

  const draw = (force = false) => {
    const box = table();
    const body = box && $("tbody", box);
    if (!body || !box.offsetParent && transcript.words.length > EAGER) return;
    const count = transcript.words.length;
    const first = count > EAGER ? Math.max(0, Math.floor(box.scrollTop / ROW_PX) - SPARE) : 0;
    const last = count > EAGER ? Math.min(count, first + Math.ceil(box.clientHeight / ROW_PX) + 2 * SPARE) : count;
    if (!force && first === range[0] && last === range[1]) return;
    range = [first, last];
    const rows = transcript.words.slice(first, last).map(row);
    if (first) rows.unshift(spacer(first));
    if (last < count) rows.push(spacer(count - last));
    body.replaceChildren(...rows);
    $("table", box).setAttribute("aria-rowcount", String(count + 1));
  };

  const rowAt = (index) => $(`#words [data-index="${index}"]`);
  const mark = () => {
    for (const one of document.querySelectorAll("#words .w-now")) one.classList.remove("w-now");
    rowAt(transcript.now)?.classList.add("w-now");
  };

  const moveTo = (index) => {
    const next = Math.min(transcript.words.length - 1, Math.max(0, index));
    const box = table();
    if (next < range[0] || next >= range[1]) { box.scrollTop = next * ROW_PX; draw(true); }
    rowAt(focused)?.setAttribute("tabindex", "-1");
    focused = next;
    const found = rowAt(next);
    found?.setAttribute("tabindex", "0");
    found?.focus();
  };

  document.addEventListener("keydown", (event) => {
    const at = event.target.closest?.("#words .w-row");
    if (!at) return;
    const index = Number(at.dataset.index);
    const to = { ArrowDown: index + 1, ArrowUp: index - 1, PageDown: index + 10, PageUp: index - 10,
      Home: 0, End: transcript.words.length - 1 }[event.key];
    if (to !== undefined) moveTo(to);
    else if (event.key === "Enter") player.playFrom(transcript.words[index].start);
    else if (event.key === " ") player.toggle();
    else return;
    event.preventDefault();
  });
  document.addEventListener("scroll", (event) => { if (event.target === table()) draw(); }, true);

  transcript.addEventListener("words", () => { focused = 0; range = [0, 0]; draw(true); });
  transcript.addEventListener("current", mark);
  return { draw: () => draw(true) };
};
