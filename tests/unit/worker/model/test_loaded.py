"""Which models stay in memory."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles import FakeClock
from wav2vec2_app.errors import CancelledError
from wav2vec2_app.worker.model import loaded
from wav2vec2_app.worker.model.loaded import (
    DEVICE_RESERVE_BYTES,
    MIN_LOADED_S,
    MIN_UNUSED_S,
    Key,
    LoadedModels,
    free_bytes,
)

SIZE = 100


@pytest.fixture(autouse=True, scope="module")
def _no_collection() -> Iterator[None]:
    """Collecting garbage takes long beside all the tests' objects, and frees nothing here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loaded, "return_memory", lambda: None)
        yield


class Memory:
    """Counts models as used memory until nothing refers to them."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0

    def free(self) -> int:
        return self.total - self.used

    def model(self) -> Any:
        memory = self
        memory.used += SIZE

        class Model:
            def __del__(self) -> None:
                memory.used -= SIZE

        return Model()


def key(name: str, folder: Path = Path("/")) -> Key:
    return folder / name, ""


def make(clock: FakeClock) -> LoadedModels:
    return LoadedModels(clock, clock.advance)


def fill(models: LoadedModels, memory: Memory, clock: FakeClock, names: str) -> None:
    """Load models and have each answer once."""
    for name in names:
        models.add(key(name), memory.model(), SIZE)
        models.use(key(name))
        clock.advance(1.0)


def names_in(models: LoadedModels) -> str:
    return "".join(sorted(folder.name for folder in models.folders()))


def test_least_recently_used_model_is_unloaded_when_there_is_no_room() -> None:
    clock, memory = FakeClock(), Memory(3 * SIZE)
    models = make(clock)
    fill(models, memory, clock, "abc")
    models.use(key("a"))
    clock.advance(MIN_LOADED_S)

    models.make_room(SIZE, memory.free)

    assert names_in(models) == "ac"
    assert memory.free() == SIZE


def test_nothing_is_unloaded_while_there_is_room() -> None:
    clock, memory = FakeClock(), Memory(4 * SIZE)
    models = make(clock)
    fill(models, memory, clock, "abc")

    models.make_room(SIZE, memory.free)

    assert names_in(models) == "abc"


def test_model_that_was_just_loaded_is_not_unloaded_before_its_request_comes() -> None:
    clock, memory = FakeClock(), Memory(SIZE)
    models = make(clock)
    models.add(key("a"), memory.model(), SIZE)
    begin_s = clock()

    models.make_room(SIZE, memory.free)

    assert clock() - begin_s >= MIN_UNUSED_S
    assert names_in(models) == ""


def test_two_models_that_do_not_fit_together_answer_in_turn() -> None:
    clock, memory = FakeClock(), Memory(SIZE)
    models = make(clock)
    answers = []
    for name in "abab":
        models.make_room(SIZE, memory.free)
        models.add(key(name), memory.model(), SIZE)
        assert models.use(key(name)) is not None
        answers.append(clock())

    assert names_in(models) == "b"
    assert min(b - a for a, b in itertools.pairwise(answers)) >= MIN_LOADED_S


def test_model_that_computes_counts_as_unloaded_and_ends_its_work() -> None:
    clock, memory = FakeClock(), Memory(2 * SIZE)
    models = make(clock)
    fill(models, memory, clock, "ab")
    computing = models.peek(key("a"))
    clock.advance(MIN_LOADED_S)

    models.make_room(SIZE, memory.free)

    assert names_in(models) == "b"
    assert memory.free() == 0
    del computing
    gc.collect()
    assert memory.free() == SIZE


def test_cancelled_load_stops_waiting_for_room() -> None:
    clock, memory = FakeClock(), Memory(SIZE)
    models = make(clock)
    models.add(key("a"), memory.model(), SIZE)

    def cancelled() -> None:
        raise CancelledError("cancelled")

    with pytest.raises(CancelledError):
        models.make_room(SIZE, memory.free, cancelled)
    assert names_in(models) == "a"


def test_room_without_waiting_unloads_only_what_may_go_and_keeps_the_rest() -> None:
    clock, memory = FakeClock(), Memory(0)
    models = make(clock)
    fill(models, memory, clock, "abc")
    clock.advance(MIN_LOADED_S - 1.5)

    models.make_room(0, memory.free, keep={key("a")}, wait=False)

    assert names_in(models) == "ac"


def test_idle_models_are_unloaded_except_those_to_keep() -> None:
    clock, memory = FakeClock(), Memory(10 * SIZE)
    models = make(clock)
    fill(models, memory, clock, "abc")
    clock.advance(60.0)
    models.use(key("b"))

    unloaded = models.unload_idle(60.0, {key("a")})

    assert unloaded == (key("c"),)
    assert names_in(models) == "ab"
    assert models.was_loaded(key("c"))


def test_model_whose_folder_is_gone_is_unloaded(tmp_path: Path) -> None:
    clock, memory = FakeClock(), Memory(10 * SIZE)
    models = make(clock)
    for name in "ab":
        (tmp_path / name).mkdir()
        models.add(key(name, tmp_path), memory.model(), SIZE)
    (tmp_path / "a").rmdir()

    assert models.unload_missing() == (key("a", tmp_path),)
    assert names_in(models) == "b"


@given(
    total=st.integers(1, 6),
    steps=st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0.0, 40.0)), max_size=30),
)
def test_memory_stays_below_the_limit_whatever_is_used(
    total: int, steps: list[tuple[str, float]]
) -> None:
    clock, memory = FakeClock(), Memory(total * SIZE)
    models = make(clock)
    for name, pause_s in steps:
        clock.advance(pause_s)
        if models.use(key(name)) is None:
            models.make_room(SIZE, memory.free)
            models.add(key(name), memory.model(), SIZE)
            assert models.use(key(name)) is not None
        assert memory.free() >= 0
        assert key(name) in models


def cuda(free: int) -> Any:
    return SimpleNamespace(
        cuda=SimpleNamespace(
            is_available=lambda: True,
            mem_get_info=lambda device: (free, 10 * free),
            empty_cache=lambda: None,
        )
    )


@pytest.mark.parametrize("device", ["auto", "cuda", "cuda:1"])
def test_room_on_an_accelerator_is_that_of_the_accelerator(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(loaded.sys.modules, "torch", cuda(5 << 30))

    assert free_bytes(device, limit_bytes=0) == (5 << 30) - DEVICE_RESERVE_BYTES


def test_room_on_a_cpu_is_what_the_limit_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(loaded.sys.modules, "torch", cuda(5 << 30))
    monkeypatch.setattr(loaded, "private_bytes", lambda: 300)

    assert free_bytes("cpu", limit_bytes=1000) == 700
