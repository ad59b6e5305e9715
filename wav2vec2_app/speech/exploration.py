"""What can be explored of a recording: a part of it on one time axis, and why a word was transcribed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.alignment import AlignedCharacter
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.picture_window import PictureWindow

MAX_PART_S: Final = 120.0
"""Longest part that is explored; a longer one is cut at its end."""
COLUMN_BOUNDS: Final = (16, 2000)
"""Fewest and most columns of a part."""
MAX_COMPARED_WORDS: Final = 8
"""Most words that are compared in one place."""
MAX_COMPARED_CHARACTERS: Final = 60
MAX_WORD_S: Final = 10.0
"""Longest time in which words are compared."""
MAX_BEFORE: Final = 4
"""Most words before a word that are passed to the language model."""

MAX_LAYERS_S: Final = 30.0
"""Longest part whose layers are shown."""
SIDE_BOUNDS: Final = (16, 400)
"""Fewest and most columns of a self-similarity."""

UInt8 = NDArray[np.uint8]


@dataclass(frozen=True)
class ExploredPart:
    """Which part to explore, in how many columns, and of which channel; 0 is the mix."""

    window: PictureWindow
    columns: int = 600
    channel: int = 0


@dataclass(frozen=True)
class ExploredWord:
    """Words to compare in one place of a recording.

    Attributes:
        start_s, end_s: where the word is.
        words: the transcribed word, then others in its place.
        before: the words before it, the last one nearest.
        decoder: that transcribed it; empty: the one of the first transcript.
        channel: 0 is the mix.
    """

    start_s: float
    end_s: float
    words: tuple[str, ...]
    before: tuple[str, ...] = ()
    decoder: str = ""
    channel: int = 0


@dataclass(frozen=True)
class ExploredLayers:
    """Of which part to show the layers of the model.

    Attributes:
        window: at most :data:`MAX_LAYERS_S`.
        layer: whose hidden frames are compared with each other; ``None``: the middle one.
        side: how many columns of the self-similarity are wanted at most.
        channel: 0 is the mix.
    """

    window: PictureWindow
    layer: int | None = None
    side: int = 240
    channel: int = 0


@dataclass(frozen=True)
class EmissionPart:
    """The emission of a part, in columns of ``merged`` frames.

    Attributes:
        start_s, frame_s: where the first column begins, and the length of one.
        merged: frames of the model in a column: probabilities are the highest, entropies the mean.
        tokens: the rows: those that occur, in alphabetical order, the word delimiter last.
        probabilities: float32 ``(tokens, columns)``.
        blank: float32 ``(columns,)``, the probability of the blank, of several frames the mean.
        entropy_bits: float32 ``(columns,)``, of all tokens.
    """

    start_s: float
    frame_s: float
    merged: int
    tokens: tuple[str, ...]
    probabilities: Float32
    blank: Float32
    entropy_bits: Float32


@dataclass(frozen=True)
class Explored:
    """What an exploration answers: a part, or words compared in one place."""


@dataclass(frozen=True)
class Exploration(Explored):
    """A part of a recording; everything counts from the start of the recording.

    Attributes:
        start_s, end_s: the part; its columns are equally long.
        low, high: float32 ``(columns,)``, least and greatest sample of each column.
        spectrum: uint8 ``(bins, columns)``: 255 is the loudest cell of the part, 0 is ``range_db`` below it
            or less. Row ``k`` is centred at ``k * bin_hz``.
        channels: how many channels were transcribed separately; 0: the mix was.
    """

    start_s: float
    end_s: float
    low: Float32
    high: Float32
    spectrum: UInt8
    bin_hz: float
    range_db: float
    emission: EmissionPart | None = None
    channels: int = 0


@dataclass(frozen=True)
class ComparedWord:
    """One of several words in the same place.

    Attributes:
        characters: its letters with their times and probabilities; none if it does not fit in.
        score: geometric mean of their probabilities, in [0, 1].
        log_prob: of the most probable CTC path that spells it there, natural logarithm; ``None``: it does
            not fit in.
        language_log10: its probability after the words before it, log10; ``None`` if the language model
            does not know it, or was not used.
    """

    text: str
    characters: tuple[AlignedCharacter, ...] = ()
    score: float = 0.0
    log_prob: float | None = None
    language_log10: float | None = None


@dataclass(frozen=True)
class Explanation(Explored):
    """Words compared in one place: the transcribed one first.

    ``lm_weight`` and ``word_score`` are what the search adds to the path: ``lm_weight * language_log10 +
    word_score``; ``lm_weight`` is 0 if no language model was used. ``letters`` is what the emission alone
    says there: the greedy path.
    """

    candidates: tuple[ComparedWord, ...]
    lm_weight: float
    word_score: float
    letters: str = ""


Explorable = ExploredPart | ExploredWord | ExploredLayers


def frames_between(emission: Emission, start_s: float, end_s: float) -> tuple[int, int]:
    """The frames ``[first, last)`` of a part, as far as there are any."""
    count = len(emission.log_probs)
    first = min(max(0, math.floor(start_s / emission.frame_s + 1e-6)), count)
    return first, min(max(first, math.ceil(end_s / emission.frame_s - 1e-6)), count)


def parse_part(
    start: object, end: object, columns: object = 600, channel: object = 0
) -> ExploredPart:
    """The part as a client sends it.

    Raises:
        InputError: ``explore.bad_value``.
    """
    start_s, end_s = _number("start", start), _number("end", end)
    count = round(min(max(_number("columns", columns), COLUMN_BOUNDS[0]), COLUMN_BOUNDS[1]))
    try:
        window = PictureWindow(start_s, min(end_s, start_s + MAX_PART_S))
    except ValueError:
        raise _bad_value("end", "The part has no length.") from None
    return ExploredPart(window, count, _channel(channel))


def parse_layers(
    start: object, end: object, layer: object = None, side: object = 240, channel: object = 0
) -> ExploredLayers:
    """The part as a client sends it; -1 and ``None`` are the middle layer.

    Raises:
        InputError: ``explore.bad_value``, ``explore.too_long``.
    """
    start_s, end_s = _number("start", start), _number("end", end)
    number = -1.0 if layer is None or layer == "" else _number("layer", layer)
    if number < -1 or number != int(number):
        raise _bad_value("layer", "Layers are numbered from 0; -1 is the middle one.")
    columns = round(min(max(_number("columns", side), SIDE_BOUNDS[0]), SIDE_BOUNDS[1]))
    try:
        window = PictureWindow(start_s, end_s)
    except ValueError:
        raise _bad_value("end", "The part has no length.") from None
    check_layers_length(end_s - start_s)
    return ExploredLayers(window, None if number < 0 else int(number), columns, _channel(channel))


def check_layers_length(length_s: float) -> None:
    """Refuse a part that is too long to show its layers.

    Raises:
        InputError: ``explore.too_long``.
    """
    if length_s > MAX_LAYERS_S + 0.05:  # parts begin and end at frames
        raise InputError(
            f"The part is {length_s:.0f} s long; layers are shown of at most {MAX_LAYERS_S:.0f} s.",
            code="explore.too_long",
            hint="Choose a shorter part: zoom in, or send an earlier `end`.",
            metadata={"limit_s": MAX_LAYERS_S},
        )


def parse_word(
    start: object, end: object, words: object, before: object = (), channel: object = 0
) -> ExploredWord:
    """The place and the words as a client sends them; lists, or text with blanks between words.

    Raises:
        InputError: ``explore.bad_value``.
    """
    start_s, end_s = _number("start", start), _number("end", end)
    if not 0 <= start_s < end_s <= start_s + MAX_WORD_S:
        raise _bad_value("end", f"A word lasts at most {MAX_WORD_S:.0f} seconds.")
    given = tuple(dict.fromkeys(_texts("words", words)))
    if not given:
        raise _bad_value("words", "There is no word to compare.")
    context = _texts("before", before)[-MAX_BEFORE:]
    return ExploredWord(
        start_s, end_s, given[:MAX_COMPARED_WORDS], context, channel=_channel(channel)
    )


def _texts(name: str, value: object) -> tuple[str, ...]:
    parts = value.split() if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(one, str) for one in parts):
        raise _bad_value(name, "Words are text with blanks between them, or a list of texts.")
    found = tuple(one.strip() for one in parts if one.strip())
    if any(len(one) > MAX_COMPARED_CHARACTERS for one in found):
        raise _bad_value(name, f"A word has at most {MAX_COMPARED_CHARACTERS} characters.")
    return found


def _number(name: str, value: object) -> float:
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = math.nan
    if isinstance(value, bool) or not math.isfinite(found):
        raise _bad_value(name, "It must be a number.")
    return found


def _channel(value: object) -> int:
    found = _number("channel", value)
    if found < 0 or found != int(found):
        raise _bad_value("channel", "Channels are numbered from 1; 0 is the mix.")
    return int(found)


def _bad_value(name: str, reason: str) -> InputError:
    return InputError(
        f"`{name}` cannot be used. {reason}",
        code="explore.bad_value",
        hint="Send `start` and `end` in seconds from the start of the recording.",
        metadata={"field": name},
    )
