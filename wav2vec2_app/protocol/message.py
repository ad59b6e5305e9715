"""The base of all messages: typed requests, responses and progress between server and workers.

A request names its operation and, as type parameters, its response and what is reported on the way::

    @dataclass(frozen=True)
    class DrawRequest(Request[DrawResponse, PictureDrawn]):
        op = "draw"
        ...

``pool.request(DrawRequest(...))`` then returns a ``DrawResponse`` in the server, and the worker registers
``DrawRequest.handler(draw)``, where ``draw`` takes a ``DrawRequest`` and returns a ``DrawResponse``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast, get_args, get_origin

from wav2vec2_app.protocol import codec
from wav2vec2_app.protocol.frame import Body

M = TypeVar("M", bound="Message")


class Message:
    """A frozen dataclass that crosses the pipe."""

    def pack(self) -> Body:
        """The body of a frame; see :mod:`wav2vec2_app.protocol.codec`."""
        return codec.pack(self)

    @classmethod
    def unpack(cls: type[M], body: Body) -> M:
        """The message in the body of a frame.

        Raises:
            ProtocolError: the body does not have what the message needs.
        """
        return codec.unpack(cls, body)


@dataclass(frozen=True)
class WorkerStage:
    """One step of an operation; ``start_s`` counts from when the operation began."""

    name: str
    start_s: float
    duration_s: float


@dataclass(frozen=True)
class Response(Message):
    """What a worker answers; ``stages`` say how long its steps took."""

    stages: tuple[WorkerStage, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class Empty(Message):
    """A message without content: the progress of operations that report none."""


R = TypeVar("R", bound=Response)
P = TypeVar("P", bound=Message)
P_contra = TypeVar("P_contra", bound=Message, contravariant=True)
Q = TypeVar("Q", bound="Request[Any, Any]")


class Context(Protocol[P_contra]):
    """What a running operation can use besides its request."""

    def check_cancelled(self) -> None:
        """Raise CancelledError if the caller no longer wants the response; call it often."""
        ...

    def progress(self, message: P_contra) -> None:
        """Report something on the way to the response."""
        ...


@dataclass(frozen=True)
class BatchPolicy(Generic[Q, R]):
    """How requests of one operation are answered as a batch.

    Attributes:
        run: answers all of them, in order; if it raises, each is answered by itself.
        key: equal for requests that may be in one batch.
        limit: how many may be in the batch of this request; 1 means no batch.
    """

    run: Callable[[Sequence[Q]], Sequence[R]]
    key: Callable[[Q], Hashable]
    limit: Callable[[Q], int]


@dataclass(frozen=True)
class Handler(Generic[Q, R, P]):
    """What a worker does with the requests of one operation; made by :meth:`Request.handler`."""

    request: type[Q]
    run: Callable[[Q, Context[P]], R]
    batch: BatchPolicy[Q, R] | None = None


class Request(Message, Generic[R, P]):
    """What the server sends to a worker; the response is an ``R``, and ``P`` is reported on the way.

    ``op`` is the name of the operation. A ``background`` operation runs in a thread of its own, beside
    the others; :meth:`WorkerPool.broadcast` sends its requests.
    """

    op: ClassVar[str]
    background: ClassVar[bool] = False
    _response: ClassVar[type[Response]]
    _progress: ClassVar[type[Message]]

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        [base] = [b for b in cls.__dict__["__orig_bases__"] if get_origin(b) is Request]
        cls._response, cls._progress = get_args(base)

    def batch_key(self) -> Hashable:
        """Equal for requests that may be sent as one batch."""
        return id(self)

    def batch_limit(self) -> int:
        """How many requests may be in the batch of this one; 1 means no batch."""
        return 1

    def content(self) -> Iterable[str | memoryview | Path]:
        """What identifies the user's input: text, bytes, or a file whose bytes are meant.

        A request that crashes its worker is recognized by it when it is sent again.
        """
        body = self.pack()
        yield f"{self.op} {json.dumps(body.meta, sort_keys=True, default=str)}"
        for name, array in body.arrays.items():
            yield f"{name} {array.dtype} {array.shape}"
            yield memoryview(array.tobytes())

    @classmethod
    def unpack_response(cls, body: Body) -> R:
        """The response in the body of a ``result`` frame."""
        return cast(R, cls._response.unpack(body))

    @classmethod
    def unpack_progress(cls, body: Body) -> P:
        """What the body of a ``progress`` frame reports."""
        return cast(P, cls._progress.unpack(body))

    @classmethod
    def handler(
        cls: type[Q], run: Callable[[Q, Context[P]], R], batch: BatchPolicy[Q, R] | None = None
    ) -> Handler[Q, R, P]:
        """Answer such requests in a worker with ``run``, or as batches where ``batch`` allows it."""
        return Handler(cls, run, batch)


AnyHandler = Handler[Any, Any, Any]
AnyRequest = Request[Any, Any]
