"""``python -m tools.lint_words [PATH ...]``: find wording that the project does not use.

One idea has one word, everywhere. :data:`PROSE` lists phrases that are not written in documents, page texts,
comments, docstrings and messages; :data:`IDENTIFIERS` lists words that are not part of a name in Python.
Each has the term to use instead. A space in a pattern matches a line break too, so that a phrase is found
where a paragraph is wrapped. Literal uses are listed in :data:`ALLOWED`, with the reason for each.

Exit code 1 if there are findings, or if an entry of :data:`ALLOWED` allows nothing any more.
"""

from __future__ import annotations

import io
import keyword
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

CHECKED = (
    "*.md", "*.py", "docs/**/*.md", "wav2vec2_app/**/*.py", "tools/*.py", "benchmarks/*.py", "tests/**/*.py",
    "assets/ui/*", "Makefile", "pyproject.toml",
)  # fmt: skip
TEXT_SUFFIXES = {".md", ".html", ".css", ".js", ".json", ".toml", ".py", ""}
SKIPPED = {
    "tools/lint_words.py": "lists the phrases",
    "tests/unit/tools/test_lint_words.py": "plants them",
}


@dataclass(frozen=True)
class Rule:
    """A pattern that is not written, and what to write instead."""

    pattern: re.Pattern[str]
    instead: str


@dataclass(frozen=True)
class Finding:
    """One phrase in one file; ``line`` counts from 1."""

    path: str
    line: int
    phrase: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.phrase!r}: {self.instead}"


@dataclass(frozen=True)
class Allowed:
    """A literal use: ``phrase`` (a pattern for the whole finding) in the files that match ``glob``."""

    glob: str
    phrase: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        same_file = Path(finding.path).match(self.glob)
        return same_file and re.fullmatch(self.phrase, finding.phrase, re.IGNORECASE) is not None


def prose(pattern: str, instead: str) -> Rule:
    """Whole words, case ignored; a space matches any white space."""
    spaced = pattern.replace(" ", r"\s+")
    return Rule(re.compile(rf"(?<![\w-])(?:{spaced})(?![\w])", re.IGNORECASE), instead)


def part_of_name(words: str, instead: str) -> Rule:
    """One of ``words`` (separated by spaces) as a part of ``a_name`` or ``AName``."""
    return Rule(re.compile("|".join(words.split())), instead)


