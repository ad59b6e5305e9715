"""Which operations a task needs, and which of them must wait for which."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Generic, TypeVar

from wav2vec2_app.server.tasks import Operation, Want

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Node(Generic[K]):
    """One piece of work and the pieces it needs first."""

    key: K
    needs: tuple[K, ...] = ()


class TaskGraph(Generic[K]):
    """Nodes without cycles, some of them essential.

    Args:
        nodes: in the order in which they start where the order is free.
        essential: the nodes without which the whole has failed; what they need is essential too.
            By default all are.

    Raises:
        ValueError: a node is given twice, a dependency is unknown, or nodes wait for each other.
    """

    def __init__(self, nodes: Iterable[Node[K]], *, essential: Iterable[K] | None = None) -> None:
        self._nodes: dict[K, Node[K]] = {}
        for node in nodes:
            if node.key in self._nodes:
                raise ValueError(f"node {node.key!r} is given twice")
            self._nodes[node.key] = node
        self._refuse_unknown(need for node in self for need in node.needs)
        self._refuse_cycles()
        self._essential = self._with_needs(self._nodes if essential is None else essential)

    def __iter__(self) -> Iterator[Node[K]]:
        return iter(self._nodes.values())

    def needs(self, key: K) -> tuple[K, ...]:
        """What ``key`` waits for."""
        return self._nodes[key].needs

    def is_essential(self, key: K) -> bool:
        """Whether the whole has failed when ``key`` has."""
        return key in self._essential

    def order(self) -> TopologicalSorter[K]:
        """A fresh sorter that hands out nodes as their dependencies are done."""
        return TopologicalSorter({node.key: node.needs for node in self})

    def _refuse_unknown(self, keys: Iterable[K]) -> None:
        unknown = [key for key in keys if key not in self._nodes]
        if unknown:
            raise ValueError(f"the graph has no node {unknown[0]!r}")

    def _refuse_cycles(self) -> None:
        try:
            self.order().prepare()
        except CycleError as error:
            raise ValueError(f"nodes wait for each other: {error.args[1]}") from error

    def _with_needs(self, keys: Iterable[K]) -> frozenset[K]:
        keys = list(keys)
        self._refuse_unknown(keys)
        found: set[K] = set()
        while keys:
            key = keys.pop()
            if key not in found:
                found.add(key)
                keys.extend(self.needs(key))
        return frozenset(found)


def plan(wants: frozenset[Want], known: Collection[Operation] = ()) -> TaskGraph[Operation]:
    """The graph of what is wanted and what that needs, without what is ``known`` already.

    ::

        decode ─┬─> transcribe ─┬─> align
                │               ├─> draw
                └─> analyze ────┘

    The first of alignment, transcript, features and pictures that is wanted is essential; the others are
    extras, whose failure leaves the task a success without them. Where the transcript is known but is to be
    read anew, that is one more node between it and the pictures: :func:`plan_reading`.
    """
    nodes = [node for node in _nodes(wants) if node.key not in known]
    main = _main_operation(wants)
    here = {node.key for node in nodes}
    return TaskGraph(
        [Node(node.key, tuple(need for need in node.needs if need in here)) for node in nodes],
        essential=[main] if main in here else [],
    )


def plan_reading(wants: frozenset[Want], known: Collection[Operation]) -> TaskGraph[Operation]:
    """The graph of a task whose transcript is known and is to be read anew."""
    rest = plan(wants, known)
    after = {Operation.DRAW, Operation.ALIGN}
    nodes = [
        Node(node.key, (*node.needs, Operation.DECODE_TEXT) if node.key in after else node.needs)
        for node in rest
    ]
    return TaskGraph([Node(Operation.DECODE_TEXT), *nodes], essential=[Operation.DECODE_TEXT])


def _nodes(wants: frozenset[Want]) -> Iterator[Node[Operation]]:
    yield Node(Operation.DECODE_AUDIO)
    if wants & {Want.TRANSCRIPT, Want.ALIGNMENT, Want.PICTURES}:
        yield Node(Operation.TRANSCRIBE, (Operation.DECODE_AUDIO,))
    if Want.ALIGNMENT in wants:
        yield Node(Operation.ALIGN, (Operation.TRANSCRIBE,))
    if wants & {Want.FEATURES, Want.PICTURES}:
        yield Node(Operation.ANALYZE, (Operation.DECODE_AUDIO,))
    if Want.PICTURES in wants:
        yield Node(
            Operation.DRAW, (Operation.DECODE_AUDIO, Operation.TRANSCRIBE, Operation.ANALYZE)
        )


def _main_operation(wants: frozenset[Want]) -> Operation:
    for want, operation in (
        (Want.ALIGNMENT, Operation.ALIGN),
        (Want.TRANSCRIPT, Operation.TRANSCRIBE),
        (Want.FEATURES, Operation.ANALYZE),
        (Want.PICTURES, Operation.DRAW),
    ):
        if want in wants:
            return operation
    return Operation.DECODE_AUDIO
