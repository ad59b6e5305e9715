"""Text with marks and case for `training.punctuation`, and which of it is held out.

Everyday sentences and well-typed conversations, a random number of sentences at a time. Held out: one
everyday sentence in 50 (those that the language model has not seen either) and one conversation in 50.
Novels, which have neither marks nor case, tell where a line ends.
"""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from training.language_model import novel_text
from training.modern_text import WORDNET, chat_messages
from training.paths import REPO
from training.text import SKIP, SLOTS, everyday_sentences, plain

MARKS = ("", ",", ".", "?")
EITHER = len(MARKS)  # in typed text: nothing, or a comma that was left out
SOME = EITHER + 1  # at the end of a line of a novel: any mark

Paragraph = tuple[list[str], list[int]]  # words and the mark behind each
TOKEN = re.compile(r"([A-Za-z][A-Za-z'’]*)([^A-Za-z]*)")


def mark_of(text: str) -> int:
    """Return the index of the mark that the characters behind a word amount to."""
    if "?" in text:
        return 3
    if "." in text or "!" in text:
        return 2
    return 1 if re.search(r"[,;:—–]|--| - ", text) else 0


def tokens(sentence: str) -> list[tuple[str, str, int]]:
    """Return each word as written, as spoken, and the mark behind it."""
    sentence = re.sub(r"\b(Mr|Mrs|Ms|Dr|St)\.", r"\1", sentence)
    found = []
    for written, behind in TOKEN.findall(sentence):
        spoken = plain(written)
        if spoken:
            found.append((written, spoken, mark_of(behind)))
    if found and found[-1][2] < 2:
        found[-1] = (*found[-1][:2], 2)
    return found


def good_message(message: str) -> bool:
    """Return whether a typed message has case and an end as in print."""
    proper = re.match(r"[A-Z].*[a-z].*[.?!]$", message) and not re.search(r"\bi\b|\bim\b", message)
    return bool(proper) and not SKIP.search(message) and len(message) > 20 and "  " not in message


def messages(*, held_out: bool) -> list[str]:
    """Return well-typed messages."""
    good = sorted({message for message in chat_messages() if good_message(message)})
    random.Random(1).shuffle(good)
    cut = len(good) // 50
    return good[:cut] if held_out else good[cut:]


def paragraphs(sentences: list[str], seed: int) -> Iterator[Paragraph]:
    """Yield random paragraphs of one to six sentences, each sentence once."""
    rng = random.Random(seed)
    sentences = sentences[:]
    rng.shuffle(sentences)
    at = 0
    while at < len(sentences):
        count = rng.randint(1, 6)
        found = [token for sentence in sentences[at : at + count] for token in tokens(sentence)]
        at += count
        if found:
            yield [spoken for _, spoken, _ in found], [mark for _, _, mark in found]


def without_commas(paragraph: Paragraph) -> Paragraph:
    """Return a typed paragraph: where there is no mark, a comma may have been left out."""
    words, marks = paragraph
    return words, [EITHER if mark == 0 else mark for mark in marks]


def novel_paragraphs(count: int, seed: int) -> Iterator[Paragraph]:
    """Yield `count` paragraphs of two to six lines of novels: their commas are not known, their ends are."""
    held_out = {plain(sentence) for sentence in everyday_sentences(held_out=True)}
    lines = [line for line in novel_text() if line not in held_out]
    rng = random.Random(seed)
    for at in rng.sample(range(len(lines) - 6), count):
        words, marks = [], []
        for line in lines[at : at + rng.randint(2, 6)]:
            own = line.split()
            words += own
            marks += [EITHER] * (len(own) - 1) + [SOME]
        yield words, marks


def names_of(sentences: list[str], known: dict[str, str]) -> dict[str, str]:
    """Return words that are nearly always written with a capital inside a sentence.

    `known` are names for words that the sentences do not have.
    """
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for sentence in sentences:
        found = tokens(sentence)
        for (written, spoken, _), (_, _, before) in zip(found[1:], found, strict=False):
            if before < 2 and plain(written) == written.lower().replace("’", "'").strip("'"):
                forms[spoken][written] += 1
    names = {word: name for word, name in known.items() if word not in forms}
    for word, seen in forms.items():
        written, count = max(seen.items(), key=lambda item: item[1])
        if count >= 2 and count > 0.75 * seen.total() and written != word and not written.isupper():
            names[word] = written
    for words in SLOTS.values():
        for phrase in words:
            names |= {plain(w): w for w in phrase.split() if w[0].isupper() and plain(w) != "may"}
    return names | {"i": "I", "i'm": "I'm", "i'll": "I'll", "i've": "I've", "i'd": "I'd"}


def proper_nouns() -> dict[str, str]:
    """Return words of the lexicon that WordNet has only with a capital letter: places, people, days."""
    written: dict[str, set[str]] = defaultdict(set)
    for kind in ("adj", "adv", "noun", "verb"):
        with (WORDNET / f"data.{kind}").open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(" "):
                    continue
                fields = line.split(" ", 4)
                words = fields[4].split(" ")[: 2 * int(fields[3], 16) : 2]
                for word in (part for one in words for part in one.split("(")[0].split("_")):
                    written[plain(word)].add(word)
    common = {form for forms in written.values() for form in forms if form.islower()}
    lexicon = set((REPO / "assets" / "lm" / "words.txt").read_text(encoding="utf-8").split())
    return {
        word: word.capitalize()
        for word in sorted(written.keys() & lexicon)
        if written[word] == {word.capitalize()}
        and len(word) > 2
        and common.isdisjoint((word[:-1], word[:-2], word[:-3] + "y"))  # "states", "boundaries"
    }
