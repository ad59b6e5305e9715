"""Where the recipe reads and writes; every place can be moved by an environment variable."""

import os
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("TRAINING_SHARED", REPO.parent / "shared"))  # speech and text
STATE = Path(os.environ.get("TRAINING_STATE", REPO.parent / "state"))  # caches and checkpoints

SPEECH = SHARED / "speech"
NOVELS = SHARED / "text" / "novels-25m-words.txt.xz"
MODEL = REPO / "assets" / "model"
EXAMPLES = REPO / "assets" / "examples"
