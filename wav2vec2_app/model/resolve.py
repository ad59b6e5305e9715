"""Which checkpoint answers to a name: embedded, on disk from the hub, or a local folder.

Nothing here touches the network; :mod:`wav2vec2_app.model.fetch` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache

from wav2vec2_app.errors import ModelError
from wav2vec2_app.types import AUTO_MODEL

EMBEDDED = "embedded"

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""File names that hold weights, best first."""
VOCABULARY = "vocab.json"
CONFIG = "config.json"


@dataclass(frozen=True)
class ModelPolicy:
    """Which models may answer; the part of the settings that resolution needs."""

    embedded: Path
    preferred: str = ""
    allowed: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ModelPolicy:
        return cls(
            embedded=Path(config["embedded"]),
            preferred=config.get("preferred", ""),
            allowed=tuple(config.get("allowed", ())),
            folders=tuple(Path(folder) for folder in config.get("folders", ())),
        )


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint here. ``source`` is ``embedded``, ``cache`` or ``folder``."""

    name: str
    path: Path
    source: str
    note: str = ""

    @property
    def weights(self) -> Path:
        return next(self.path / name for name in WEIGHTS if (self.path / name).exists())


def resolve(
    name: str, policy: ModelPolicy, *, unusable: frozenset[Path] = frozenset()
) -> Checkpoint:
    """Find the checkpoint that answers to ``name``.

    ``auto`` is the preferred model where its files are on disk already, else the embedded one;
    ``unusable`` are folders that it passes over.

    Raises:
        ModelError: unknown or not allowed name, a model not on this machine yet, or a folder that
            holds no usable checkpoint.
    """
    if name == AUTO_MODEL:
        return _resolve_auto(policy, unusable)
    if name == EMBEDDED:
        return Checkpoint(EMBEDDED, _checked(policy.embedded), "embedded")
    for folder in policy.folders:
        if name in (str(folder), folder.name):
            return Checkpoint(folder.name, _checked(folder), "folder")
    if name not in policy.allowed and name != policy.preferred:
        raise ModelError(
            f"There is no model called “{name[:80]}” here.",
            code="model.unknown",
            layer="validation",
            severity="warning",
            hint="Choose one of the listed models; the server's settings decide which.",
            metadata={"known": list(known_names(policy))},
        )
    path = cached_path(name)
    if path is None:
        raise ModelError(
            f"The model {name} is not on this machine yet.",
            code="model.not_on_disk",
            severity="warning",
            hint="It is fetched where the hub can be reached; meanwhile use “auto” or “embedded”.",
            metadata={"model": name},
        )
    return Checkpoint(name, path, "cache")


def _resolve_auto(policy: ModelPolicy, unusable: frozenset[Path]) -> Checkpoint:
    path = cached_path(policy.preferred) if policy.preferred else None
    if path is not None and path not in unusable:
        return Checkpoint(policy.preferred, path, "cache")
    why = "a better one is not on this machine" if path is None else "the better one is damaged"
    return Checkpoint(
        EMBEDDED,
        _checked(policy.embedded),
        EMBEDDED,
        note=f"The small embedded model answers: {why}.",
    )


def known_names(policy: ModelPolicy) -> tuple[str, ...]:
    """All names a person may choose, ``auto`` first."""
    names = [AUTO_MODEL, EMBEDDED, *policy.allowed, *(folder.name for folder in policy.folders)]
    return tuple(dict.fromkeys(names))


def cached_path(repository: str) -> Path | None:
    """The hub cache's folder of ``repository`` if config, vocabulary and weights are all there."""
    found = [try_to_load_from_cache(repository, name) for name in (CONFIG, VOCABULARY)]
    weights = [try_to_load_from_cache(repository, name) for name in WEIGHTS]
    if all(isinstance(path, str) for path in found) and any(isinstance(w, str) for w in weights):
        return Path(str(found[0])).parent
    return None


def _checked(folder: Path) -> Path:
    """``folder`` itself if it holds a checkpoint, else a ModelError that says what is missing."""
    if not (folder / CONFIG).is_file():
        raise ModelError(
            "The model folder holds no config.json.",
            code="model.no_config",
            hint="Point to a folder saved with save_pretrained().",
        )
    if not any((folder / name).is_file() for name in WEIGHTS):
        raise ModelError(
            "The model folder holds no weights.",
            code="model.no_weights",
            hint="It needs model.safetensors (or pytorch_model.bin) beside config.json.",
        )
    if not (folder / VOCABULARY).is_file():
        raise ModelError(
            "The model folder holds no vocabulary.",
            code="model.no_vocabulary",
            hint="It needs the tokenizer's vocab.json beside config.json.",
        )
    return folder
