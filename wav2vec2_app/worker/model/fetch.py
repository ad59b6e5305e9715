"""Downloads a checkpoint from the model hub into the hub's cache, with progress in bytes."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from tqdm.auto import tqdm

from wav2vec2_app.errors import ModelError, ResourceError
from wav2vec2_app.worker.model import whisper_files
from wav2vec2_app.worker.model.checkpoint_files import (
    CONFIG,
    MODEL_CARD,
    TOKENIZER,
    VOCABULARY,
    WEIGHTS,
)
from wav2vec2_app.worker.model.languages import (
    ADAPTERS,
    choose_language,
    split_name,
    unknown_language,
)
from wav2vec2_app.worker.model.resolve import cached_path
from wav2vec2_app.worker.model.whisper_files import cached_whisper

log = logging.getLogger(__name__)

STORAGE_ERRNOS = frozenset({errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS, errno.EDQUOT})
"""Error numbers of a full or read-only disk."""

SIDE_FILES = (
    CONFIG,
    VOCABULARY,
    "preprocessor_config.json",
    "processor_config.json",
    TOKENIZER,
    "special_tokens_map.json",
    "added_tokens.json",
    MODEL_CARD,
)
"""Small files of a checkpoint, downloaded before the weights: a checkpoint with weights is complete."""

ProgressReport = Callable[[int, int], None]
"""Called with the bytes done and their total; may raise to stop the download."""


def fetch(
    name: str,
    report: ProgressReport,
    *,
    timeout_s: float = 5.0,
    endpoint: str | None = None,
) -> None:
    """Download the CTC checkpoint ``repository`` or ``repository:language``, if it is not on disk.

    Of a multilingual checkpoint, the adapter of one language is downloaded.

    Raises:
        ModelError: ``model.hub_offline`` if the hub does not answer within ``timeout_s``,
            ``model.not_on_hub`` if it does not have the repository or denies access,
            ``model.unknown_language`` if the checkpoint does not support the language.
        ResourceError: ``resource.disk`` if the files cannot be stored.
    """
    if cached_path(name) is not None:
        return
    with _hub_errors(split_name(name)[0]):
        _download(name, report, timeout_s, endpoint)


def fetch_whisper(
    name: str,
    report: ProgressReport,
    *,
    timeout_s: float = 5.0,
    endpoint: str | None = None,
) -> None:
    """Download a Whisper checkpoint in CTranslate2's format, if it is not on disk.

    Raises:
        ModelError, ResourceError: as :func:`fetch`; ``model.no_weights`` if the repository has none in
            this format, ``model.no_vocabulary`` if it has no tokenizer.
    """
    if cached_whisper(name) is not None:
        return
    with _hub_errors(name):
        sizes = _sizes(name, timeout_s, endpoint)
        for needed, code in ((whisper_files.MODEL, "model.no_weights"),
                             (whisper_files.WHISPER_TOKENIZER, "model.no_vocabulary")):  # fmt: skip
            if needed not in sizes:
                raise ModelError(
                    f"{name} has no {needed}, so it is not a Whisper model in CTranslate2's format.",
                    code=code,
                    hint="Choose a repository such as Systran/faster-whisper-base.",
                )
        files = [
            file for file in (*whisper_files.WHISPER_FILES, whisper_files.MODEL) if file in sizes
        ]
        hub = _Hub(name, sizes, endpoint, timeout_s)
        hub.download(files, report, 0, sum(sizes[file] for file in files))


@contextmanager
def _hub_errors(repository: str) -> Iterator[None]:
    """Translate what the hub's client raises about ``repository``."""
    try:
        yield
    except (RepositoryNotFoundError, GatedRepoError) as error:
        raise ModelError(
            f"The model hub does not provide {repository}.",
            code="model.not_on_hub",
            hint="Check the name, and whether the model requires an access token.",
        ) from error
    except (OfflineModeIsEnabled, LocalEntryNotFoundError, HTTPError, OSError) as error:
        if isinstance(error, OSError) and error.errno in STORAGE_ERRNOS:
            raise _not_storable() from error
        log.info("the model hub cannot be reached: %s", type(error).__name__)
        raise ModelError(
            "The model hub cannot be reached.",
            code="model.hub_offline",
            severity="warning",
            retryable=True,
        ) from error


