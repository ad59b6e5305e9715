/* The self-similarity of the emission of a part: a square with time on both axes, marked where the same
   characters are probable. It is computed and drawn while its fold is open. */

import { element, format } from "./dom.js";
import { CERTAIN, image } from "./explore_plots.js";

const MAX_SIDE = 240; /* columns of longer parts are merged */

/* The similarity of each two moments, row after row, in [0, 1]: sum of sqrt(p q) over the characters (the
   Bhattacharyya coefficient without the blank, which would make all silence alike). */
export const similarity = ({ columns, tokens, probabilities }) => {
  const merged = Math.max(1, Math.ceil(columns / MAX_SIDE));
  const side = Math.ceil(columns / merged);
  const roots = new Float32Array(side * tokens.length);
  for (let row = 0; row < tokens.length; row++) {
    for (let column = 0; column < columns; column++) {
      const at = Math.floor(column / merged) * tokens.length + row;
      roots[at] = Math.max(roots[at], Math.sqrt(probabilities[row * columns + column] / CERTAIN));
    }
  }
  const values = new Float32Array(side * side);
  for (let one = 0; one < side; one++) {
    for (let other = one; other < side; other++) {
      let sum = 0;
      for (let row = 0; row < tokens.length; row++) sum += roots[one * tokens.length + row] * roots[other * tokens.length + row];
      values[one * side + other] = values[other * side + one] = Math.min(1, sum);
    }
  }
  return { side, values };
};

/* A fold with the picture; `plots` has the data and the colours of the part. */
export const startSimilarity = (plots, texts) => {
  const box = element("figure", { className: "w-explore-similarity" });
  const fold = element("details", {}, element("summary", { textContent: texts.similarity }),
    element("p", { className: "w-hint", textContent: texts.similarityHint }), box);
  let drawn = null;
  const draw = () => {
    const { data } = plots;
    if (!fold.open || drawn === data || !data?.emission?.columns) return;
    drawn = data;
    const { side, values } = similarity(data.emission);
    const canvas = image(side, side, (row, column) => values[(side - 1 - row) * side + column], plots.shades);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", format(texts.similarityLabel, { start: data.emission.start.toFixed(2), end: data.emission.end.toFixed(2) }));
    box.replaceChildren(canvas);
  };
  fold.addEventListener("toggle", draw);
  return { fold, update: () => { fold.hidden = !plots.data?.emission; draw(); } };
};
