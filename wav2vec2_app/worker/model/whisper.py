"""The Whisper recognizer: a loaded checkpoint that transcribes one window at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.languages import language_code, language_name
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.speech.whisper import WHISPER_LANGUAGES, WITHOUT_SPACES, whisper_code
from wav2vec2_app.worker.model.cancellation import CheckCancelled, never_cancelled
from wav2vec2_app.worker.model.speech_activity import frame_energy, is_silent
from wav2vec2_app.worker.model.whisper_files import MODEL, WhisperCheckpoint, count_parameters
from wav2vec2_app.worker.model.whisper_runtime import (
    LoadedWhisper,
    WhisperOptions,
    load_on_cpu,
    load_whisper,
    out_of_memory,
)

SEED: Final = 0
"""Of the sampling with which the decoder tries again where a result looks wrong."""
LEVEL_HOP: Final = 320
"""Samples of one step of the level, by which silence is recognized."""

WordsReport = Callable[["WhisperText", float], None]
"""Called with what was transcribed so far, and up to where, seconds."""


@dataclass(frozen=True)
class WhisperText:
    """What was transcribed; see :class:`~wav2vec2_app.protocol.whisper.WhisperResponse`."""

    text: str = ""
    words: tuple[Word, ...] = ()
    language: str = ""
    reason: str = ""


class WhisperRecognizer:
    """A checkpoint on CTranslate2; loaded here.

    Args:
        checkpoint: what to load.
        options: how it is run.

    Raises:
        ModelError, ResourceError: see :func:`load_whisper`.
    """

    def __init__(self, checkpoint: WhisperCheckpoint, options: WhisperOptions) -> None:
        self._parameters = count_parameters(checkpoint.path / MODEL)
        self._size_bytes = (checkpoint.path / MODEL).stat().st_size
        self._checkpoint = checkpoint
        self._options = options
        self._loaded: LoadedWhisper = load_whisper(checkpoint, options)

    def info(self, language: str = "") -> ModelInfo:
        """The model, and the language that it transcribed."""
        return ModelInfo(
            name=self._checkpoint.name,
            source=self._checkpoint.source,
            engine="ctranslate2",
            device=self._loaded.device,
            precision=self._loaded.precision,
            parameters=self._parameters,
            size_bytes=self._size_bytes,
            note=self._loaded.note,
            language=language,
        )

    @property
    def languages(self) -> tuple[str, ...]:
        """The codes of the languages that the checkpoint has."""
        tokenizer, model = self._loaded.model.hf_tokenizer, self._loaded.model.model
        if not model.is_multilingual:
            return ("en",)
        return tuple(
            code for code in WHISPER_LANGUAGES if tokenizer.token_to_id(f"<|{code}|>") is not None
        )

    def transcribe(
        self,
        samples: Float32,
        *,
        language: str = "",
        beam_size: int = 5,
        hotwords: tuple[str, ...] = (),
        check: CheckCancelled = never_cancelled,
        report: WordsReport | None = None,
    ) -> WhisperText:
        """Transcribe ``samples`` ``(n,)``; ``report`` is called after each segment.

        A GPU that fails is replaced by the CPU.

        Raises:
            InputError: ``language.unsupported``.
            CancelledError: of ``check``, between the passes of encoder and decoder.
        """
        code = self._checked(language)
        if reason := _silence(samples):
            return WhisperText(reason=reason)
        settings: dict[str, object] = {
            "language": code or None,
            "beam_size": beam_size,
            "hotwords": ", ".join(hotwords) or None,
        }
        self._loaded.passes.check = check
        try:
            return self._run(samples, settings, report)
        except RuntimeError as error:  # of CTranslate2
            if self._loaded.device == "cpu":
                raise out_of_memory(error) or error from error
        self._loaded = load_on_cpu(self._checkpoint, self._options)
        self._loaded.passes.check = check
        return self._run(samples, settings, report)

    def _run(
        self, samples: Float32, settings: dict[str, object], report: WordsReport | None
    ) -> WhisperText:
        import ctranslate2

        ctranslate2.set_random_seed(SEED)
        segments, info = self._loaded.model.transcribe(
            samples,
            word_timestamps=True,
            vad_filter=True,
            condition_on_previous_text=False,
            **settings,
        )
        found: list[Any] = []
        for segment in segments:
            self._loaded.passes.check()
            found.append(segment)
            if report is not None:
                report(_text_of(found, info.language, len(samples)), float(segment.end))
        return _text_of(found, info.language, len(samples))

    def _checked(self, language: str) -> str:
        code, known = whisper_code(language), self.languages
        if code and code not in known:
            raise InputError(
                f"The model “{self._checkpoint.name}” does not transcribe"
                f" “{language_name(language)[:40]}”.",
                code="language.unsupported",
                hint="Choose another model, or omit `language` to detect it.",
                metadata={"language": language[:40], "known": list(known)},
            )
        return code


def _silence(samples: Float32) -> str:
    """Why there is nothing to transcribe; empty if there is speech, by Silero's detector."""
    from faster_whisper.vad import get_speech_timestamps

    energy = frame_energy(samples, LEVEL_HOP, max(1, len(samples) // LEVEL_HOP))
    if is_silent(energy, LEVEL_HOP / SAMPLE_RATE_HZ):
        return "silence"
    return "" if get_speech_timestamps(samples) else "no_speech"


def _text_of(segments: Sequence[Any], language: str, samples: int) -> WhisperText:
    """The text and the words of faster-whisper's segments."""
    parts = [
        Word(word.word, float(word.start), float(word.end), float(word.probability))
        for segment in segments
        for word in segment.words or ()
    ]
    words = joined_words(parts, samples / SAMPLE_RATE_HZ, spaces=language not in WITHOUT_SPACES)
    text = "".join(segment.text for segment in segments).strip()
    code = language_code(language)
    return WhisperText(text if words else "", words, code, "" if words else "no_speech")


def joined_words(
    parts: Iterable[Word], duration_s: float, *, spaces: bool = True
) -> tuple[Word, ...]:
    """Words of parts of text, of which those after the first of a word begin without a space.

    Where a language is written without ``spaces``, every part is a word. Times are within the audio
    and in order; the confidence of a word is that of its least certain part.
    """
    words: list[Word] = []
    latest_s = 0.0
    for part in parts:
        text = part.text.strip()
        start_s = min(max(part.start_s, latest_s), duration_s)
        latest_s = end_s = min(max(part.end_s, start_s), duration_s)
        confidence = min(max(part.confidence, 0.0), 1.0)
        if words and text and spaces and not part.text[0].isspace():
            before = words.pop()
            text, start_s = before.text + text, before.start_s
            confidence = min(before.confidence, confidence)
        if text:
            words.append(Word(text, round(start_s, 4), round(end_s, 4), round(confidence, 6)))
    return tuple(words)