def _download(name: str, report: ProgressReport, timeout_s: float, endpoint: str | None) -> None:
    """The small files first: they tell which adapter is needed."""
    repository, language = split_name(name)
    sizes = _sizes(repository, timeout_s, endpoint)
    weights = _weights(repository, sizes)
    side = [file for file in SIDE_FILES if file in sizes]
    hub = _Hub(repository, sizes, endpoint, timeout_s)
    total = sum(sizes[file] for file in (*side, weights))
    done = hub.download(side, report, 0, total)
    adapters = _adapters(repository, language, sizes)
    total += sum(sizes[file] for file in adapters)
    hub.download([*adapters, weights], report, done, total)


def _not_storable() -> ResourceError:
    return ResourceError(
        "The model cannot be stored on this machine.",
        code="resource.disk",
        retryable=False,
        hint="Free space in the model hub's cache, or set HF_HOME to a folder with free space.",
    )


def _sizes(repository: str, timeout_s: float, endpoint: str | None) -> dict[str, int]:
    """The files of ``repository`` and their sizes in bytes."""
    info = HfApi(endpoint=endpoint).model_info(repository, timeout=timeout_s, files_metadata=True)
    return {file.rfilename: int(file.size or 0) for file in info.siblings or ()}


def _weights(repository: str, sizes: Mapping[str, int]) -> str:
    for name in WEIGHTS:
        if name in sizes:
            return name
    raise ModelError(
        f"{repository} has no weights in a supported format.",
        code="model.no_weights",
        hint="Choose a repository with model.safetensors or pytorch_model.bin.",
    )


def _adapters(repository: str, language: str, sizes: Mapping[str, int]) -> list[str]:
    """The adapter to download, by the side files on disk: one, or none for a single language."""
    config = try_to_load_from_cache(repository, CONFIG)
    if not isinstance(config, str):
        return []
    chosen = choose_language(Path(config).parent, language)
    found = [file for name in ADAPTERS if chosen and (file := name.format(chosen)) in sizes]
    if language and not found:
        raise unknown_language(language, _with_adapters(sizes))
    return found[:1]


def _with_adapters(sizes: Mapping[str, int]) -> tuple[str, ...]:
    before, after = ADAPTERS[0].split("{}")
    files = (file for file in sizes if file.startswith(before) and file.endswith(after))
    return tuple(file[len(before) : -len(after)] for file in files)


@dataclass(frozen=True)
class _Progress:
    report: ProgressReport
    before: int
    total: int

    def bar(self) -> type[tqdm[Any]]:
        """A tqdm class that calls ``report`` instead of drawing; the hub library accepts no other hook."""
        progress = self

        class Bar(tqdm):  # type: ignore[misc]
            def __init__(self, *args: Any, **kwargs: Any) -> None:  # as tqdm's
                kwargs.pop("name", None)
                super().__init__(*args, **{**kwargs, "disable": True})
                self.n = kwargs.get("initial", 0) or 0

            def update(self, n: float | None = 1) -> bool | None:
                self.n += n or 0
                progress.report(int(progress.before + self.n), progress.total)
                return None

        return Bar


@dataclass(frozen=True)
class _Hub:
    """A repository on the hub at ``endpoint`` (by default the public one)."""

    repository: str
    sizes: Mapping[str, int]
    endpoint: str | None
    timeout_s: float

    def download(self, files: Sequence[str], report: ProgressReport, done: int, total: int) -> int:
        """Download ``files`` into the cache; returns the bytes done by then."""
        for file in files:
            hf_hub_download(
                self.repository,
                file,
                endpoint=self.endpoint,
                etag_timeout=self.timeout_s,
                tqdm_class=_Progress(report, done, total).bar(),
            )
            done += self.sizes[file]
            report(done, total)
        return done
