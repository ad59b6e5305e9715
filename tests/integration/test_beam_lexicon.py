"""Without hotwords, every word of a beam is in its lexicon: over real recordings."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DEFAULT_OPTIONS
from wav2vec2_app.worker.model.decoders import PRUNED_MARGIN, BeamDecoder
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.lexicon import Lexicon
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint

SPEECH = Path(__file__).parents[3] / "shared" / "speech"
LANGUAGE_MODEL = assets_path() / "lm"
HELD_OUT_SPEAKERS = ("1737", "32", "7312", "669")
"""Speakers of ``train.tsv`` that the checkpoint was not trained on."""

pytestmark = [
    pytest.mark.integration,
    pytest.mark.speech,
    pytest.mark.skipif(not SPEECH.exists(), reason="the recordings are not here"),
]


def recordings(table: str, speaker: str = "") -> Iterator[Path]:
    with (SPEECH / f"{table}.tsv").open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            if not speaker or row["speaker"] == speaker:
                yield SPEECH / row["path"]


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    checkpoint = Checkpoint("embedded", assets_path() / "model", "embedded")
    return Recognizer(checkpoint, OpenVinoEngine("fp32"))


def beam_for(emission: Emission) -> BeamDecoder:
    pytest.importorskip(
        "flashlight.lib.text", reason="flashlight-text is not built for this system"
    )
    return BeamDecoder(Lexicon(LANGUAGE_MODEL, emission), DEFAULT_OPTIONS)


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize(
    ("table", "speaker"),
    [
        *(("train", speaker) for speaker in HELD_OUT_SPEAKERS),
        ("accents-50", ""),
        ("test-clean-60", ""),
    ],
)
def test_words_of_held_out_speech_are_in_the_lexicon(
    recognizer: Recognizer, table: str, speaker: str
) -> None:
    """An incomplete last word may be none: audio that ends inside a word keeps its letters."""
    lexicon = frozenset((LANGUAGE_MODEL / "words.txt").read_text(encoding="utf-8").split())
    beam: BeamDecoder | None = None
    count = 0
    for path in recordings(table, speaker):
        samples, _ = soundfile.read(path, dtype="float32")
        emission = recognizer.emit(samples)
        beam = beam or beam_for(emission)
        decoded = beam.decode(emission)
        assert decoded.leads is not None
        unknown = [
            word.text
            for word, lead in zip(decoded.words, decoded.leads, strict=True)
            if word.text.lower() not in lexicon and lead != -PRUNED_MARGIN
        ]
        assert not unknown, path.name
        count += len(decoded.words)
    assert count > 300
