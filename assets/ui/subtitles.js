/* Text and subtitles of live passages, with the rules of speech/spelling.py and speech/cues.py; a test compares
   the two. Called with the constants of those modules (ui/page.py). */
(rules) => {
  "use strict";
  const unspaced = new RegExp(`[${rules.unspaced}]`, "u");
  const wide = new RegExp(`[${rules.wide}]`, "u");
  const none = /[\p{Mn}\p{Me}\p{Cf}]/u;
  const blankIf = (yes) => (yes ? " " : "");
  const last = (list) => list[list.length - 1];
  const lastSign = (text) => last([...text]) ?? "";
  const firstSign = (text) => [...text][0] ?? "";

  /* --- letter case --- */

  const capitalized = (word) => {
    const signs = [...word.toLowerCase()];
    const at = Math.max(0, signs.findIndex((sign) => /\p{L}/u.test(sign)));
    if (signs.length) signs[at] = signs[at].toUpperCase();
    return signs.join("");
  };
  const isUpper = (text) => text !== text.toLowerCase() && text === text.toUpperCase();
  const sentenceCase = (texts) => {
    if (!isUpper(texts.join(""))) return [...texts];
    return texts.map((text, number) =>
      (number === 0 || /^I(?:['’][A-Z]+)?$/.test(text) ? capitalized(text) : text.toLowerCase()));
  };

  /* --- signs and columns --- */

  const columnsOf = (sign) => (none.test(sign) ? 0 : wide.test(sign) ? 2 : 1);
  const width = (text) => [...text].reduce((sum, sign) => sum + columnsOf(sign), 0);
  const signsOf = (text) => {
    const found = [];
    for (const one of text) {
      if (found.length && (columnsOf(one) === 0 || last(found).endsWith("\u200d"))) found[found.length - 1] += one;
      else found.push(one);
    }
    return found;
  };
  const isUnspaced = (text) => unspaced.test(text);
  const blankBetween = (left, right) =>
    Boolean(left && right) && !(isUnspaced(lastSign(left)) && isUnspaced(firstSign(right)));

  /* --- what a line may be divided into --- */

  const divided = (text) => {
    const found = [];
    for (const sign of signsOf(text)) {
      const before = found.length ? lastSign(last(found)) : "";
      const joins = before && (rules.neverFirst.includes(firstSign(sign)) || rules.neverLast.includes(before) ||
        !(isUnspaced(firstSign(sign)) || isUnspaced(before)));
      if (joins) found[found.length - 1] += sign; else found.push(sign);
    }
    return found;
  };
  const cut = (text, limit) => {
    const found = [""];
    for (const sign of signsOf(text)) {
      if (last(found) && width(last(found) + sign) > limit) found.push("");
      found[found.length - 1] += sign;
    }
    return found;
  };
  const piecesOf = (word, limit) => {
    const { text, start, end } = word;
    if (width(text) <= limit && !isUnspaced(text)) return [{ text, start, end, follows: false }];
    const texts = divided(text).flatMap((piece) => cut(piece, limit));
    const total = Math.max(1, texts.reduce((sum, one) => sum + width(one), 0));
    let done = 0;
    return texts.map((one, number) => {
      const begin = start + ((end - start) * done) / total;
      done += width(one);
      return { text: one, start: begin, end: start + ((end - start) * done) / total, follows: number > 0 };
    });
  };
  const blankBefore = (before, piece) => !piece.follows && blankBetween(before.text, piece.text);

  /* --- cues --- */

  const endsSentence = (piece) => rules.sentenceEnds.includes(lastSign(piece.text));
  const isComplete = (group, options) => endsSentence(last(group)) &&
    width(textOf(group)) >= rules.minCueShare * options.line_characters * options.max_lines;
  const groupsOf = (words, options) => {
    const found = [];
    let lines = 0, columns = 0;
    for (const piece of words.flatMap((word) => piecesOf(word, options.line_characters))) {
      const own = width(piece.text);
      const group = last(found);
      let blank = group ? Number(blankBefore(last(group), piece)) : 0;
      if (columns + blank + own > options.line_characters) { lines += 1; columns = 0; blank = 0; }
      const belongs = group && lines <= options.max_lines && !isComplete(group, options) &&
        piece.start - last(group).end < options.pause_s && piece.end - group[0].start <= options.max_cue_s;
      if (belongs) group.push(piece);
      else { found.push([piece]); lines = 1; columns = 0; blank = 0; }
      lines = Math.max(lines, 1);
      columns += blank + own;
    }
    return found;
  };
  const wrapped = (group, limit) => {
    const lines = [[group[0]]];
    let columns = width(group[0].text);
    group.slice(1).forEach((piece, number) => {
      const blank = Number(blankBefore(group[number], piece)), own = width(piece.text);
      if (columns + blank + own > limit) { lines.push([piece]); columns = own; }
      else { last(lines).push(piece); columns += blank + own; }
    });
    return lines;
  };
  const textOf = (line) =>
    line.map((piece, n) => blankIf(n && blankBefore(line[n - 1], piece)) + piece.text).join("").trim();
  const sentenceLines = (group, limit) => {
    const whole = width(textOf(group));
    let best = [], longest = limit + 1;
    for (let at = 1; at < group.length; at += 1) {
      if (group[at].follows || !endsSentence(group[at - 1])) continue;
      const lines = [group.slice(0, at), group.slice(at)].map(textOf);
      const widths = lines.map(width);
      if (Math.max(...widths) >= longest || Math.min(...widths) < rules.minLineShare * whole) continue;
      longest = Math.max(...widths);
      best = lines;
    }
    return best;
  };
  const linesOf = (group, options) => {
    const fewest = wrapped(group, options.line_characters).length;
    const sentences = fewest === 2 ? sentenceLines(group, options.line_characters) : [];
    if (sentences.length) return sentences;
    const shortest = Math.ceil(width(textOf(group)) / fewest);
    for (let limit = Math.min(shortest, options.line_characters); limit < options.line_characters; limit += 1) {
      const lines = wrapped(group, limit).map(textOf);
      if (lines.length === fewest && lines.every((line) => width(line) <= limit)) return lines;
    }
    return wrapped(group, options.line_characters).map(textOf);
  };
  /* The cues of several lines of passages; a cue never has words of two. */
  const cues = (passages, options) => {
    const groups = passages.flatMap((words) => groupsOf(words, options));
    const starts = [];
    for (const [first] of groups) {
      starts.push(Math.max(first.start, starts.length ? last(starts) + rules.minStep : 0));
    }
    return groups.map((group, number) => {
      const lines = linesOf(group, options);
      const start = starts[number];
      const columns = lines.reduce((sum, line) => sum + width(line), 0) + lines.length - 1;
      const reading = Math.max(options.min_cue_s, columns / options.characters_per_s);
      const spokenEnd = Math.max(...group.map((piece) => piece.end));
      const end = Math.min(Math.max(spokenEnd, start + reading), start + options.max_cue_s,
        starts[number + 1] ?? Infinity);
      return { start, end, lines };
    });
  };

  /* --- files --- */

  const timestamp = (seconds, separator) => {
    const ms = Math.round(seconds * 1000);
    const part = (value, size) => String(value).padStart(size, "0");
    return `${part(Math.floor(ms / 3600000), 2)}:${part(Math.floor(ms / 60000) % 60, 2)}:` +
      `${part(Math.floor(ms / 1000) % 60, 2)}${separator}${part(ms % 1000, 3)}`;
  };
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const times = (cue, separator) => `${timestamp(cue.start, separator)} --> ${timestamp(cue.end, separator)}`;
  /* Captions are lists of words {text, start, end}; those of one model have one letter case. */
  const spelled = (passages, options) => {
    const raw = options.letter_case !== "sentence" ||
      !isUpper(passages.flat().map((word) => word.text).join(""));
    if (raw) return passages;
    return passages.map((words) => {
      const texts = sentenceCase(words.map((word) => word.text));
      return words.map((word, number) => ({ ...word, text: texts[number] }));
    });
  };
  const files = {
    txt: (passages) => passages.map((words) => words.map((word) => word.text).join(" ")).join("\n") + "\n",
    srt: (passages, options) => cues(passages, options).map((cue, number) =>
      `${number + 1}\n${times(cue, ",")}\n${cue.lines.join("\n")}\n`).join("\n"),
    vtt: (passages, options) => ["WEBVTT\n", ...cues(passages, options).map((cue) =>
      `${times(cue, ".")}\n${escaped(cue.lines.join("\n"))}\n`)].join("\n"),
  };
  const write = (kind, passages, options) => {
    const given = { ...rules.defaults, ...options };
    return files[kind](spelled(passages, given), given);
  };
  return { sentenceCase, isUpper, write };
}
