"""Write a standard checkpoint folder: float16 weights and processor files.

Run `python -m training.export --run student --target FOLDER`. With `--mix 0.5` the weights are the
mean of the run's and of those that the target folder holds already.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import torch
from transformers import (
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Processor,
)

from training.model import LETTER_ID, SAMPLE_RATE_HZ, build_model
from training.paths import MODEL
from training.positions import build_positions
from training.train import averaged_weights, load_weights


def build_processor() -> Wav2Vec2Processor:
    """Return feature extractor and tokenizer, as facebook/wav2vec2-base-960h's but with a mask."""
    extractor = Wav2Vec2FeatureExtractor(
        feature_size=1,
        sampling_rate=SAMPLE_RATE_HZ,
        padding_value=0.0,
        do_normalize=True,
        return_attention_mask=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        vocabulary = Path(folder) / "vocab.json"
        vocabulary.write_text(json.dumps(LETTER_ID))
        tokenizer = Wav2Vec2CTCTokenizer(str(vocabulary), word_delimiter_token="|")  # noqa: S106
    return Wav2Vec2Processor(feature_extractor=extractor, tokenizer=tokenizer)


def compute_in_float32(config: Path) -> None:
    """Have float16 weights widened as they are loaded: float16 arithmetic is slow on processors."""
    settings = json.loads(config.read_text())
    settings["dtype"] = "float32"
    config.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")


@torch.no_grad()
def mix(model: Wav2Vec2ForCTC, other: Wav2Vec2ForCTC, share: float) -> None:
    """Move every weight of `model` by `share` of the way to that of `other`.

    Wortsman et al., "Model soups" (2022): fine-tuned from one place, both lie in one basin.
    """
    for value, towards in zip(model.parameters(), other.parameters(), strict=True):
        value.lerp_(towards, share)


def export(run: str, target: Path, share: float = 1.0) -> None:
    """Write a run's averaged weights to `target` in float16, without a model card.

    Below 1, `share` is how much of them is mixed into the checkpoint that `target` holds already.
    """
    target.mkdir(parents=True, exist_ok=True)
    model = build_model()
    load_weights(model, averaged_weights(run))
    build_positions(model)
    if share < 1:
        mix(model, Wav2Vec2ForCTC.from_pretrained(target, dtype=torch.float32), 1 - share)
    model.half()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        processor = build_processor()
        processor.save_pretrained(folder)
        processor.feature_extractor.save_pretrained(folder)  # where transformers 4 looks for it
        compute_in_float32(Path(folder) / "config.json")
        for path in Path(folder).iterdir():
            shutil.copyfile(path, target / path.name)
    size_mb = (target / "model.safetensors").stat().st_size / 1e6
    count = sum(p.numel() for p in model.parameters())
    print(f"{count / 1e6:.2f} million parameters, {size_mb:.1f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="student")
    parser.add_argument("--target", type=Path, default=MODEL)
    parser.add_argument("--mix", type=float, default=1.0, help="share of the run's weights")
    arguments = parser.parse_args()
    export(arguments.run, arguments.target, arguments.mix)
