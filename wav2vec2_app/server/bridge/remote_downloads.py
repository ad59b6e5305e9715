"""Downloads of models to the machines of the replicas that use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wav2vec2_app.protocol.download import DownloadRequest
from wav2vec2_app.protocol.message import P, R, Request
from wav2vec2_app.server.bridge.backend import Remote
from wav2vec2_app.server.bridge.remote import RemoteBackend
from wav2vec2_app.server.bridge.supervisor import Delay
from wav2vec2_app.server.deadline import Deadline


class RemoteDownloads(RemoteBackend):
    """Downloads a model to the machine of one replica, with progress, and then to those of all others.

    Args:
        remotes: the replicas that use each kind of model; see :class:`DownloadRequest`.
    """

    def __init__(self, remotes: Mapping[str, Remote]) -> None:
        super().__init__("download", next(iter(remotes.values())))
        self._backends = {kind: RemoteBackend("download", one) for kind, one in remotes.items()}

    async def start(self, after: Delay | None = None) -> None:
        """Nothing to start: the replicas make a worker for each download."""

    async def request(
        self,
        request: Request[R, P],
        *,
        deadline: Deadline,
        on_progress: Callable[[P], None] | None = None,
        request_id: str = "",
        idempotent: bool = True,
    ) -> R:
        """Download a model to all machines; see :meth:`RemoteBackend.request`."""
        kind = request.kind if isinstance(request, DownloadRequest) else "ctc"
        backend = self._backends[kind]
        response = await backend.request(
            request,
            deadline=deadline,
            on_progress=on_progress,
            request_id=request_id,
            idempotent=idempotent,
        )
        await backend.broadcast(request, deadline=deadline)  # where it is, this takes no time
        return response
