"""Folders that the recipe reads and writes. Environment variables override the defaults."""

import os
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("TRAINING_SHARED", REPO.parent / "shared"))  # speech and text
STATE = Path(os.environ.get("TRAINING_STATE", Path.home() / ".cache" / "wav2vec2-app-training"))

SPEECH = SHARED / "speech"
NOVELS = SHARED / "text" / "novels-25m-words.txt.xz"
EVERYDAY = SHARED / "text" / "everyday-cased.txt.xz"
MODEL = REPO / "assets" / "model"
EXAMPLES = REPO / "assets" / "examples"
