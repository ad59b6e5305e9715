"""The example clips with what is said in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from wav2vec2_app.server.assets import assets_path


@dataclass(frozen=True)
class Clip:
    """One clip and its text, lower case."""

    path: Path
    text: str

    def samples(self) -> NDArray[np.float32]:
        """float32 ``(n,)`` at 16 kHz."""
        read, rate_hz = soundfile.read(self.path, dtype="float32")
        assert rate_hz == 16_000
        samples: NDArray[np.float32] = read
        return samples


def clips() -> list[Clip]:
    """All example clips, in the order in which the page shows them."""
    folder = assets_path() / "examples"
    listing = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
    return [Clip(folder / one["file"], one["text"]) for one in listing]
