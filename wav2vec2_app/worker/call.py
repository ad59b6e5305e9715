"""One request in a worker, and the set of requests that it can answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

from wav2vec2_app.errors import CancelledError
from wav2vec2_app.protocol.frame import Frame
from wav2vec2_app.protocol.message import AnyHandler, AnyRequest, Empty, Message, Response

SendFrame = Callable[[Frame], None]


@dataclass(frozen=True)
class Role:
    """What a worker can do.

    Attributes:
        handlers: one for each operation.
        info: facts for the ready and pong frames; called on the reading thread while an operation may
            run, so it must be quick and change nothing.
    """

    handlers: Sequence[AnyHandler]
    info: Callable[[], Message] = field(default=Empty)

    @cached_property
    def by_op(self) -> dict[str, AnyHandler]:
        return {handler.request.op: handler for handler in self.handlers}


class Call:
    """One request on its way through the worker; the :class:`Context` of its operation.

    Attributes:
        id: the frame's id, unique to this attempt.
        request_id: the id of the user's request, for the log; the frame's id if there is none.
        op: name of the operation.
    """

    def __init__(self, frame: Frame, send: SendFrame) -> None:
        self.id = frame.id
        self.op = frame.op
        self.request_id = str(frame.meta.get("request_id", frame.id))
        self._frame = frame
        self._send = send
        self._request: AnyRequest | None = None
        self._cancelled = threading.Event()

    def request(self, kind: type[AnyRequest]) -> AnyRequest:
        """The message of the request.

        Raises:
            ProtocolError: it is not a ``kind``.
        """
        if self._request is None:
            self._request = kind.unpack(self._frame.body)
        return self._request

    def check_cancelled(self) -> None:
        """Raise CancelledError if the caller no longer wants the response."""
        if self._cancelled.is_set():
            raise CancelledError("The request was cancelled.")

    def progress(self, message: Message) -> None:
        """Send something on the way to the response."""
        self._reply("progress", message)

    def respond(self, response: Response) -> None:
        """Send the response."""
        self._reply("result", response)

    def cancel(self) -> None:
        """Note that the caller no longer wants the response (called by the reading thread)."""
        self._cancelled.set()

    def _reply(self, kind: str, message: Message) -> None:
        body = message.pack()
        self._send(Frame(kind, self.id, self.op, body.meta, body.arrays))


def run_batch(calls: Sequence[Call], role: Role) -> Sequence[Response]:
    """Run the operation of several requests, which :func:`batch_mates` put together, as one batch.

    Raises:
        Exception: whatever the operation raises.
    """
    handler = role.by_op[calls[0].op]
    if handler.batch is None:
        raise ValueError(f"requests of {calls[0].op!r} cannot be in a batch")
    requests = [call.request(handler.request) for call in calls]
    responses: Sequence[Response] = handler.batch.run(requests)
    if len(responses) != len(calls):
        raise ValueError(f"{len(responses)} responses to {len(calls)} requests of {calls[0].op!r}")
    return responses


def batch_mates(call: Call, waiting: Sequence[Call], role: Role) -> list[Call]:
    """Those of ``waiting`` that may be in one batch with ``call``, in their order.

    Raises:
        Exception: the policy of the batch cannot be applied to one of the requests.
    """
    handler = role.by_op.get(call.op)
    if handler is None or handler.batch is None or not waiting:
        return []

    request, batch = handler.request, handler.batch

    def key_of(one: Call) -> Hashable:
        return batch.key(one.request(request))

    key, limit = key_of(call), batch.limit(call.request(request))
    alike = (one for one in waiting if one.op == call.op and key_of(one) == key)
    return list(islice(alike, max(0, limit - 1)))
