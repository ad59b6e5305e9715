"""Cues of subtitles: words in lines short enough to read, displayed long enough to read them.

``assets/ui/subtitles.js`` has the same rules for live captions; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Generic, Protocol, TypeVar

from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions
from wav2vec2_app.speech.signs import blank_between, cut, divided, has_unspaced, width

SENTENCE_ENDS: Final = (".", "?", "!", "…", "。", "？", "！")
"""Signs after which a new cue or line may begin early."""
MIN_CUE_SHARE: Final = 0.5
"""A cue ends at the end of a sentence if it is filled to at least this share."""
MIN_LINE_SHARE: Final = 0.25
"""Of two lines, one ends at the end of a sentence if neither has less than this share of the text."""
MIN_STEP_S: Final = 0.04
"""Time between the starts of two cues where their words start at the same time, seconds (a video frame)."""


class TimedText(Protocol):
    """A word, or several, with start and end in seconds."""

    @property
    def text(self) -> str:
        """The text to display."""

    @property
    def start(self) -> float:
        """Start of the first sound."""

    @property
    def end(self) -> float:
        """End of the last sound."""


@dataclass(frozen=True)
class WrittenWord:
    """A word of a given text as written, together with the punctuation beside it.

    Attributes:
        cue: words with different numbers are in different cues.
        line: of its cue, where the cue is kept.
        kept: the text was subtitles, whose cues and lines are kept.
        index: number of the aligned word; -1 for what is not spoken.
    """

    text: str
    start: float
    end: float
    cue: int = 0
    line: int = 0
    kept: bool = False
    index: int = -1


W = TypeVar("W", bound=TimedText)


@dataclass(frozen=True)
class CuePiece(Generic[W]):
    """What is not divided between two lines: a word, or a sign of a text without blanks."""

    word: W
    text: str
    start: float
    end: float
    follows: bool
    """whether the piece before it is of the same word, so that there is no blank between them"""


@dataclass(frozen=True)
class Cue(Generic[W]):
    """One subtitle: its lines, when it is displayed and when it is spoken, seconds.

    ``words`` are those that it shows; a word without blanks may be in two cues.
    """

    start: float
    end: float
    lines: tuple[str, ...]
    words: tuple[W, ...]
    spoken: tuple[float, float]
    pieces: tuple[tuple[CuePiece[W], ...], ...] = ()
    """of each line, with their times"""

    @property
    def text(self) -> str:
        """The lines as one."""
        text = ""
        for line in self.lines:
            text += f"{' ' * blank_between(text, line)}{line}"
        return text


def cues(words: Sequence[W], options: ExportOptions = DEFAULT_EXPORT) -> list[Cue[W]]:
    """The words in cues: cut at pauses, within the limits of time, lines and characters."""
    groups = list(_groups(words, options))
    starts = _starts([group[0].start for group in groups])
    found = []
    for number, (group, start) in enumerate(zip(groups, starts, strict=True)):
        pieces = tuple(map(tuple, _lines(group, options)))
        lines = tuple(map(_text, pieces))
        spoken = (group[0].start, max(piece.end for piece in group))
        end = max(spoken[1], start + _reading_time(lines, options))
        if not _is_kept(group[0].word):
            end = min(end, start + options.max_cue_s)
        if number + 1 < len(starts):
            end = min(end, starts[number + 1])
        shown = tuple({id(piece.word): piece.word for piece in group}.values())
        found.append(Cue(start, end, lines, shown, spoken, pieces))
    return found


def _starts(spoken: Sequence[float]) -> list[float]:
    """When the cues appear: when they are spoken, in order and never two at the same time."""
    starts: list[float] = []
    for start in spoken:
        starts.append(max(start, starts[-1] + MIN_STEP_S if starts else 0.0))
    return starts


def _reading_time(lines: Sequence[str], options: ExportOptions) -> float:
    columns = sum(map(width, lines)) + len(lines) - 1
    return max(options.min_cue_s, columns / options.characters_per_s)


# --- the words of a cue -------------------------------------------------------------------------


def _groups(words: Sequence[W], options: ExportOptions) -> Iterator[list[CuePiece[W]]]:
    group: list[CuePiece[W]] = []
    lines = columns = 0
    for piece in (piece for word in words for piece in _pieces(word, options.line_characters)):
        own = width(piece.text)
        blank = bool(group) and blank_before(group[-1], piece)
        if columns + blank + own > options.line_characters:
            lines, columns, blank = lines + 1, 0, False
        if group and not _belongs(group, piece, lines, options):
            yield group
            group, lines, columns, blank = [], 1, 0, False
        lines, columns = max(lines, 1), columns + blank + own
        group.append(piece)
    if group:
        yield group


def _belongs(
    group: Sequence[CuePiece[W]], piece: CuePiece[W], lines: int, options: ExportOptions
) -> bool:
    """Whether ``piece``, which would be in line number ``lines``, is displayed with ``group``."""
    if _cue_number(piece.word) != _cue_number(group[0].word):
        return False
    if _is_kept(piece.word):
        return True
    return (
        lines <= options.max_lines
        and piece.start - group[-1].end < options.pause_s
        and piece.end - group[0].start <= options.max_cue_s
        and not _is_complete(group, options)
    )


def _is_complete(group: Sequence[CuePiece[W]], options: ExportOptions) -> bool:
    """Whether a sentence ends where the cue is filled well enough."""
    if not group[-1].text.endswith(SENTENCE_ENDS):
        return False
    return width(_text(group)) >= MIN_CUE_SHARE * options.line_characters * options.max_lines


def _cue_number(word: TimedText) -> int:
    return word.cue if isinstance(word, WrittenWord) else 0


def _is_kept(word: TimedText) -> bool:
    return isinstance(word, WrittenWord) and word.kept


# --- its lines ----------------------------------------------------------------------------------


def _lines(group: Sequence[CuePiece[W]], options: ExportOptions) -> list[list[CuePiece[W]]]:
    """The pieces in as few lines as possible, of about the same length."""
    if _is_kept(group[0].word):
        return _kept_lines(group)
    fewest = len(_wrapped(group, options.line_characters))
    if fewest == 2 and (sentences := _sentence_lines(group, options.line_characters)):
        return sentences
    shortest = -(-width(_text(group)) // fewest)
    for limit in range(min(shortest, options.line_characters), options.line_characters):
        lines = _wrapped(group, limit)
        if len(lines) == fewest and all(width(_text(line)) <= limit for line in lines):
            return lines
    return _wrapped(group, options.line_characters)


def _sentence_lines(group: Sequence[CuePiece[W]], limit: int) -> list[list[CuePiece[W]]]:
    """Two lines that are cut at the end of a sentence, of similar lengths; empty if there is none."""
    whole = width(_text(group))
    best: tuple[int, list[list[CuePiece[W]]]] = (limit + 1, [])
    for at in range(1, len(group)):
        if group[at].follows or not group[at - 1].text.endswith(SENTENCE_ENDS):
            continue
        lines = [list(group[:at]), list(group[at:])]
        widths = [width(_text(line)) for line in lines]
        if max(widths) < best[0] and min(widths) >= MIN_LINE_SHARE * whole:
            best = (max(widths), lines)
    return best[1]


def _kept_lines(group: Sequence[CuePiece[W]]) -> list[list[CuePiece[W]]]:
    lines: dict[int, list[CuePiece[W]]] = {}
    for piece in group:
        number = piece.word.line if isinstance(piece.word, WrittenWord) else 0
        lines.setdefault(number, []).append(piece)
    return list(lines.values())


def _wrapped(group: Sequence[CuePiece[W]], limit: int) -> list[list[CuePiece[W]]]:
    lines = [[group[0]]]
    columns = width(group[0].text)
    for before, piece in pairwise(group):
        blank, own = blank_before(before, piece), width(piece.text)
        if columns + blank + own > limit:
            lines.append([piece])
            columns = own
        else:
            lines[-1].append(piece)
            columns += blank + own
    return lines


def _text(line: Sequence[CuePiece[W]]) -> str:
    blanks = (" " * blank_before(before, piece) for before, piece in pairwise(line))
    rest = (f"{blank}{piece.text}" for blank, piece in zip(blanks, line[1:], strict=True))
    return "".join([line[0].text, *rest]).strip()


def blank_before(before: CuePiece[W], piece: CuePiece[W]) -> bool:
    """Whether there is a blank between two pieces of a line."""
    return not piece.follows and blank_between(before.text, piece.text)


# --- what a line may be divided into ------------------------------------------------------------


def _pieces(word: W, limit: int) -> Iterator[CuePiece[W]]:
    """The pieces of a word, its time divided among them by their widths."""
    if _is_kept(word) or (width(word.text) <= limit and not has_unspaced(word.text)):
        yield CuePiece(word, word.text, word.start, word.end, follows=False)
        return
    texts = [part for piece in divided(word.text) for part in cut(piece, limit)]
    total, done = max(1, sum(map(width, texts))), 0
    for number, text in enumerate(texts):
        begin = word.start + (word.end - word.start) * done / total
        done += width(text)
        end = word.start + (word.end - word.start) * done / total
        yield CuePiece(word, text, begin, end, follows=number > 0)