PROCESSES = "model|worker|process|service|bridge|adapter|engine|decoder|beam|server|page|queue|pass"
PROSE = (
    prose("hear|hears|heard|hearing|unheard", "transcribe, run the model; 'the emission' for what was heard"),
    prose(f"(?:{PROCESSES}) listen(?:s|ed)?(?! on)", "transcribes, infers"),
    prose("by ear|weak ear", "phonetically; a weak model"),
    prose(
        "read(?:s|ing)? (?:it |them |this |that )?(?:anew|again|greedily|phrase by phrase)",
        "decode again",
    ),
    prose(f"(?:{PROCESSES}|path) reads?|read (?:by|with) (?:a|the) (?:beam|decoder|model)", "decodes"),
    prose("how it is read|as it is read|was read from|is read from the emission", "decoding options"),
    prose(r"read(?:s|ing)? (?:an|the|one|every|each) emissions?", "decode"),
    prose("what (?:reads|read) it", "the decoder"),
    prose("words? (?:that |which )?(?:stand|stands|stood)|stands? already|stood already", "committed words"),
    prose("stand(?:s|ing)? aside|stood aside|goes first|courtesy|courteous", "yields; priority"),
    prose("(?:what|that|which) (?:is|was|are|were) kept|kept whole|kept back", "the result cache, cached"),
    prose("kept (?:results?|emissions?|audio|of|for)|guesses kept", "cached; beam width"),
    prose("workshop|companies|company", "context; batch"),
    prose("let(?:s|ting)? go|spares?|spared", "release; disable, omit"),
    prose("in turn", "sequentially, alternately, each"),
    prose("last words|burial|buried|undertaker", "last stderr lines; reap"),
    prose("best path", "greedy decoding"),
    prose(
        "people|people's|persons?|whoever|somebody|someone|nobody|no one",
        "users, clients, callers, operators",
    ),
    prose("(?:the one|those|he|anyone|one) who", "the user, client or caller that"),
    prose("in work|waiting line|all places|places are taken", "running; queue; slots"),
    prose("(?:is|are|was|were|be|been|not) taken|taken for", "used, rejected, mistaken for"),
    prose("anew|afresh|of late|erstwhile|whither|whence", "again; recently"),
    prose("told of|is told|are told|was told", "reported; receives"),
    prose(r"the whole(?= (?:of|is|was|at|in|and|to)\b|[.,;:)])|as a whole", "everything, complete"),
    prose(r"as (?:it|they) (?:is|are|was|were|stands?|stood)(?= (?:in|of|and)\b|[.,;:)])", "unchanged"),
    prose("at once", "immediately, or simultaneously"),
    prose("dear|dearer|dearest", "expensive"),
    prose("mend|mends|mended|mending", "repair, fix, correct"),
    prose(
        r"(?<!there[ ])(?<!where[ ])(?:is|are|was|were) no "
        r"(?!longer|more|less|fewer|other|such|different|better|worse|wider|faster|later)\w+",
        "'is not a ...', 'must be a ...'",
    ),
    prose("ask(?:s|ed|ing)? for", "request, require"),
    prose("(?:the )?page(?:'s)? process", "server process"),
    prose(
        f"(?:{PROCESSES}) (?:wants|knows|believes|thinks|likes|speaks|tells|dares|cares|looks)",
        "no personification: is configured with, has, reports, returns",
    ),
    prose("doors|same rooms", "interfaces"),
    prose("honest|honestly|to blame", "state the figure"),
    prose(
        "(?<!live[ ])captions?(?![.])(?=[^\n.]*(?:SRT|VTT))|(?<=SRT[ ])captions|(?<=VTT[ ])captions",
        "subtitles",
    ),
)  # fmt: skip

IDENTIFIERS = (
    part_of_name("hear hears heard hearing", "transcribe, emit; recognition"),
    part_of_name("anew", "again"),
    part_of_name("asking asked asks", "options, requested"),
    part_of_name("told tells telling", "reported, notified"),
    part_of_name("aside courtesy spare", "yielding, priority; disabled"),
    part_of_name("keeper keeping", "cache"),
    part_of_name("workshop company", "context, batch"),
    part_of_name("burial undertaker", "reap"),
    part_of_name("whoever somebody someone nobody people person", "user, client, caller"),
    part_of_name("dear honest mend mended", "expensive; repair"),
)
EXACT_NAMES = {
    "AS_USUAL": "DEFAULT_OPTIONS",
    "READ": "DECODE_TEXT",
    "Reader": "TextDecoder, or a name that says what is decoded",
    "Reading": "DecodingOptions",
    "Together": "BatchPolicy",
    "best_path": "greedy",
    "emit_together": "emit_batch",
    "plan_reading": "plan_decoding",
    "reading": "decoding",
    "together": "batch",
}

ALLOWED: tuple[Allowed, ...] = (
    Allowed("wav2vec2_app/worker/audio/*.py", "Reader", "reads the bytes of an audio file"),
    Allowed("tests/unit/worker/audio/test_decode.py", "dear", "a letter that is not audio"),
)
MOST_ALLOWED = 15
COLUMNS = 100
"""Of a line of Markdown."""

CODE = re.compile(r"^(---|```).*?^\1$", re.MULTILINE | re.DOTALL)
CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
QUOTES = re.compile(r"^[A-Za-z]*(?:\"\"\"|'''|\"|')|(?:\"\"\"|'''|\"|')$")


def main(arguments: Sequence[str]) -> int:
    """Check ``arguments``, or all files; print the findings."""
    paths = [Path(name).resolve() for name in arguments] or sorted(checked_files(ROOT))
    found = [finding for path in paths for finding in findings_of(path, ROOT)]
    problems = [str(finding) for finding in not_allowed(found, ALLOWED)]
    problems += [] if arguments else stale(found, ALLOWED)
    print("\n".join(problems) or f"{len(paths)} files, no finding")
    return 1 if problems else 0


