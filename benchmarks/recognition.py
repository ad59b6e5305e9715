"""``python -m benchmarks.recognition [TSV]``: word error rate of the complete application.

Scores the example clips, and the utterances of a TSV (default: ``../shared/speech/test-clean-60.tsv``
beside a checkout) whose first column is a path and whose last is the transcript.
"""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import jiwer

from benchmarks.report import Figure, show
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.build import build_system
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource

TEST_SET = Path(__file__).parents[2] / "shared" / "speech" / "test-clean-60.tsv"

Utterance = tuple[Path, str]


def examples() -> list[Utterance]:
    folder = assets_path() / "examples"
    listing = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
    return [(folder / clip["file"], clip["text"]) for clip in listing]


def from_table(table: Path) -> list[Utterance]:
    with table.open(encoding="utf-8", newline="") as rows:
        return [
            (table.parent / row["path"], row["transcript"].lower())
            for row in csv.DictReader(rows, delimiter="\t")
        ]


async def hypotheses(utterances: Sequence[Utterance], model: str = "embedded") -> list[str]:
    """Transcripts in lower case."""
    system = build_system(Settings(fetch_models=False, model=model, log_level="WARNING"))
    await system.orchestrator.start()
    try:
        texts = []
        for path, _ in utterances:
            result = await system.orchestrator.run(AudioTask(AudioSource(path=path)))
            texts.append(result.transcript.text.lower() if result.transcript else "")
        return texts
    finally:
        await system.orchestrator.stop()


def score(name: str, utterances: Sequence[Utterance], limit: float | None = None) -> list[Figure]:
    references = [text for _, text in utterances]
    texts = asyncio.run(hypotheses(utterances))
    wer, cer = 100 * jiwer.wer(references, texts), 100 * jiwer.cer(references, texts)
    return [
        Figure(f"{name}: word error rate", wer, "%", limit),
        Figure(f"{name}: character error rate", cer, "%"),
    ]


def measure(table: Path = TEST_SET) -> Sequence[Figure]:
    figures = score("example clips", examples(), 5)
    if table.exists():
        figures += score(table.stem, from_table(table), 45)
    else:
        print(f"{table.name} was not found: only the example clips are scored.")
    return figures


if __name__ == "__main__":
    show("recognition", measure(*(Path(argument) for argument in sys.argv[1:2])))
