"""Plans of numeric precision, and the cache of the trials that chose them."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

OPENVINO_PRECISIONS = {"fp32": "f32", "bf16": "bf16"}
"""This application's names of floating point precisions, and OpenVINO's."""
INT8 = "int8"


@dataclass(frozen=True)
class PrecisionPlan:
    """How graphs are run: whether linear layers are quantized to 8 bits, and the precision of the rest."""

    rest: str
    int8: bool = False

    @property
    def name(self) -> str:
        return f"{INT8} {self.rest}" if self.int8 else self.rest

    @classmethod
    def of(cls, name: str) -> PrecisionPlan | None:
        """The plan called ``name``; ``None`` if there is none."""
        rest = name.removeprefix(f"{INT8} ")
        return cls(rest, int8=rest != name) if rest in OPENVINO_PRECISIONS else None


FULL_PRECISION = PrecisionPlan("fp32")
"""Nothing is rounded."""


@dataclass(frozen=True)
class TrialCache:
    """Outcomes of trials on this machine, in a JSON file of ``folder``; ``None`` disables the cache."""

    folder: Path | None

    def get(self, key: str) -> str:
        """The outcome stored under ``key``; empty if there is none."""
        return str(self._read().get(key, ""))

    def put(self, key: str, outcome: str) -> None:
        """Store ``outcome``; if that fails, the next start repeats the trial."""
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            new = self._path.with_suffix(".new")
            new.write_text(json.dumps({**self._read(), key: outcome}), encoding="utf-8")
            new.replace(self._path)
        except OSError as error:
            log.warning("the outcome of the precision trial cannot be stored: %s", error)

    @property
    def _path(self) -> Path:
        return (self.folder or Path()) / "precision.json"

    def _read(self) -> dict[str, object]:
        if self.folder is None:
            return {}
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}