def checked_files(root: Path) -> set[Path]:
    """The files of the repository that have words in them."""
    found = {path for pattern in CHECKED for path in root.glob(pattern) if path.is_file()}
    return {
        path
        for path in found
        if path.suffix in TEXT_SUFFIXES and path.relative_to(root).as_posix() not in SKIPPED
    }


def findings_of(path: Path, root: Path) -> Iterator[Finding]:
    """What one file has; in Python its names, comments and strings, else all of its text."""
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        yield from long_lines(name, text)
    if path.suffix != ".py":
        yield from prose_findings(name, 1, text)
        return
    for line, passage in passages(text):
        yield from prose_findings(name, line, passage)
    for line, identifier in identifiers(text):
        yield from name_findings(name, line, identifier)


def prose_findings(path: str, line: int, text: str) -> Iterator[Finding]:
    """Phrases in ``text``, which begins in line ``line``."""
    for rule in PROSE:
        for match in rule.pattern.finditer(text):
            at = line + text.count("\n", 0, match.start())
            yield Finding(path, at, " ".join(match.group().split()), rule.instead)


def long_lines(path: str, text: str) -> Iterator[Finding]:
    """Lines of running text over :data:`COLUMNS`; tables, code, headers and links may be longer."""
    outside = re.sub(
        r"^(---|```).*?^\1$",
        lambda match: "\n" * match.group().count("\n"),
        text,
        flags=re.M | re.S,
    )
    for number, line in enumerate(outside.splitlines(), 1):
        if (
            len(line) > COLUMNS
            and " " in line[:COLUMNS]
            and not line.startswith(("|", "[", "!", "<"))
        ):
            yield Finding(path, number, f"{line[:20]}...", f"wrap at {COLUMNS} columns")


def name_findings(path: str, line: int, name: str) -> Iterator[Finding]:
    """What is wrong with one name, which is first used in line ``line``."""
    if name in EXACT_NAMES:
        yield Finding(path, line, name, EXACT_NAMES[name])
    parts = {part.lower() for part in CAMEL.findall(name)}
    for rule in IDENTIFIERS:
        if any(rule.pattern.fullmatch(part) for part in parts):
            yield Finding(path, line, name, rule.instead)


def passages(source: str) -> Iterator[tuple[int, str]]:
    """Blocks of comments, and strings (adjacent ones joined), each with the line in which it begins."""
    kind, block, begin, last = 0, "", 0, 0
    for token in _prose_tokens(source):
        joins = token.type == kind and token.start[0] - last <= 1
        if block and not joins:
            yield begin, block
            block = ""
        if not block:
            kind, begin, last = token.type, token.start[0], token.start[0]
        block += "\n" * (token.start[0] - last) + _plain(token)
        last = token.end[0]
    if block:
        yield begin, block


def _prose_tokens(source: str) -> Iterator[tokenize.TokenInfo]:
    kinds = {
        tokenize.COMMENT,
        tokenize.STRING,
        getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING),
    }
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in kinds:
            yield token


def _plain(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.COMMENT:
        return token.string.lstrip("#")
    return QUOTES.sub("", token.string) if token.type == tokenize.STRING else token.string


def identifiers(source: str) -> Iterator[tuple[int, str]]:
    """Every name of the module, once, with the line where it is first used."""
    seen = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME and token.string not in seen:
            seen.add(token.string)
            if not keyword.iskeyword(token.string):
                yield token.start[0], token.string


def not_allowed(found: Iterable[Finding], allowed: Sequence[Allowed]) -> list[Finding]:
    """The findings that no entry of ``allowed`` covers."""
    return [one for one in found if not any(entry.covers(one) for entry in allowed)]


def stale(found: Sequence[Finding], allowed: Sequence[Allowed]) -> list[str]:
    """Entries that cover no finding, and whether there are too many entries."""
    unused = [
        f"tools/lint_words.py: allows {entry.phrase!r} in {entry.glob}, where it does not occur"
        for entry in allowed
        if not any(entry.covers(finding) for finding in found)
    ]
    many = len(allowed) > MOST_ALLOWED
    return unused + ([f"tools/lint_words.py: more than {MOST_ALLOWED} exceptions"] if many else [])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
