"""Finds the checkpoint of a model name: embedded, in the hub's cache on disk, or in a local folder.

A name may select a language after a colon, see :mod:`wav2vec2_app.worker.model.languages`. Nothing here
uses the network; :mod:`wav2vec2_app.worker.model.fetch` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import constants

from wav2vec2_app.errors import ModelError
from wav2vec2_app.speech.languages import language_code
from wav2vec2_app.speech.models import AUTO_MODEL, EMBEDDED
from wav2vec2_app.worker.model.checkpoint_files import CONFIG, VOCABULARY, WEIGHTS
from wav2vec2_app.worker.model.languages import (
    ADAPTERS,
    adapter_in,
    choose_language,
    has_languages,
    language_of,
    split_name,
    unknown_language,
    vocabularies,
)


@dataclass(frozen=True)
class CheckpointPolicy:
    """Which models may be used; the part of the settings that resolution needs."""

    embedded: Path
    preferred: str = ""
    allowed: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> CheckpointPolicy:
        return cls(
            embedded=Path(config["embedded"]),
            preferred=config.get("preferred", ""),
            allowed=tuple(config.get("allowed", ())),
            folders=tuple(Path(folder) for folder in config.get("folders", ())),
        )


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint on disk. ``source`` is ``embedded``, ``cache`` or ``folder``.

    ``language`` is that of a multilingual checkpoint, else empty; ``name`` includes it if it was named.
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
    def transcribes(self) -> str:
        """The code of the language that it transcribes; empty if unknown."""
        if self.source == EMBEDDED:
            return "en"
        return language_code(self.language) or language_of(self.path, self.name)

    @property
    def languages(self) -> tuple[str, ...]:
        """What may follow the name of a multilingual checkpoint after a colon; of a folder what is in it."""
        if not has_languages(self.path):
            return ()
        known = tuple(vocabularies(self.path))
        if self.source == "cache":
            return known
        return tuple(language for language in known if adapter_in(self.path, language))

    @property
    def adapter(self) -> Path | None:
        """The file with the weights of ``language``, if there is one."""
        return adapter_in(self.path, self.language)


def resolve(
    name: str, policy: CheckpointPolicy, *, unusable: frozenset[Path] = frozenset()
) -> Checkpoint:
    """The checkpoint called ``name``.

    ``auto`` is the preferred model if its files are on disk, else the embedded one; folders in ``unusable``
    are not considered for it.

    Raises:
        ModelError: the name is unknown or not allowed, the model or language is not on this machine, the
            model does not support the language, or the folder has no usable checkpoint.
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
        raise _unknown_model(name, policy)
    checkpoint = _in_cache(name)
    if checkpoint is None:
        raise _not_on_disk(name)
    return checkpoint


def _unknown_model(name: str, policy: CheckpointPolicy) -> ModelError:
    return ModelError(
        f"There is no model called “{name[:80]}” on this server.",
        code="model.unknown",
        layer="validation",
        severity="warning",
        hint="Choose one of the listed models; the server's settings define them.",
        metadata={"known": list(known_names(policy))},
    )


def _not_on_disk(name: str) -> ModelError:
    return ModelError(
        f"The model {name} is not on this machine yet.",
        code="model.not_on_disk",
        severity="warning",
        hint="It is downloaded if the model hub can be reached; until then use “auto” or “embedded”.",
        metadata={"model": name},
    )


def _in_folder(folder: Path, wanted: str) -> Checkpoint:
    language = choose_language(_checked(folder), wanted)
    if wanted and adapter_in(folder, wanted) is None:
        here = tuple(known for known in vocabularies(folder) if adapter_in(folder, known))
        raise unknown_language(wanted, here)
    name = f"{folder.name}:{wanted}" if wanted else folder.name
    return Checkpoint(name, folder, "folder", language=language)


def _in_cache(name: str) -> Checkpoint | None:
    """The checkpoint called ``name`` on the hub, if all of it is on disk."""
    model, wanted = split_name(name)
    path = cached_path(model)
    if path is None:
        return None
    language = choose_language(path, wanted)
    if wanted and cached_path(name) is None:
        return None
    return Checkpoint(name, path, "cache", language=language)


def _resolve_auto(policy: CheckpointPolicy, unusable: frozenset[Path]) -> Checkpoint:
    better = _in_cache(policy.preferred) if policy.preferred else None
    if better is not None and better.path not in unusable:
        return better
    why = "is not on this machine" if better is None else "is damaged"
    return Checkpoint(
        EMBEDDED,
        _checked(policy.embedded),
        EMBEDDED,
        note=f"The small embedded model is used: the larger one {why}.",
    )


def known_names(policy: CheckpointPolicy) -> tuple[str, ...]:
    """All names that can be chosen, ``auto`` first; each may be followed by ``:language``."""
    names = [AUTO_MODEL, EMBEDDED, *policy.allowed, *(folder.name for folder in policy.folders)]
    return tuple(dict.fromkeys(names))


def cached_path(name: str) -> Path | None:
    """The folder of ``repository`` or ``repository:language`` in the hub's cache.

    ``None`` unless configuration, vocabulary, weights and, for a named language, its adapter are there.
    """
    repository, language = split_name(name)
    if not (Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}").is_dir():
        return None
    from huggingface_hub import try_to_load_from_cache  # its import delays a start by 0.1 s

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
    """``folder`` if it has a checkpoint.

    Raises:
        ModelError: ``model.folder_missing``, ``model.no_config``, ``model.no_weights``,
            ``model.no_vocabulary``.
    """
    if not folder.is_dir():
        raise ModelError(
            f"The folder of the model “{folder.name[:80]}” does not exist.",
            code="model.folder_missing",
            hint="Restore the folder, or choose another model.",
            metadata={"model": folder.name[:200]},
        )
    if not (folder / CONFIG).is_file():
        raise ModelError(
            "The model folder has no config.json.",
            code="model.no_config",
            hint="Point to a folder saved with save_pretrained().",
        )
    if not any((folder / name).is_file() for name in WEIGHTS):
        raise ModelError(
            "The model folder has no weights.",
            code="model.no_weights",
            hint="Add model.safetensors or pytorch_model.bin to it.",
        )
    if not (folder / VOCABULARY).is_file():
        raise ModelError(
            "The model folder has no vocabulary.",
            code="model.no_vocabulary",
            hint="Add the tokenizer's vocab.json; only models fine-tuned with CTC have one.",
        )
    return folder
