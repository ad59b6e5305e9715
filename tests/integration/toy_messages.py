"""Messages of the toy worker."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.protocol.message import Message, Request, Response
from wav2vec2_app.speech.audio import Float32


@dataclass(frozen=True)
class ToyInfo(Message):
    toy: bool


@dataclass(frozen=True)
class ToyResponse(Response):
    pid: int = 0
    number: int = 0
    text: str = ""
    request_id: str = ""
    samples: Float32 | None = None
    flags: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class ToyProgress(Message):
    number: int = 0
    squares: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Echo(Request[ToyResponse, ToyProgress]):
    op = "echo"
    number: int = 0
    samples: Float32 | None = None
    flags: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class RunUntilCancelled(Request[ToyResponse, ToyProgress]):
    op = "run_until_cancelled"


@dataclass(frozen=True)
class Hang(Request[ToyResponse, ToyProgress]):
    op = "hang"


@dataclass(frozen=True)
class Count(Request[ToyResponse, ToyProgress]):
    op = "count"
    to: int


@dataclass(frozen=True)
class Leave(Request[ToyResponse, ToyProgress]):
    op = "leave"
    code: int


@dataclass(frozen=True)
class KillSelf(Request[ToyResponse, ToyProgress]):
    op = "kill_self"
    signal: str


@dataclass(frozen=True)
class KillSelfOnce(Request[ToyResponse, ToyProgress]):
    op = "kill_self_once"
    marker: Path


@dataclass(frozen=True)
class CrashOn(Request[ToyResponse, ToyProgress]):
    """Crashes if ``samples`` begin with a negative number; may be in a batch."""

    op = "crash_on"
    samples: Float32
    limit: int = 1

    def batch_key(self) -> Hashable:
        return self.op

    def batch_limit(self) -> int:
        return self.limit


@dataclass(frozen=True)
class WaitFor(Request[ToyResponse, ToyProgress]):
    """Runs until the file ``marker`` exists."""

    op = "wait_for"
    marker: Path


@dataclass(frozen=True)
class Noise(Request[ToyResponse, ToyProgress]):
    op = "noise"


@dataclass(frozen=True)
class Log(Request[ToyResponse, ToyProgress]):
    op = "log"
    text: str


@dataclass(frozen=True)
class Orphan(Request[ToyResponse, ToyProgress]):
    op = "orphan"


@dataclass(frozen=True)
class Fail(Request[ToyResponse, ToyProgress]):
    op = "fail"


@dataclass(frozen=True)
class Refuse(Request[ToyResponse, ToyProgress]):
    op = "refuse"


@dataclass(frozen=True)
class Exhaust(Request[ToyResponse, ToyProgress]):
    op = "exhaust"


@dataclass(frozen=True)
class AnswerMalformed(Request[ToyResponse, ToyProgress]):
    op = "answer_malformed"


@dataclass(frozen=True)
class FailMalformed(Request[ToyResponse, ToyProgress]):
    op = "fail_malformed"


@dataclass(frozen=True)
class SendFrame(Request[ToyResponse, ToyProgress]):
    op = "send_frame"
    kind: str
    meta: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class CloseOutput(Request[ToyResponse, ToyProgress]):
    op = "close_output"


@dataclass(frozen=True)
class Beside(Request[ToyResponse, ToyProgress]):
    """Runs beside other requests until the file ``marker`` exists; dies of ``signal`` then, if it is set."""

    op = "beside"
    background = True
    marker: Path
    signal: str = ""


@dataclass(frozen=True)
class Unknown(Request[ToyResponse, ToyProgress]):
    op = "no such thing"


REQUESTS = {
    request.op: request
    for request in (
        Echo, RunUntilCancelled, Hang, Count, Leave, KillSelf, KillSelfOnce, CrashOn, WaitFor, Noise, Log,
        Orphan, Fail, Refuse, Exhaust, AnswerMalformed, FailMalformed, SendFrame, CloseOutput, Unknown,
        Beside,
    )
}  # fmt: skip
