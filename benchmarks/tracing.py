"""Tracing of calls between the package's modules, across asyncio tasks, in this process and in workers.

A call's *chain* is its stack, continued with the stack that created its asyncio task: of each call that the
package's code makes the module and the function.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from itertools import groupby, pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

ROOT = Path(__file__).parents[1]
PACKAGE = str(ROOT / "wav2vec2_app") + os.sep
OPERATIONS = "wav2vec2_app.worker.operations"
ENTRY = "wav2vec2_app.worker.__main__"
EVENT_LOOP = os.path.join("asyncio", "events.py")  # noqa: PTH118 - the end of a name
"""Where a task's own stack ends; below is whatever runs the event loop."""
FOLDER = "WAV2VEC2_WALK"
"""Environment variable of the workers: the folder to which they write their chains."""


class Call(NamedTuple):
    """One frame of a stack."""

    module: str
    function: str

    @property
    def name(self) -> str:
        return f"{self.module}.{self.function}"


Chain = tuple[Call, ...]
"""Calls from the outermost to the innermost."""
NOWHERE = Call("", "")
"""A call outside the package, or the import of a module."""


class Leg(NamedTuple):
    """Part of a way: the beginnings of the names ``module.function`` where it begins and ends."""

    first: str
    last: str


class Tracer:
    """A profile function that collects the chains of each leg: from ``first`` to each function of ``last``.

    ``chains`` has the chain with the most modules for each function, with the time of its first call.
    A way has several legs where a queue divides it: behind a queue another task goes on.
    """

    def __init__(self, *legs: Leg) -> None:
        self.chains: dict[Leg, dict[Call, tuple[float, Chain]]] = {leg: {} for leg in legs}
        self._created: WeakKeyDictionary[asyncio.Task[Any], Chain] = WeakKeyDictionary()
        self._calls: dict[tuple[str, CodeType], Call] = {}

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        for leg, chains in self.chains.items():
            if self._call(frame.f_code).name.startswith(leg.last):
                chain = self._chain(frame)
                starts = [at for at, one in enumerate(chain) if one.name.startswith(leg.first)]
                if starts:
                    _add(chains, chain[starts[0] :])

    def longest(self, leg: Leg) -> Chain:
        """The chain of ``leg`` with the most modules."""
        chains = (chain for _, chain in self.chains[leg].values())
        return max(chains, key=lambda chain: len(modules_of(chain)), default=())

    def create_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> Any:
        """A task factory that remembers which calls created the task."""
        task = asyncio.Task(coro, loop=loop, **more)
        self._created[task] = self._chain(sys._getframe(1))
        return task

    def _chain(self, frame: FrameType | None) -> Chain:
        calls = []
        while frame is not None and not frame.f_code.co_filename.endswith(EVENT_LOOP):
            call = self._call(frame.f_code)
            if call is not NOWHERE:
                calls.append(call)
            frame = frame.f_back
        task = _current_task()
        return (*(self._created.get(task, ()) if task else ()), *reversed(calls))

    def _call(self, code: CodeType) -> Call:
        key = (code.co_filename, code)  # equal functions of two files have equal codes
        if key not in self._calls:
            inside = code.co_filename.startswith(PACKAGE) and code.co_name != "<module>"
            self._calls[key] = _call_of(code) if inside else NOWHERE
        return self._calls[key]


def _add(chains: dict[Call, tuple[float, Chain]], chain: Chain) -> None:
    at_s, known = chains.get(chain[-1], (time.time(), ()))
    if len(modules_of(chain)) > len(modules_of(known)):
        chains[chain[-1]] = (at_s, chain)


def modules_of(chain: Chain) -> tuple[str, ...]:
    """The distinct modules of a chain, in the order of the first visit."""
    return tuple(dict.fromkeys(one.module for one in chain))


def revisits(chain: Chain) -> list[str]:
    """The steps of a chain that lead to a module that was left before."""
    modules = [module for module, _ in groupby(chain, key=lambda one: one.module)]
    return [
        f"{before} -> {module}"
        for at, (before, module) in enumerate(pairwise(modules), start=1)
        if module in modules[:at]
    ]


def _call_of(code: CodeType) -> Call:
    path = Path(code.co_filename).relative_to(ROOT).with_suffix("")
    return Call(".".join(path.parts), code.co_name)


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


# --- a worker ------------------------------------------------------------------------------------

SITE = """
from benchmarks.tracing import trace_worker
trace_worker()
"""
"""``sitecustomize`` of the workers."""


def trace_worker() -> None:
    """Trace the operations of this process; write their chains whenever one is added."""
    leg = Leg("wav2vec2_app.worker", OPERATIONS)
    tracer = Tracer(leg)
    chains = tracer.chains[leg]
    path = Path(os.environ[FOLDER]) / f"{os.getpid()}.json"

    def profile(frame: FrameType, event: str, argument: object) -> None:
        before = len(chains)
        tracer(frame, event, argument)
        if len(chains) > before:
            path.write_text(json.dumps(list(chains.values())), "utf-8")

    threading.setprofile(profile)
    sys.setprofile(profile)


def worker_chain(folder: Path, since: float) -> Chain:
    """The longest chain of any worker from its loop to an operation that was not called before ``since``."""
    documents = [json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")]
    chains = [
        tuple(Call(*one) for one in chain)
        for document in documents
        for at_s, chain in document
        if at_s >= since
    ]
    longest: Chain = max(chains, key=len, default=())
    first = next((at for at, one in enumerate(longest) if one.module.startswith(OPERATIONS)), 0)
    return tuple(one for one in longest[: first + 1] if one.module != ENTRY)
