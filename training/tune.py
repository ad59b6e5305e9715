"""Word error rate of the beam over its settings, on the held-out speakers.

Run `python -m training.tune --lm-weight 1 1.5 2 --word-score -1 0 1 --width 30 60`: every combination is
tried on the same emissions. `--model` and `--lm` choose a checkpoint and a language model other than
those in `assets`.
"""

import argparse
import itertools
import time
from dataclasses import replace
from pathlib import Path

import jiwer
import numpy as np

from training.calibrate import PRIOR_WEIGHT
from training.data import read_audio, tuning_utterances
from training.paths import MODEL, REPO
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DEFAULT_OPTIONS
from wav2vec2_app.worker.model import decoders
from wav2vec2_app.worker.model.decoders import BeamDecoder
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.lexicon import Lexicon
from wav2vec2_app.worker.model.prior import measure_prior
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint


def emissions(folder: Path) -> list[Emission]:
    """What the checkpoint in `folder` hears of every held-out clip."""
    engine = OpenVinoEngine(precision="fp32")
    recognizer = Recognizer(Checkpoint("tuned", folder, "folder"), engine)
    audios = (read_audio(item.path).astype(np.float32) / 32768 for item in tuning_utterances())
    return [recognizer.emit(audio) for audio in audios]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--lm", type=Path, nargs="+", default=[REPO / "assets" / "lm"])
    parser.add_argument("--lm-weight", type=float, nargs="+", default=[DEFAULT_OPTIONS.lm_weight])
    parser.add_argument("--word-score", type=float, nargs="+", default=[DEFAULT_OPTIONS.word_score])
    parser.add_argument("--width", type=int, nargs="+", default=[DEFAULT_OPTIONS.beam_width])
    parser.add_argument("--tokens", type=int, nargs="+", default=[decoders.BEAM_TOKENS])
    parser.add_argument("--prior-weight", type=float, nargs="+", default=[PRIOR_WEIGHT])
    parser.add_argument("--threshold", type=float, nargs="+", default=[decoders.MAX_BEAM_THRESHOLD])
    options = parser.parse_args()
    texts = [item.text for item in tuning_utterances()]
    heard = emissions(options.model)
    seconds = sum(emission.duration_s for emission in heard)
    prior = measure_prior(heard, 1.0)["log_prior"]
    print(
        "language model | weight | word score | prior | width | tokens | threshold | WER | ms for 10 s"
    )
    for lm in options.lm:
        lexicon = Lexicon(lm, heard[0])
        for weight, score, taken, width, tokens, threshold in itertools.product(
            options.lm_weight, options.word_score, options.prior_weight,
            options.width, options.tokens, options.threshold,
        ):  # fmt: skip
            taken_off = tuple(taken * prior.get(token, 0.0) for token in heard[0].vocabulary)
            emitted = [replace(emission, prior=taken_off) for emission in heard]
            reading = replace(DEFAULT_OPTIONS, lm_weight=weight, word_score=score, beam_width=width)
            decoders.BEAM_TOKENS, decoders.MAX_BEAM_THRESHOLD = tokens, threshold
            decoder = BeamDecoder(lexicon, reading)
            begin = time.monotonic()
            read = [" ".join(w.text for w in decoder.decode(e).words).lower() for e in emitted]
            cost_ms = 10_000 * (time.monotonic() - begin) / seconds
            wer = jiwer.wer(texts, read)
            print(
                f"{lm.name} | {weight} | {score} | {taken} | {width} | {tokens} | {threshold} | "
                f"{wer:.4f} | {cost_ms:.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
