"""``python -m benchmarks.hotwords [TSV]``: effect of hotwords on rare words, and on all others.

The hotwords are all words of the table that the lexicon lacks or lists among its rarest: mostly names.
*Recall* is the share of their occurrences that are recognised. Clips without any of them show what the list
costs. Everything is decoded from the same emissions, in this process.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import jiwer
import soundfile
import soxr

from benchmarks.long_audio import recognizer
from benchmarks.recognition import TEST_SET, Utterance, from_table
from benchmarks.report import Figure, show
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.worker.model.decoding import EmissionDecoder

COMMON = 25_000
"""Words up to this rank of the lexicon are not used as hotwords."""


def rare_words(texts: Sequence[str]) -> tuple[str, ...]:
    """The words of ``texts`` that are not among the lexicon's common ones, in alphabetical order."""
    listing = (assets_path() / "lm" / "words.txt").read_text(encoding="utf-8").split()
    common = frozenset(listing[:COMMON])
    return tuple(sorted({word for text in texts for word in text.split()} - common))


def emit(utterances: Sequence[Utterance]) -> list[Emission]:
    one = recognizer()
    emissions = []
    for path, _ in utterances:
        samples, rate_hz = soundfile.read(path, dtype="float32")
        emissions.append(one.emit(soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ)))
    return emissions


def texts_of(
    decoder: EmissionDecoder, emissions: Sequence[Emission], decoding: DecodingOptions
) -> list[str]:
    found = (decoder.decode(emission, decoding, embedded=True).words for emission in emissions)
    return [" ".join(word.text for word in words).lower() for words in found]


def recall(references: Sequence[str], texts: Sequence[str], wanted: Sequence[str]) -> float:
    """The share of the wanted words' occurrences that are recognised in the same utterance."""
    present = found = 0
    for one, other in zip(references, texts, strict=True):
        counts = Counter(one.split()), Counter(other.split())
        present += sum(counts[0][word] for word in wanted)
        found += sum(min(counts[0][word], counts[1][word]) for word in wanted)
    return found / max(1, present)


def measure(
    table: Path = TEST_SET, decoding: DecodingOptions = DEFAULT_OPTIONS
) -> Sequence[Figure]:
    utterances = from_table(table)
    return compare([text for _, text in utterances], emit(utterances), decoding)


def compare(
    references: Sequence[str], emissions: Sequence[Emission], decoding: DecodingOptions
) -> Sequence[Figure]:
    """Recall and error rate with and without the hotwords."""
    wanted = rare_words(references)
    decoder = EmissionDecoder(assets_path() / "lm")
    plain = texts_of(decoder, emissions, decoding)
    hot = texts_of(
        decoder, emissions, DecodingOptions(hotwords=wanted, hotword_boost=decoding.hotword_boost)
    )
    without = [i for i, text in enumerate(references) if not set(text.split()) & set(wanted)]
    before, after = recall(references, plain, wanted), recall(references, hot, wanted)
    rest = [references[i] for i in without]
    cost = jiwer.wer(rest, [hot[i] for i in without]) - jiwer.wer(rest, [plain[i] for i in without])
    return [
        Figure(f"recall of {len(wanted)} rare words, without hotwords", 100 * before, "%"),
        Figure("recall, with hotwords", 100 * after, "%"),
        Figure("recall before over recall after", before / max(after, 1e-9), "", 0.5),
        Figure(
            f"additional word errors in {len(without)} clips without them", 100 * cost, "%", 1.0
        ),
    ]


if __name__ == "__main__":
    show("hotwords", measure(Path(sys.argv[1]) if sys.argv[1:] else TEST_SET))
