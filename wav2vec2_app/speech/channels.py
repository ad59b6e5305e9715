"""Transcripts of several channels or speakers: merged by time, and divided into turns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Protocol, TypeVar

from wav2vec2_app.speech.signs import blank_between
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word

TURN_PAUSE_S = 0.8
"""Silence of one channel from which words of another channel can come between its words, seconds."""


CHANNEL = "Channel {channel}"
"""Name of a channel in texts and subtitles."""


class HasText(Protocol):
    """A word."""

    @property
    def text(self) -> str:
        """The word."""


class ChannelText(HasText, Protocol):
    """A word with its time and the number of its channel, from 1; ``None`` in a mix of channels."""

    @property
    def start(self) -> float:
        """Start, seconds."""

    @property
    def end(self) -> float:
        """End, seconds."""

    @property
    def channel(self) -> int | None:
        """Number of the channel."""


T = TypeVar("T")
C = TypeVar("C", bound=ChannelText)


def merged(recognitions: Sequence[Recognition]) -> Recognition:
    """One recognition of several channels: its words are sorted by time and carry their channel.

    Its text has one line for each turn. It has no emission of its own; ``channels`` has those of the
    channels.
    """
    transcripts = [one.transcript for one in recognitions]
    words = [
        replace(word, channel=channel)
        for channel, transcript in enumerate(transcripts, start=1)
        for word in transcript.words
    ]
    words.sort(key=lambda word: (word.start_s, word.end_s))
    between = " " if all(_has_blanks(one) for one in recognitions) else ""
    lines = (between.join(word.text for word in turn) for turn in turns_of_words(words))
    first = transcripts[0]
    transcript = Transcript(
        text="\n".join(lines),
        words=tuple(words),
        confidence=sum(word.confidence for word in words) / len(words) if words else 0.0,
        duration_s=max(one.duration_s for one in transcripts),
        model=first.model,
        decoder=first.decoder,
        reason="" if words else _reason(transcripts),
        note=first.note,
    )
    return Recognition(transcript, channels=tuple(recognitions))


def turns_of_words(words: Iterable[Word]) -> list[list[Word]]:
    """The words in turns: see :func:`turns`."""
    words = sorted(words, key=lambda word: word.start_s)
    if has_speakers(words):
        return runs(words)
    return _turns([(word, word.start_s, word.end_s, word.channel) for word in words])


def turns(words: Iterable[C]) -> list[list[C]]:
    """The words in turns, by the time when they begin; a turn is of one channel, or of one speaker.

    A turn of a channel ends at a pause during which another channel has a word; that of a speaker in a
    mix ends with another speaker's word. Without channels and speakers, all words are one turn.
    """
    words = sorted(words, key=lambda word: word.start)
    if has_speakers(words):
        return runs(words)
    return _turns([(word, word.start, word.end, word.channel) for word in words])


def channel_of(word: object) -> int | None:
    """The number of the word's channel, from 1; ``None`` in a mix of channels."""
    channel: int | None = getattr(word, "channel", None)
    return channel


def voice_of(word: object) -> str:
    """The name of who says the word, else of its channel; empty where neither is known."""
    speaker: str | None = getattr(word, "speaker", None)
    channel = channel_of(word)
    return speaker or ("" if channel is None else CHANNEL.format(channel=channel))


def voice_label(word: object) -> str:
    """``Channel 2: `` or ``Speaker 1: `` before the words of a turn; empty where neither is known."""
    voice = voice_of(word)
    return f"{voice}: " if voice else ""


def has_speakers(words: Sequence[object]) -> bool:
    """Whether speakers of one channel are labelled."""
    return any(voice_of(word) and channel_of(word) is None for word in words)


def runs(words: Sequence[T]) -> list[list[T]]:
    """Words of one speaker that follow each other."""
    return [list(turn) for _, turn in groupby(words, voice_of)]


def by_voice(words: Sequence[T]) -> dict[str, list[T]]:
    """The words of each speaker, or of each channel, by its name; of channels in their order."""
    found: dict[str, list[T]] = {}
    for word in sorted(words, key=lambda word: channel_of(word) or 0):
        found.setdefault(voice_of(word), []).append(word)
    return found


def labelled_lines(words: Iterable[C]) -> str:
    """The words as text: one line for each turn, which begins with the name of its voice."""
    return "\n".join(voice_label(turn[0]) + text_of_words(turn) for turn in turns(words))


def text_of_words(words: Iterable[HasText]) -> str:
    """The words as text, with blanks where their script has some."""
    text = ""
    for word in words:
        text += f"{' ' * blank_between(text, word.text)}{word.text}"
    return text


def _turns(words: list[tuple[T, float, float, int | None]]) -> list[list[T]]:
    words.sort(key=lambda one: one[1])
    phrases: list[list[tuple[T, float, float, int | None]]] = []
    latest: dict[int | None, list[tuple[T, float, float, int | None]]] = {}
    for word in words:
        phrase = latest.get(word[3])
        if phrase is None or (word[3] is not None and word[1] - phrase[-1][2] >= TURN_PAUSE_S):
            phrase = latest[word[3]] = []
            phrases.append(phrase)
        phrase.append(word)
    found: list[list[tuple[T, float, float, int | None]]] = []
    for phrase in phrases:
        if found and found[-1][0][3] == phrase[0][3]:
            found[-1].extend(phrase)
        else:
            found.append(list(phrase))
    return [[word for word, *_ in turn] for turn in found]


def _has_blanks(recognition: Recognition) -> bool:
    """Whether there are blanks between the words."""
    return recognition.emission is None or bool(recognition.emission.word_delimiter)


def _reason(transcripts: Sequence[Transcript]) -> str:
    silent = all(one.reason == "silence" for one in transcripts)
    return "silence" if silent else "no_speech"
