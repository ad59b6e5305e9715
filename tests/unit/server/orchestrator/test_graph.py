"""Graphs refuse nonsense, and the plan of a task follows from what it wants."""

from __future__ import annotations

import pytest

from wav2vec2_app.server.orchestrator.graph import Node, TaskGraph, plan, plan_reading
from wav2vec2_app.server.tasks import Operation, Want

DECODE, TRANSCRIBE, READ, ALIGN, ANALYZE, DRAW = (
    Operation.DECODE_AUDIO,
    Operation.TRANSCRIBE,
    Operation.DECODE_TEXT,
    Operation.ALIGN,
    Operation.ANALYZE,
    Operation.DRAW,
)


def test_an_unknown_dependency_is_refused() -> None:
    with pytest.raises(ValueError, match="no node 'b'"):
        TaskGraph([Node("a", ("b",))])


def test_nodes_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="wait for each other"):
        TaskGraph([Node("a", ("c",)), Node("b", ("a",)), Node("c", ("b",))])


def test_a_node_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        TaskGraph([Node("a"), Node("a")])


def test_an_unknown_essential_node_is_refused() -> None:
    with pytest.raises(ValueError, match="no node 'b'"):
        TaskGraph([Node("a")], essential=["b"])


def test_what_an_essential_node_needs_is_essential_too() -> None:
    graph = TaskGraph(
        [Node("a"), Node("b", ("a",)), Node("c", ("b",)), Node("d", ("a",))], essential=["c"]
    )

    assert [node.key for node in graph if graph.is_essential(node.key)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("wants", "operations", "essential"),
    [
        ([], [DECODE], [DECODE]),
        ([Want.TRANSCRIPT], [DECODE, TRANSCRIBE], [DECODE, TRANSCRIBE]),
        ([Want.FEATURES], [DECODE, ANALYZE], [DECODE, ANALYZE]),
        (
            [Want.PICTURES],
            [DECODE, TRANSCRIBE, ANALYZE, DRAW],
            [DECODE, TRANSCRIBE, ANALYZE, DRAW],
        ),
        (
            [Want.TRANSCRIPT, Want.PICTURES],
            [DECODE, TRANSCRIBE, ANALYZE, DRAW],
            [DECODE, TRANSCRIBE],
        ),
        ([Want.FEATURES, Want.PICTURES], [DECODE, TRANSCRIBE, ANALYZE, DRAW], [DECODE, ANALYZE]),
        ([Want.ALIGNMENT], [DECODE, TRANSCRIBE, ALIGN], [DECODE, TRANSCRIBE, ALIGN]),
        (
            list(Want),
            [DECODE, TRANSCRIBE, ALIGN, ANALYZE, DRAW],
            [DECODE, TRANSCRIBE, ALIGN],
        ),
    ],
)
def test_a_plan_has_what_is_wanted_and_what_that_needs(
    wants: list[Want], operations: list[Operation], essential: list[Operation]
) -> None:
    graph = plan(frozenset(wants))

    assert [node.key for node in graph] == operations
    assert [key for key in operations if graph.is_essential(key)] == essential


def test_pictures_are_drawn_from_audio_transcript_and_features() -> None:
    graph = plan(frozenset({Want.PICTURES}))

    assert set(graph.needs(DRAW)) == {DECODE, TRANSCRIBE, ANALYZE}


def test_what_is_known_is_left_out_and_not_waited_for() -> None:
    graph = plan(frozenset({Want.PICTURES}), known={DECODE, TRANSCRIBE})

    assert [node.key for node in graph] == [ANALYZE, DRAW]
    assert graph.needs(DRAW) == (ANALYZE,)


def test_nothing_is_left_to_do_where_all_is_known() -> None:
    assert list(plan(frozenset({Want.TRANSCRIPT}), known={DECODE, TRANSCRIBE})) == []


def test_reading_anew_comes_before_what_shows_the_words() -> None:
    graph = plan_reading(frozenset({Want.TRANSCRIPT, Want.PICTURES}), {DECODE, TRANSCRIBE, ANALYZE})

    assert [node.key for node in graph] == [READ, DRAW]
    assert graph.needs(DRAW) == (READ,)
    assert graph.is_essential(READ)
    assert not graph.is_essential(DRAW)
