"""Transcripts for tests, and hypothesis strategies of them."""

from __future__ import annotations

from hypothesis import strategies as st

from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.transcript import Transcript, Word

WORDS = ("a", "the", "cat", "cart", "hat", "sat", "on", "mat", "well-known", "21", "Mr.", "don't")


def make_transcript(
    text: str,
    confidences: float | list[float] = 0.9,
    *,
    model: str = "model",
    shift_s: float = 0.0,
    step_s: float = 0.4,
    timed: bool = True,
    confidence: float = 0.9,
) -> Transcript:
    """The words of ``text`` at a steady pace; without words of its own if it is not timed."""
    words = text.split()
    if isinstance(confidences, float):
        confidences = [confidences] * len(words)
    return Transcript(
        text,
        tuple(
            Word(word, shift_s + step_s * at, shift_s + step_s * at + 0.3, confidences[at])
            for at, word in enumerate(words)
        )
        if timed
        else (),
        confidence,
        step_s * len(words) + shift_s,
        ModelInfo(model, "folder", "torch", "cpu", "fp32", 0, 0, language="en"),
    )


def transcripts() -> st.SearchStrategy[Transcript]:
    """Transcripts of a few words that occur in others too, with any confidences, timed or not."""
    return st.lists(st.tuples(st.sampled_from(WORDS), st.floats(0, 1)), max_size=8).flatmap(
        lambda words: st.builds(
            make_transcript,
            st.just(" ".join(word for word, _ in words)),
            st.just([confidence for _, confidence in words]),
            shift_s=st.floats(0, 2),
            timed=st.booleans(),
            confidence=st.floats(0, 1),
        )
    )


def named_transcripts(least: int = 1) -> st.SearchStrategy[dict[str, Transcript]]:
    return st.dictionaries(st.sampled_from("abcde"), transcripts(), min_size=least, max_size=4)
