"""The models of a service: which one answers, which can be chosen, and downloads of better ones."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace

from wav2vec2_app.errors import ModelError, Wav2Vec2Error
from wav2vec2_app.protocol.inference import InferenceInfo
from wav2vec2_app.server.clients import LOCAL
from wav2vec2_app.server.deadline import cancel_all
from wav2vec2_app.server.service.downloads import ModelDownloads, downloading
from wav2vec2_app.server.service.loading import ModelLoader
from wav2vec2_app.server.service.policy import ModelPolicy
from wav2vec2_app.server.service.workers import Workers
from wav2vec2_app.speech.models import AUTO_MODEL, EMBEDDED, ModelChoice, ModelInfo

log = logging.getLogger(__name__)


class ServiceModels:
    """Knows the models of the inference workers, downloads what is missing, and unloads what is idle.

    Args:
        workers: of the service.
        loader: loads models into the inference workers.
        policy: which models may answer.
    """

    def __init__(self, workers: Workers, loader: ModelLoader, policy: ModelPolicy) -> None:
        self._pool = workers.inference
        self._loader = loader
        loader.on_loaded = self._note_loaded
        self._preloaded: set[str] = set()
        self._policy = policy
        self._downloads = ModelDownloads(workers.make_download, self._use_downloaded)
        self._downloaded: set[str] = set()
        self._answered: ModelInfo | None = None
        self._search: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the background, the search for a better model than the embedded one."""
        self._search = asyncio.create_task(self._look_for_better())

    async def wait(self) -> None:
        """Return when the search and all downloads have ended."""
        if self._search is not None:
            await asyncio.wait({self._search})
        await self._downloads.wait()

    async def stop(self) -> None:
        """Cancel the search and all downloads."""
        if self._search is not None:
            await cancel_all([self._search])
        await self._loader.stop()
        await self._downloads.stop()

    def resolve(self, name: str) -> tuple[str, bool]:
        """The model to use for ``name``, and whether it may have to be loaded first."""
        name = self._policy.default if name == AUTO_MODEL else name
        listed = next((one for one in self._listed if one.name == name), None)
        if listed is None:
            return name, name != self._policy.default
        return name, self._with_state(listed).state != "loaded"

    def note_answer(self, model: ModelInfo) -> None:
        """Remember the model that answered by default, unless a better one has been loaded meanwhile."""
        info = self._pool.info(InferenceInfo)
        is_better = info is not None and info.model.source != EMBEDDED
        if not (is_better and model.source == EMBEDDED):
            self._answered = model

    def _note_loaded(self, name: str, model: ModelInfo) -> None:
        """A better default model that was loaded answers from now on, also instead of cached results."""
        if name == self._policy.default:
            self._answered = model

    def download_if_missing(self, error: ModelError, client: str) -> None:
        """Download the model that a request of ``client`` failed for, if that is allowed.

        Raises:
            ModelError: ``model.downloading``; says when to try again. Or why it cannot be downloaded.
            BusyError: see :meth:`ModelDownloads.start`.
        """
        if error.code != "model.not_on_disk" or not self._policy.download:
            return
        name = str(error.metadata["model"])
        self._downloads.start(name, client)
        raise downloading(name) from error

    @property
    def notice(self) -> str:
        """A sentence for users about the download in progress; empty if there is none."""
        return self._downloads.notice

    @property
    def default(self) -> ModelInfo | None:
        """The model that answers by default; ``None`` before the first worker is ready."""
        info = self._pool.info(InferenceInfo)
        return self._answered or (info.model if info else None)

    @property
    def choices(self) -> tuple[ModelChoice, ...]:
        """The models to choose from, and their states; empty before the first worker is ready."""
        return tuple(self._with_state(choice) for choice in self._listed)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the models to choose from, without the work of finding out their states."""
        return tuple(choice.name for choice in self._listed)

    @property
    def _listed(self) -> tuple[ModelChoice, ...]:
        info = self._pool.info(InferenceInfo)
        return info.choices if info else ()

    def _with_state(self, choice: ModelChoice) -> ModelChoice:
        """``choice`` with what the worker does not know: downloads, and what is being loaded."""
        choice = replace(choice, ready=choice.ready or choice.name in self._downloaded)
        if choice.state == "loaded":
            return choice
        if choice.name in self._loader.names:
            return replace(choice, state="loading")
        may_download = self._policy.download and "/" in choice.name
        return self._downloads.with_state(choice, may_download=may_download)

    async def maintain(self) -> None:
        """Unload what is idle, and load what should be loaded; called now and then."""
        loaded = {choice.name for choice in self.choices if choice.state == "loaded"}
        default = self.default
        others = loaded - {AUTO_MODEL, default.name if default else ""}
        if others and not self._loader.names:  # it would wait until they are loaded
            keep = (self._policy.default, *self._policy.preload)
            await self._loader.unload(self._policy.idle_s, keep)
        known = set(self.names)
        for name in self._policy.preload:
            here = name in known or name.rpartition(":")[0] in known  # else it is another adapter's
            if here and name not in loaded and name not in self._loader.names:
                self._preload(name)

    def _preload(self, name: str) -> None:
        def on_done(task: asyncio.Task[ModelInfo]) -> None:
            error = None if task.cancelled() else task.exception()
            if isinstance(error, ModelError) and error.code == "model.not_on_disk":
                with contextlib.suppress(Wav2Vec2Error):
                    self.download_if_missing(error, LOCAL)
            elif error is not None and name not in self._preloaded:
                log.warning("%s is not preloaded: %s", name, error)
            self._preloaded.add(name)

        self._loader.start(name, unload_others=False).add_done_callback(on_done)

    async def _look_for_better(self) -> None:
        """If ``auto`` fell back to the embedded model, download the preferred one."""
        try:
            await self._pool.wait_ready()
        except Wav2Vec2Error as error:
            log.error("the inference worker cannot start: %s", error.message)
            return
        policy, model = self._policy, self.default
        wanted = policy.default == AUTO_MODEL and policy.download and policy.preferred
        if wanted and model is not None and model.source == EMBEDDED:
            self._downloads.start(policy.preferred)

    async def _use_downloaded(self, name: str) -> None:
        """Load a model that was downloaded, so that new requests need not wait for it."""
        preferred = self._policy.default == AUTO_MODEL and name == self._policy.preferred
        self._downloaded.add(name)
        await self._loader.load(AUTO_MODEL if preferred else name)
