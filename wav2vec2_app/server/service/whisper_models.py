"""The Whisper models of a server: their names and languages, which are on disk, and downloads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path

from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.protocol.download import DownloadRequest
from wav2vec2_app.server.bridge.backend import Backend
from wav2vec2_app.server.service.downloads import ModelDownloads, downloading
from wav2vec2_app.speech.languages import language_name
from wav2vec2_app.speech.models import AUTO_MODEL, ModelChoice
from wav2vec2_app.speech.whisper import WHISPER_LANGUAGES, is_english_only, whisper_code

LIBRARY = "faster_whisper"
CT2_WEIGHTS = "model.bin"
"""The file by which a folder is recognized as a Whisper checkpoint in CTranslate2's format."""


def is_whisper_folder(folder: Path) -> bool:
    """Whether ``folder`` has a checkpoint in CTranslate2's format."""
    return (folder / CT2_WEIGHTS).is_file()


@dataclass(frozen=True)
class WhisperPolicy:
    """Which Whisper models may answer.

    Attributes:
        allowed: models of the hub.
        folders: of local models.
        default: name of the model that answers requests for ``auto``; empty if another recogniser does.
        download: whether missing models may be downloaded.
    """

    allowed: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    default: str = ""
    download: bool = False

    @classmethod
    def of(
        cls, model: str, *, allowed: tuple[str, ...], folders: tuple[Path, ...], download: bool
    ) -> WhisperPolicy:
        """The policy where ``model`` is the default of the server, whatever kind of model that is.

        ``model`` may be a folder, and may end in ``:language``. Of ``folders``, those of Whisper models
        are used.
        """
        name, language = _split(model, lambda name: name in allowed or Path(name).is_dir())
        own = tuple(folder for folder in folders if is_whisper_folder(folder))
        if is_whisper_folder(Path(name)):
            own = (*own, Path(name))
        names = {str(folder): folder.name for folder in own}
        known = names.get(str(Path(name)), name)
        chosen = known if known in {*names.values(), *allowed} else ""
        return cls(
            allowed, own, f"{chosen}:{language}" if chosen and language else chosen, download
        )


class WhisperModels:
    """Knows the Whisper models, and downloads what is missing.

    Args:
        policy: which models may answer.
        make_download: makes a pool of one worker that downloads models.
        installed: whether the library is there; by default it is looked for, without importing it.
    """

    def __init__(
        self,
        policy: WhisperPolicy,
        make_download: Callable[[], Backend],
        *,
        installed: bool | None = None,
    ) -> None:
        self._policy = policy
        self._downloads = ModelDownloads(
            make_download, self._note_download, partial(DownloadRequest, kind="whisper")
        )
        self._given_installed = installed
        self._choices: tuple[ModelChoice, ...] | None = None

    @cached_property
    def installed(self) -> bool:
        """Whether the extra is installed."""
        if self._given_installed is not None:
            return self._given_installed
        return find_spec(LIBRARY) is not None

    @property
    def names(self) -> tuple[str, ...]:
        """All names that a request may have; those of folders first."""
        folders = (folder.name for folder in self._policy.folders)
        return tuple(dict.fromkeys((*folders, *self._policy.allowed)))

    @property
    def default(self) -> str:
        """The model that answers requests for ``auto``; the first one where there is no other choice."""
        return self._policy.default or next(iter(self.names), "")

    @property
    def is_default(self) -> bool:
        """Whether a Whisper model answers requests for ``auto``."""
        return bool(self._policy.default)

    @property
    def choices(self) -> tuple[ModelChoice, ...]:
        """The models to choose from; none where the extra is not installed."""
        if not self.installed:
            return ()
        if self._choices is None:
            self._choices = tuple(self._choice(name) for name in self.names)
        may = self._policy.download
        return tuple(
            self._downloads.with_state(choice, may_download=may and "/" in choice.name)
            for choice in self._choices
        )

    def answering(self, model: str) -> str:
        """The name under which ``model`` answers; ``auto`` is the default model."""
        return self.default if model == AUTO_MODEL else model

    def resolve(self, model: str) -> tuple[str, str]:
        """Name and language of the model to use for ``model``; no language: it is detected.

        Raises:
            ModelError: ``model.extra_missing``, ``model.unknown``.
            InputError: ``language.unsupported``.
        """
        if not self.installed:
            raise _extra_missing()
        name, language = _split(self.answering(model), self.names.__contains__)
        if name not in self.names:
            raise ModelError(
                f"There is no Whisper model called “{name[:80]}”.",
                code="model.unknown",
                layer="validation",
                severity="warning",
                hint="Choose one of the listed models.",
            )
        code = whisper_code(language)
        known = _languages(name)
        if code and code not in known:
            raise _unsupported(name, language, known)
        return name, code

    def download_if_missing(self, error: ModelError, client: str) -> None:
        """Download the model that a request failed for; see :class:`ServiceModels`.

        Raises:
            ModelError: ``model.downloading``, or why it cannot be downloaded.
            BusyError: see :meth:`ModelDownloads.start`.
        """
        if error.code != "model.not_on_disk" or not self._policy.download:
            return
        name = str(error.metadata["model"])
        self._mark(name, ready=False)
        self._downloads.start(name, client)
        raise downloading(name) from error

    @property
    def notice(self) -> str:
        """A sentence for users about the download in progress; empty if there is none."""
        return self._downloads.notice

    async def wait(self) -> None:
        """Return when all downloads have ended."""
        await self._downloads.wait()

    async def stop(self) -> None:
        """Cancel all downloads."""
        await self._downloads.stop()

    async def _note_download(self, name: str) -> None:
        self._mark(name, ready=True)

    def _mark(self, name: str, *, ready: bool) -> None:
        self._choices = tuple(
            replace(choice, ready=ready) if choice.name == name else choice
            for choice in self.choices
        )

    def _choice(self, name: str) -> ModelChoice:
        folder = next((one for one in self._policy.folders if one.name == name), None)
        ready = is_whisper_folder(folder) if folder is not None else _is_cached(name)
        if is_english_only(name):
            return ModelChoice(name, name, ready, "en", emission=False)
        return ModelChoice(name, name, ready, languages=WHISPER_LANGUAGES, emission=False)


def _split(model: str, is_name: Callable[[str], bool]) -> tuple[str, str]:
    """The name and the language of ``model`` or ``model:language``."""
    name, _, language = model.rpartition(":")
    return (name, language) if name and not is_name(model) and is_name(name) else (model, "")


def _languages(name: str) -> tuple[str, ...]:
    return ("en",) if is_english_only(name) else WHISPER_LANGUAGES


def _is_cached(repository: str) -> bool:
    """Whether the hub's cache has the weights; the import is slow, and needed by the page only."""
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(repository, CT2_WEIGHTS), str)


def _extra_missing() -> ModelError:
    return ModelError(
        "Whisper is not installed on this server.",
        code="model.extra_missing",
        severity="warning",
        hint="Install it with: pip install 'wav2vec2-app[whisper]'.",
    )


def _unsupported(name: str, language: str, known: tuple[str, ...]) -> InputError:
    return InputError(
        f"The model “{name}” does not transcribe “{language_name(language)[:40]}”.",
        code="language.unsupported",
        hint="Choose another model, or omit `language` to detect it.",
        metadata={"language": language[:40], "known": list(known)},
    )
