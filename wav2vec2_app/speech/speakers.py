"""Who speaks: turns of speakers, their names, and the words that they say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.channels import text_of_words, turns_of_words
from wav2vec2_app.speech.transcript import Recognition, Word

SPEAKER: Final = "Speaker {number}"
"""Name of a speaker who was given none; numbered by their first words."""
MAX_SPEAKER_NAMES: Final = 50
MAX_SPEAKER_NAME_CHARACTERS: Final = 60

SPEECH_PAUSE_S: Final = 0.5
"""Longer pauses between words are not speech, seconds."""
VOICE_WINDOW_S: Final = 1.6
"""Length of a window of speech that gets an embedding, seconds; the network was trained with it."""
WINDOW_HOP_S: Final = 0.6
"""At most this far apart are windows of the same speech, seconds."""
EDGE_S: Final = 0.1
"""Times of words are so uncertain, seconds: speech begins before and ends after them."""


@dataclass(frozen=True)
class SpeakerTurn:
    """A stretch of speech of one speaker, who is numbered from 1."""

    start_s: float
    end_s: float
    speaker: int


@dataclass(frozen=True)
class SpeakerTurns:
    """The turns of a recording, by their start."""

    turns: tuple[SpeakerTurn, ...]

    @property
    def count(self) -> int:
        """How many speakers there are."""
        return len({turn.speaker for turn in self.turns})

    def speaker_at(self, time_s: float) -> int:
        """Who speaks, or spoke or speaks nearest to a time; 0 where there are no turns."""
        return self.speakers_at([time_s])[0]

    def speakers_at(self, times_s: Sequence[float]) -> list[int]:
        """:meth:`speaker_at` of each time, in one pass over the turns."""
        if not self.turns:
            return [0] * len(times_s)
        times = np.asarray(times_s, np.float64)
        starts, ends = np.array([(turn.start_s, turn.end_s) for turn in self.turns]).T
        after = np.searchsorted(starts, times, side="right")
        before = np.maximum(after - 1, 0)
        after = np.minimum(after, len(starts) - 1)
        away_before, away_after = (
            np.maximum(starts[near] - times, times - ends[near]) for near in (before, after)
        )
        nearest = np.where(away_after < away_before, after, before).tolist()
        return [self.turns[index].speaker for index in nearest]


def speech_of(words: Sequence[Word]) -> list[tuple[float, float]]:
    """Where there is speech, start and end in seconds: words without long pauses between them."""
    found: list[tuple[float, float]] = []
    for word in sorted(words, key=lambda word: word.start_s):
        if found and word.start_s - found[-1][1] < SPEECH_PAUSE_S:
            found[-1] = found[-1][0], max(found[-1][1], word.end_s)
        else:
            found.append((word.start_s, word.end_s))
    return found


def voice_windows(words: Sequence[Word], duration_s: float) -> Float32:
    """Windows of speech that overlap, start and end in seconds: ``(windows, 2)``."""
    found: list[tuple[float, float]] = []
    for word_start_s, word_end_s in speech_of(words):
        start_s = min(max(0.0, word_start_s - EDGE_S), duration_s)
        end_s = min(word_end_s + EDGE_S, duration_s)
        rest_s = end_s - start_s - VOICE_WINDOW_S
        if rest_s <= 0:
            found.append((start_s, end_s))
            continue
        count = int(np.ceil(rest_s / WINDOW_HOP_S)) + 1
        starts_s = np.linspace(start_s, end_s - VOICE_WINDOW_S, count).tolist()
        found += [(one, one + VOICE_WINDOW_S) for one in starts_s]
    return np.array(found, np.float32).reshape(-1, 2)


def turns_of(words: Sequence[Word], speakers: Sequence[int]) -> SpeakerTurns:
    """Turns from the speaker of each word; speakers are numbered by their first words."""
    numbers: dict[int, int] = {}
    turns: list[SpeakerTurn] = []
    for word, voice in sorted(zip(words, speakers, strict=True), key=lambda one: one[0].start_s):
        speaker = numbers.setdefault(voice, len(numbers) + 1)
        last = turns[-1] if turns else None
        if last and last.speaker == speaker and word.start_s - last.end_s < SPEECH_PAUSE_S:
            turns[-1] = replace(last, end_s=max(last.end_s, word.end_s))
        else:
            turns.append(SpeakerTurn(word.start_s, word.end_s, speaker))
    return SpeakerTurns(tuple(turns))


def turns_of_labels(words: Sequence[Word]) -> tuple[SpeakerTurns | None, tuple[str, ...]]:
    """The turns and the names of words that are labelled; ``None`` and no names if they are not."""
    labels = list(dict.fromkeys(word.speaker for word in words))
    if "" in labels or not labels:
        return None, ()
    return turns_of(words, [labels.index(word.speaker) for word in words]), tuple(labels)


def with_speakers(
    recognition: Recognition, turns: SpeakerTurns | None, names: Sequence[str] = ()
) -> Recognition:
    """``recognition`` with the speaker of each word: of the turn in its middle; a line for each turn.

    Channels that were transcribed separately are the speakers; they get names only.
    """
    separate = bool(recognition.channels)
    if turns is None and not (separate and names):
        return recognition
    words = recognition.transcript.words
    if separate or turns is None:
        labels = [_name_of_channel(word.channel, names) for word in words]
    else:
        numbers = turns.speakers_at([(word.start_s + word.end_s) / 2 for word in words])
        labels = [name_of(number, names) if number else "" for number in numbers]
    words = tuple(replace(word, speaker=label) for word, label in zip(words, labels, strict=True))
    transcript = replace(recognition.transcript, words=words)
    if not separate and words:
        text = "\n".join(text_of_words(turn) for turn in turns_of_words(words))
        transcript = replace(transcript, text=text)
    return replace(recognition, transcript=transcript)


def _name_of_channel(channel: int | None, names: Sequence[str]) -> str:
    return names[channel - 1] if channel and channel <= len(names) else ""


def name_of(number: int, names: Sequence[str] = ()) -> str:
    """The name of a speaker."""
    given = names[number - 1] if number <= len(names) else ""
    return given or SPEAKER.format(number=number)


def parse_names(value: object) -> tuple[str, ...]:
    """Names of speakers in the order of their first words, as clients send them.

    A JSON list or a list of strings, or names separated by commas or line breaks; an empty name leaves a
    speaker the number.

    Raises:
        InputError: ``speakers.bad_names``.
    """
    if isinstance(value, str):
        value = _listed(value)
    if not isinstance(value, list | tuple):
        raise _bad_names()
    names = tuple(speaker_name(one) for one in value)
    labels = [name_of(number, names) for number in range(1, MAX_SPEAKER_NAMES + 1)]
    if len(names) > MAX_SPEAKER_NAMES or len(set(labels)) < len(labels):
        raise _bad_names()
    return names


def speaker_name(value: object) -> str:
    """The name of a speaker in one line.

    Raises:
        InputError: ``speakers.bad_names``.
    """
    if not isinstance(value, str):
        raise _bad_names()
    name = " ".join("".join(one if one.isprintable() else " " for one in value).split())
    if len(name) > MAX_SPEAKER_NAME_CHARACTERS:
        raise _bad_names()
    return name


def _listed(text: str) -> object:
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _bad_names() from error
    return text.replace("\n", ",").split(",") if text.strip() else []


def _bad_names() -> InputError:
    return InputError(
        "The names of the speakers cannot be used.",
        code="speakers.bad_names",
        hint=f"Send up to {MAX_SPEAKER_NAMES} different names of at most "
        f"{MAX_SPEAKER_NAME_CHARACTERS} characters, separated by commas, in the order in which the "
        "speakers begin.",
        metadata={"field": "speaker_names"},
    )
