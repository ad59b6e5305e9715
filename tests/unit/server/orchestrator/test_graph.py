"""Graphs reject inconsistent nodes, and the plan of a task follows from what it wants."""

from __future__ import annotations

import pytest

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.operations import ANY_TARGET, Operation, Step, Target, Want
from wav2vec2_app.server.orchestrator.graph import Node, TaskGraph, plan

DECODE, TRANSCRIBE, DECODE_TEXT, ALIGN, ANALYZE, MEASURE, DRAW, EXPLORE, SEARCH, SPEAKERS = (
    Operation.DECODE_AUDIO,
    Operation.TRANSCRIBE,
    Operation.DECODE_TEXT,
    Operation.ALIGN,
    Operation.ANALYZE,
    Operation.MEASURE,
    Operation.DRAW,
    Operation.EXPLORE,
    Operation.SEARCH,
    Operation.LABEL_SPEAKERS,
)


def steps(*operations: Operation, target: Target = ANY_TARGET) -> list[Step]:
    return [Step(operation, target) for operation in operations]


@pytest.mark.parametrize(
    ("nodes", "essential", "code", "names"),
    [
        ([Node("a", ("b", "c"))], None, "graph.unknown", ["b", "c"]),
        ([Node("a")], ["b"], "graph.unknown", ["b"]),
        ([Node("a"), Node("a")], None, "graph.duplicate", ["a"]),
        ([Node("a", ("a",))], None, "graph.cycle", ["a"]),
    ],
)
def test_an_inconsistent_graph_is_rejected_with_the_names(
    nodes: list[Node[str]], essential: list[str] | None, code: str, names: list[str]
) -> None:
    with pytest.raises(InputError) as rejected:
        TaskGraph(nodes, essential=essential)

    assert rejected.value.code == code
    assert rejected.value.hint
    for name in names:
        assert f"“{name}”" in rejected.value.message


def test_a_cycle_is_rejected_with_all_its_names() -> None:
    with pytest.raises(InputError) as rejected:
        TaskGraph([Node("a", ("c",)), Node("b", ("a",)), Node("c", ("b",)), Node("d", ("a",))])

    assert rejected.value.code == "graph.cycle"
    assert set(rejected.value.metadata["names"]) == {"a", "b", "c"}


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
        ([Want.EXPLORATION], [DECODE, TRANSCRIBE, EXPLORE], [DECODE, TRANSCRIBE, EXPLORE]),
        ([Want.ACOUSTICS], [DECODE, ANALYZE, MEASURE], [DECODE, ANALYZE, MEASURE]),
        (
            [Want.TRANSCRIPT, Want.ACOUSTICS],
            [DECODE, TRANSCRIBE, ANALYZE, MEASURE],
            [DECODE, TRANSCRIBE],
        ),
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
            [DECODE, TRANSCRIBE, ALIGN, SEARCH, SPEAKERS, ANALYZE, MEASURE, EXPLORE, DRAW],
            [DECODE, TRANSCRIBE, ALIGN],
        ),
        ([Want.TRANSCRIPT, Want.SPEAKERS], [DECODE, TRANSCRIBE, SPEAKERS], [DECODE, TRANSCRIBE]),
        ([Want.HITS], [DECODE, TRANSCRIBE, SEARCH], [DECODE, TRANSCRIBE, SEARCH]),
    ],
)
def test_a_plan_has_what_is_wanted_and_what_that_needs(
    wants: list[Want], operations: list[Operation], essential: list[Operation]
) -> None:
    graph = plan(frozenset(wants))

    assert [node.key for node in graph] == steps(*operations)
    assert [key for key in steps(*operations) if graph.is_essential(key)] == steps(*essential)


def test_pictures_are_drawn_from_audio_transcript_and_features() -> None:
    graph = plan(frozenset({Want.PICTURES}))

    assert list(graph.needs(Step(DRAW))) == steps(DECODE, TRANSCRIBE, ANALYZE)


def test_what_is_known_is_left_out_and_not_waited_for() -> None:
    graph = plan(frozenset({Want.PICTURES}), known=steps(DECODE, TRANSCRIBE))

    assert [node.key for node in graph] == steps(ANALYZE, DRAW)
    assert graph.needs(Step(DRAW)) == (Step(ANALYZE),)


def test_nothing_is_left_to_do_where_everything_is_known() -> None:
    assert list(plan(frozenset({Want.TRANSCRIPT}), known=steps(DECODE, TRANSCRIBE))) == []


def test_decoding_again_comes_before_what_shows_the_words() -> None:
    graph = plan(
        frozenset({Want.TRANSCRIPT, Want.PICTURES}),
        known=steps(DECODE, TRANSCRIBE, ANALYZE),
        decode_again=True,
    )

    assert [node.key for node in graph] == steps(DECODE_TEXT, DRAW)
    assert graph.needs(Step(DRAW)) == (Step(DECODE_TEXT),)
    assert graph.is_essential(Step(DECODE_TEXT))
    assert not graph.is_essential(Step(DRAW))


A, B = Target("a"), Target("b")


def test_every_target_transcribes_and_the_first_one_is_essential_aligned_and_drawn() -> None:
    graph = plan(frozenset({Want.TRANSCRIPT, Want.PICTURES}), (A, B))

    assert [node.key for node in graph] == [
        Step(DECODE),
        Step(TRANSCRIBE, A),
        Step(TRANSCRIBE, B),
        Step(ANALYZE),
        Step(DRAW, A),
    ]
    assert graph.is_essential(Step(TRANSCRIBE, A))
    assert not graph.is_essential(Step(TRANSCRIBE, B))
    assert Step(TRANSCRIBE, A) in graph.needs(Step(DRAW, A))
    assert Step(TRANSCRIBE, B) not in graph.needs(Step(DRAW, A))


def test_an_alignment_alone_needs_the_first_target_only() -> None:
    graph = plan(frozenset({Want.ALIGNMENT}), (A, B))

    assert [node.key for node in graph] == [Step(DECODE), Step(TRANSCRIBE, A), Step(ALIGN, A)]


def test_every_target_s_emission_is_decoded_again() -> None:
    known = [Step(DECODE), Step(TRANSCRIBE, A), Step(TRANSCRIBE, B)]

    graph = plan(frozenset({Want.TRANSCRIPT}), (A, B), known, decode_again=True)

    assert [node.key for node in graph] == [Step(DECODE_TEXT, A), Step(DECODE_TEXT, B)]
    assert graph.is_essential(Step(DECODE_TEXT, A))
    assert not graph.is_essential(Step(DECODE_TEXT, B))
