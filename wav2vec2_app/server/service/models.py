"""The models of a service: which one answers, which can be chosen, and downloads of better ones."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from wav2vec2_app.errors import ModelError, Wav2Vec2Error
from wav2vec2_app.protocol.inference import InferenceInfo, LoadRequest
from wav2vec2_app.server.deadline import cancel_all
from wav2vec2_app.server.service.client import WorkerClient
from wav2vec2_app.server.service.downloads import ModelDownloads, downloading
from wav2vec2_app.server.service.policy import ModelPolicy
from wav2vec2_app.server.service.workers import Workers
from wav2vec2_app.speech.models import AUTO_MODEL, EMBEDDED, ModelChoice, ModelInfo

log = logging.getLogger(__name__)


class ServiceModels:
    """Knows the models of the inference workers, and downloads what is missing.

    Args:
        workers: of the service.
        client: sends requests to the inference workers.
        policy: which models may answer.
    """

    def __init__(self, workers: Workers, client: WorkerClient, policy: ModelPolicy) -> None:
        self._pool = workers.inference
        self._client = client
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
        await self._downloads.stop()

    def resolve(self, name: str) -> tuple[str, bool]:
        """The model to use for ``name``, and whether it may have to be loaded first."""
        default = self._policy.default
        name = default if name == AUTO_MODEL else name
        return name, name != default

    def note_answer(self, model: ModelInfo) -> None:
        """Remember the model that answered by default."""
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
        """The models to choose from; empty before the first worker is ready."""
        info = self._pool.info(InferenceInfo)
        return tuple(
            replace(choice, ready=choice.ready or choice.name in self._downloaded)
            for choice in (info.choices if info else ())
        )

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
        request = LoadRequest(AUTO_MODEL if preferred else name)
        loaded = await self._client.request(request, loads_model=True)
        self._downloaded.add(name)
        if preferred:
            self._answered = loaded.value.model
