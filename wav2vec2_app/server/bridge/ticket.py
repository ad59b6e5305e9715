"""A request that was sent to a worker process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from wav2vec2_app.protocol.frame import Body, Frame
from wav2vec2_app.server.bridge.recorder import Recording
from wav2vec2_app.server.bridge.writer import Outgoing

OnProgressBody = Callable[[Body], None]
"""Called with the body of every progress frame; a ProtocolError from it ends the worker."""


@dataclass(eq=False)
class Ticket:
    """A request that was sent.

    Attributes:
        id: of its frames.
        answer: settles with the response or the worker's error.
        outgoing: its frame.
        on_progress: gets the body of each progress frame.
        recording: gets its frames.
        begun: the worker has reported that its operation began.
        more: the rest of its batch follows, so it has to be sent even if it is withdrawn.
    """

    id: str
    answer: asyncio.Future[Body]
    outgoing: Outgoing
    on_progress: OnProgressBody | None
    recording: Recording | None = None
    begun: bool = False
    more: bool = False

    def advance(self, frame: Frame) -> None:
        """Receive a frame on the way to the answer."""
        if frame.kind == "begun":
            self.begun = True
        elif self.on_progress is not None:
            self.on_progress(frame.body)


def mark_retrieved(future: asyncio.Future[Body]) -> None:
    """Keep asyncio from warning about the exception of a request that was withdrawn."""
    if not future.cancelled():
        future.exception()
