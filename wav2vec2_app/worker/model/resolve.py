"""Which checkpoint answers to a name: embedded, on disk from the hub, or a local folder.

A name may choose a language after a colon, see :mod:`wav2vec2_app.model.languages`. Nothing here touches the
network; :mod:`wav2vec2_app.model.fetch` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache

from wav2vec2_app.errors import ModelError
from wav2vec2_app.speech.models import AUTO_MODEL, EMBEDDED
from wav2vec2_app.worker.model.languages import (
    ADAPTERS,
    CONFIG,
    VOCABULARY,
    adapter_in,
    choose_language,
    split_name,
    unknown_language,
    vocabularies,
)

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""File names that hold weights, best first."""


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
    """A complete checkpoint here. ``source`` is ``embedded``, ``cache`` or ``folder``.

    ``language`` is that of a multilingual checkpoint, else empty; it takes part in ``name`` if named.
    """

    name: str
    path: Path
    source: str
    note: str = ""
    language: str = ""

    @property
    def weights(self) -> Path:
        return next(self.path / name for name in WEIGHTS if (self.path / name).exists())

    @property
    def adapter(self) -> Path | None:
        """The weights that make it speak ``language``, if they are in a file of their own."""
        return adapter_in(self.path, self.language)


def resolve(
    name: str, policy: ModelPolicy, *, unusable: frozenset[Path] = frozenset()
) -> Checkpoint:
    """Find the checkpoint that answers to ``name``.

    ``auto`` is the preferred model where its files are on disk already, else the embedded one;
    ``unusable`` are folders that it passes over.

    Raises:
        ModelError: unknown or not allowed name, a model or language not on this machine yet, a language
            that the model does not speak, or a folder that holds no usable checkpoint.
    """
    if name == AUTO_MODEL:
        return _resolve_auto(policy, unusable)
    if name == EMBEDDED:
        return Checkpoint(EMBEDDED, _checked(policy.embedded), "embedded")
    model, language = split_name(name)
    for folder in policy.folders:
        names = (str(folder), folder.name)
        if name in names or model in names:
            return _in_folder(folder, "" if name in names else language)
    if not {name, model} & {*policy.allowed, policy.preferred}:
        raise ModelError(
            f"There is no model called “{name[:80]}” here.",
            code="model.unknown",
            layer="validation",
            severity="warning",
            hint="Choose one of the listed models; the server's settings decide which.",
            metadata={"known": list(known_names(policy))},
        )
    checkpoint = _in_cache(name)
    if checkpoint is None:
        raise ModelError(
            f"The model {name} is not on this machine yet.",
            code="model.not_on_disk",
            severity="warning",
            hint="It is fetched where the hub can be reached; meanwhile use “auto” or “embedded”.",
            metadata={"model": name},
        )
    return checkpoint


def _in_folder(folder: Path, wanted: str) -> Checkpoint:
    language = choose_language(_checked(folder), wanted)
    if wanted and adapter_in(folder, wanted) is None:
        here = tuple(known for known in vocabularies(folder) if adapter_in(folder, known))
        raise unknown_language(wanted, here)
    name = f"{folder.name}:{wanted}" if wanted else folder.name
    return Checkpoint(name, folder, "folder", language=language)


def _in_cache(name: str) -> Checkpoint | None:
    """The checkpoint of the hub's ``name`` if all of it is on disk."""
    model, wanted = split_name(name)
    path = cached_path(model)
    if path is None:
        return None
    language = choose_language(path, wanted)
    if wanted and cached_path(name) is None:
        return None
    return Checkpoint(name, path, "cache", language=language)


def _resolve_auto(policy: ModelPolicy, unusable: frozenset[Path]) -> Checkpoint:
    better = _in_cache(policy.preferred) if policy.preferred else None
    if better is not None and better.path not in unusable:
        return better
    why = "a better one is not on this machine" if better is None else "the better one is damaged"
    return Checkpoint(
        EMBEDDED,
        _checked(policy.embedded),
        EMBEDDED,
        note=f"The small embedded model answers: {why}.",
    )


def known_names(policy: ModelPolicy) -> tuple[str, ...]:
    """All names a person may choose, ``auto`` first; each may be followed by ``:language``."""
    names = [AUTO_MODEL, EMBEDDED, *policy.allowed, *(folder.name for folder in policy.folders)]
    return tuple(dict.fromkeys(names))


def cached_path(name: str) -> Path | None:
    """The hub cache's folder of ``repository`` or ``repository:language``.

    None unless configuration, vocabulary, weights and, for a named language, its adapter are all there.
    """
    repository, language = split_name(name)
    found = [try_to_load_from_cache(repository, name) for name in (CONFIG, VOCABULARY)]
    weights = [try_to_load_from_cache(repository, name) for name in WEIGHTS]
    if not all(isinstance(path, str) for path in found):
        return None
    if not any(isinstance(path, str) for path in weights):
        return None
    folder = Path(str(found[0])).parent
    adapters = [try_to_load_from_cache(repository, name.format(language)) for name in ADAPTERS]
    if language and not any(isinstance(path, str) for path in adapters):
        return None
    return folder


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
            hint="It needs the tokenizer's vocab.json; a model that was not trained to spell has none.",
        )
    return folder
