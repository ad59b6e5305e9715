"""Graphs of steps with dependencies, and the graph that a task needs."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Generic, TypeVar

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.operations import ANY_TARGET, Operation, Step, Target, Want

K = TypeVar("K", bound=Hashable)

MAX_NAMES = 20
"""Names of tasks that an error lists."""
NEEDS_TRANSCRIPT = frozenset(set(Want) - {Want.FEATURES, Want.ACOUSTICS, Want.DESCRIPTION})
"""What is made from a transcript."""


@dataclass(frozen=True)
class Node(Generic[K]):
    """One piece of work and the pieces that it depends on."""

    key: K
    needs: tuple[K, ...] = ()


class TaskGraph(Generic[K]):
    """An acyclic graph of nodes, some of them essential.

    Args:
        nodes: in the order in which they start where dependencies leave it open.
        essential: the nodes whose failure fails the graph; their dependencies are essential too.
            By default all nodes are.

    Raises:
        InputError: ``graph.duplicate``: a node is given twice; ``graph.unknown``: a dependency is
            not in the graph; ``graph.cycle``: dependencies form a cycle. The message has the names.
    """

    def __init__(self, nodes: Iterable[Node[K]], *, essential: Iterable[K] | None = None) -> None:
        self._nodes: dict[K, Node[K]] = {}
        for node in nodes:
            if node.key in self._nodes:
                raise _inconsistent("graph.duplicate", f"“{node.key}” is given twice", [node.key])
            self._nodes[node.key] = node
        self.refuse_unknown(need for node in self for need in node.needs)
        self._refuse_cycles()
        self._essential = self._with_needs(self._nodes if essential is None else essential)

    def __iter__(self) -> Iterator[Node[K]]:
        return iter(self._nodes.values())

    def needs(self, key: K) -> tuple[K, ...]:
        """The dependencies of ``key``."""
        return self._nodes[key].needs

    def is_essential(self, key: K) -> bool:
        """Whether the failure of ``key`` fails the graph."""
        return key in self._essential

    def order(self) -> TopologicalSorter[K]:
        """A new sorter that yields nodes as their dependencies are done."""
        return TopologicalSorter({node.key: node.needs for node in self})

    def refuse_unknown(self, keys: Iterable[K]) -> None:
        """Refuse keys without a node.

        Raises:
            InputError: ``graph.unknown``.
        """
        unknown = list(dict.fromkeys(key for key in keys if key not in self._nodes))
        if unknown:
            raise _inconsistent("graph.unknown", f"there is no {_names(unknown)}", unknown)

    def _refuse_cycles(self) -> None:
        try:
            self.order().prepare()
        except CycleError as error:
            cycle: list[K] = error.args[1]
            message = f"dependencies form a cycle: {_names(cycle, ' -> ')}"
            raise _inconsistent("graph.cycle", message, cycle) from error

    def _with_needs(self, keys: Iterable[K]) -> frozenset[K]:
        keys = list(keys)
        self.refuse_unknown(keys)
        found: set[K] = set()
        while keys:
            key = keys.pop()
            if key not in found:
                found.add(key)
                keys.extend(self.needs(key))
        return frozenset(found)


def _names(keys: Sequence[K], separator: str = ", ") -> str:
    """The names, or the first ones where there are many."""
    more = f" and {len(keys) - MAX_NAMES} more" if len(keys) > MAX_NAMES else ""
    return separator.join(f"“{key}”" for key in keys[:MAX_NAMES]) + more


def _inconsistent(code: str, message: str, keys: Sequence[K]) -> InputError:
    return InputError(
        f"The tasks cannot be put in order: {message}.",
        code=code,
        hint="Give each task once, and dependencies only on given tasks and without a cycle.",
        metadata={"names": [str(key) for key in keys[:MAX_NAMES]]},
    )


def plan(
    wants: frozenset[Want],
    targets: Sequence[Target] = (ANY_TARGET,),
    known: Collection[Step] = (),
    *,
    decode_again: bool = False,
    comparison: bool = False,
) -> TaskGraph[Step]:
    """The graph of the steps that produce ``wants``, without the ``known`` ones.

    ::

        decode_audio ─┬─> transcribe@A ─┬─> align@A
                      │                 ├─> draw@A
                      ├─> transcribe@B  │
                      └─> analyze ──────┘──> measure

    The first of alignment, transcript, features, acoustics and pictures that is wanted is essential,
    of transcripts that of the first target. The other steps are extras: if one fails, the task succeeds
    without it.

    Args:
        wants: which results to produce.
        targets: what transcribes; alignment and pictures are made from the first one's transcript.
        known: steps whose results exist already.
        decode_again: the known emissions are decoded with other options, and the pictures show the
            new transcript.
        comparison: every transcript is an extra, and only the audio is essential.
    """
    nodes = [node for node in _nodes(wants, targets, decode_again) if node.key not in known]
    audio = Step(Operation.DECODE_AUDIO)
    main = audio if comparison else _main_step(wants, targets[0], decode_again)
    left = {node.key for node in nodes}
    return TaskGraph(
        [Node(node.key, tuple(need for need in node.needs if need in left)) for node in nodes],
        essential=[main] if main in left else [],
    )


def _nodes(
    wants: frozenset[Want], targets: Sequence[Target], decode_again: bool
) -> Iterator[Node[Step]]:
    audio, features = Step(Operation.DECODE_AUDIO), Step(Operation.ANALYZE)
    yield Node(audio)
    yield from _transcript_nodes(wants, targets, decode_again)
    if Want.ALIGNMENT in wants:
        yield Node(Step(Operation.ALIGN, targets[0]), (Step(Operation.TRANSCRIBE, targets[0]),))
    if Want.HITS in wants:
        yield Node(Step(Operation.SEARCH, targets[0]), (Step(Operation.TRANSCRIBE, targets[0]),))
    if Want.SPEAKERS in wants:
        transcribe = Step(Operation.TRANSCRIBE, targets[0])
        yield Node(Step(Operation.LABEL_SPEAKERS, targets[0]), (audio, transcribe))
    if wants & {Want.FEATURES, Want.PICTURES, Want.ACOUSTICS}:
        yield Node(features, (audio,))
    if Want.ACOUSTICS in wants:
        yield Node(Step(Operation.MEASURE), (audio, features))
    if Want.EXPLORATION in wants:
        transcribe = Step(Operation.TRANSCRIBE, targets[0])
        yield Node(Step(Operation.EXPLORE, targets[0]), (audio, transcribe))
    if Want.PICTURES in wants:
        shown = Operation.DECODE_TEXT if decode_again else Operation.TRANSCRIBE
        yield Node(Step(Operation.DRAW, targets[0]), (audio, Step(shown, targets[0]), features))


def _transcript_nodes(
    wants: frozenset[Want], targets: Sequence[Target], decode_again: bool
) -> Iterator[Node[Step]]:
    """Every target's transcript if it is wanted, else that of the first one if it is needed."""
    if not wants & NEEDS_TRANSCRIPT:
        return
    for target in targets if Want.TRANSCRIPT in wants else targets[:1]:
        transcribe = Step(Operation.TRANSCRIBE, target)
        yield Node(transcribe, (Step(Operation.DECODE_AUDIO),))
        if decode_again:
            yield Node(Step(Operation.DECODE_TEXT, target), (transcribe,))


def _main_step(wants: frozenset[Want], primary: Target, decode_again: bool) -> Step:
    if decode_again:
        return Step(Operation.DECODE_TEXT, primary)
    for want, step in (
        (Want.ALIGNMENT, Step(Operation.ALIGN, primary)),
        (Want.HITS, Step(Operation.SEARCH, primary)),
        (Want.TRANSCRIPT, Step(Operation.TRANSCRIBE, primary)),
        (Want.FEATURES, Step(Operation.ANALYZE)),
        (Want.ACOUSTICS, Step(Operation.MEASURE)),
        (Want.PICTURES, Step(Operation.DRAW, primary)),
        (Want.EXPLORATION, Step(Operation.EXPLORE, primary)),
    ):
        if want in wants:
            return step
    return Step(Operation.DECODE_AUDIO)
