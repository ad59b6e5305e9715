/* Words in lines: a new line at a pause, when the channel changes, and where a line would be too long. */

const PAUSE_S = 0.7;
const MAX_WORDS = 48;
const MIN_WORDS = 12; /* a line that is too long is divided at its longest pause, not nearer to an end */

export const parseWords = (rows, levels) => rows.map(([text, start, end, confidence, channel, others], index) => ({
  index, text, start, end, confidence, channel: channel ?? 0, others: others ?? [],
  level: levels.find(([, least]) => confidence >= least - 1e-9)[0],
}));

/* Each line is [first, last + 1] into `words`. */
export const linesOf = (words, from = 0) => {
  const lines = [];
  let begin = from;
  for (let at = from + 1; at <= words.length; at++) {
    const ends = at === words.length || words[at].start - words[at - 1].end > PAUSE_S
      || words[at].channel !== words[at - 1].channel;
    if (!ends) continue;
    lines.push(...divided(words, begin, at));
    begin = at;
  }
  return lines;
};

const divided = (words, begin, end) => {
  if (end - begin <= MAX_WORDS) return [[begin, end]];
  let [cut, longest] = [begin + MAX_WORDS, -1];
  for (let at = begin + MIN_WORDS; at <= begin + MAX_WORDS && at <= end - 1; at++) {
    const pause = words[at].start - words[at - 1].end;
    if (pause >= longest) [cut, longest] = [at, pause];
  }
  return [[begin, cut], ...divided(words, cut, end)];
};
