/* A comparison of the transcript with what was said: word error rate, and the words that differ. */

const MAX_CELLS = 4_000_000; /* about 2,000 by 2,000 words */

const plain = (word) => word.toLocaleLowerCase().replaceAll("’", "'").replace(/[^\p{L}\p{N}']+/gu, "");
export const wordsOf = (text) => text.split(/\s+/).map((word) => ({ word, plain: plain(word) })).filter((one) => one.plain);

/* The cheapest way from the reference to the words: steps {kind, said, written}, kind equal, wrong, missing or extra. */
export const compare = (reference, written) => {
  const [rows, columns] = [reference.length + 1, written.length + 1];
  if (rows * columns > MAX_CELLS) return null;
  const cost = new Uint16Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      if (!row || !column) { cost[at] = row + column; continue; }
      const same = reference[row - 1].plain === written[column - 1].plain;
      cost[at] = Math.min(cost[at - columns - 1] + (same ? 0 : 1), cost[at - columns] + 1, cost[at - 1] + 1);
    }
  }
  const steps = [];
  for (let [row, column] = [rows - 1, columns - 1]; row || column;) {
    const at = row * columns + column;
    const [said, wrote] = [reference[row - 1], written[column - 1]];
    const same = row && column && said.plain === wrote.plain;
    if (row && column && cost[at] === cost[at - columns - 1] + (same ? 0 : 1)) {
      steps.push({ kind: same ? "equal" : "wrong", said, written: wrote });
      row--; column--;
    } else if (row && cost[at] === cost[at - columns] + 1) { steps.push({ kind: "missing", said }); row--; }
    else { steps.push({ kind: "extra", written: wrote }); column--; }
  }
  return { steps: steps.reverse(), errors: cost.at(-1), rate: reference.length ? cost.at(-1) / reference.length : 0 };
};
