from __future__ import annotations

from itertools import takewhile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles import FakeClock
from tests.unit.server.live.script import Stage, hears, recognition, say, sound, standing
from wav2vec2_app.server.live.captioner import AGAIN_S, TRIES, Captioner, Final, Rules, Words
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.speech.transcript import Word

LONG_TEXT = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def stage(rules: Rules = Rules(), *, takes_s: float = 0.1) -> Stage:  # noqa: B008 - frozen
    clock = FakeClock()
    return Stage(Captioner(rules, clock), clock, takes_s=takes_s)


def test_words_are_tentative_first_then_stand_and_the_last_pass_has_them_all() -> None:
    script = say("the quick brown fox jumps")
    played = stage()

    played.play(script, 4.0)

    kinds = [caption for caption in played.captions if isinstance(caption, Words)]
    assert "quick" in [word.text for word in kinds[3].tentative + kinds[2].tentative]
    assert standing(played.captions) == ["the", "quick", "brown", "fox", "jumps"]
    [final] = played.finals
    assert final.words[0].start_s == pytest.approx(script[0].start_s, abs=0.01)
    assert played.passes[-1].is_last


def test_pause_ends_an_utterance_and_the_next_one_begins_behind_it() -> None:
    played = stage()

    played.play([*say("good morning"), *say("how are you", start_s=3.0)], 6.0)

    assert [[word.text for word in final.words] for final in played.finals] == [
        ["good", "morning"],
        ["how", "are", "you"],
    ]
    first, second = played.finals
    assert 1.2 < first.end_s < 2.0
    assert second.words[0].start_s == pytest.approx(3.0, abs=0.01)
    assert second.utterance == first.utterance + 1


def test_utterance_ends_well_within_two_seconds_of_silence() -> None:
    script = say("good morning")  # until 1.2 s
    played = stage()
    samples = sound(script, 3.2)

    ended_s = None
    for at in range(0, len(samples), 1600):
        played.clock.advance(0.1)
        played.captioner.hear(samples[at : at + 1600])
        played._work(script)
        if played.finals and ended_s is None:
            ended_s = (at + 1600) / SAMPLE_RATE_HZ

    assert ended_s is not None
    assert ended_s - 1.2 < 1.6


def test_long_utterance_is_cut_at_its_best_pause_and_no_word_is_lost_or_doubled() -> None:
    words = say(LONG_TEXT, gap_s=0.05)
    later = say(LONG_TEXT, start_s=words[-1].end_s + 0.3, gap_s=0.05)
    played = stage(Rules(utterance_s=8.0))

    played.play([*words, *later], later[-1].end_s + 2)

    assert played.text == f"{LONG_TEXT} {LONG_TEXT}"
    assert len(played.finals) > 1
    assert all(final.end_s - final.start_s <= 8.0 for final in played.finals)
    assert standing(played.captions) == played.text.split()


def test_tentative_passes_over_a_long_utterance_hear_its_newest_seconds_the_last_one_all() -> None:
    script = say(f"{LONG_TEXT} {LONG_TEXT} {LONG_TEXT}", gap_s=0.05)
    played = stage()

    played.play(script, script[-1].end_s + 2)

    tentative = list(takewhile(lambda asked: not asked.is_last, played.passes))
    last = played.passes[len(tentative)]
    assert script[-1].end_s > 2 * AGAIN_S - 2
    assert max(asked.stop_s - asked.start_s for asked in tentative) < AGAIN_S + 1
    assert tentative[-1].skipped > 0
    assert last.start_s == 0
    assert played.text == f"{LONG_TEXT} {LONG_TEXT} {LONG_TEXT}"
    assert standing(played.captions) == played.text.split()


def test_silence_takes_no_pass_and_no_memory() -> None:
    played = stage()

    played.play([], 60.0)

    assert played.captions == []
    assert played.passes == []
    assert played.captioner.room > 0


def test_sound_without_words_is_forgotten_but_for_a_lead_in() -> None:
    played = stage()
    script: list[Word] = []
    noise = 0.1 * np.sign(np.sin(np.arange(30 * SAMPLE_RATE_HZ))).astype(np.float32)

    for at in range(0, len(noise), 1600):
        played.clock.advance(0.1)
        played.captioner.hear(noise[at : at + 1600])
        played._work(script)

    assert played.captions == []
    assert max(asked.stop_s - asked.start_s for asked in played.passes) < 3


@pytest.mark.parametrize("takes_s", [0.1, 0.4, 1.5, 4.0])
def test_slow_machine_thins_the_passes_never_the_audio(takes_s: float) -> None:
    words = [*say(LONG_TEXT), *say("and so on", start_s=9.0), *say("the end", start_s=13.0)]
    played = stage(takes_s=takes_s)

    played.play(words, 16.0)

    assert played.text == f"{LONG_TEXT} and so on the end"
    assert played.captioner.behind == (takes_s >= 0.4)
    tentative = [asked for asked in played.passes if not asked.is_last]
    assert len(tentative) <= 17 / max(0.3, takes_s) + 1


def test_audio_that_arrives_all_at_once_is_heard_in_utterances_too() -> None:
    clock = FakeClock()
    captioner = Captioner(Rules(), clock)
    script = [*say("good morning"), *say("how are you", start_s=3.0)]
    captioner.hear(sound(script, 6.0))
    captioner.finish()
    captions = []
    while not captioner.done:
        asked = captioner.next_pass()
        if asked is None:
            clock.advance(captioner.wait_s() or 0.1)
        else:
            captions += captioner.answered(asked, hears(script, asked))

    finals = [caption for caption in captions if isinstance(caption, Final)]
    assert [len(final.words) for final in finals] == [2, 3]
    assert captioner.lag_s == 0


def test_what_does_not_fit_is_refused_not_dropped() -> None:
    captioner = Captioner(Rules(), FakeClock())
    captioner.hear(np.zeros(captioner.room, dtype=np.float32))

    assert captioner.room == 0
    with pytest.raises(ValueError, match="room"):
        captioner.hear(np.zeros(1, dtype=np.float32))


def test_failed_tentative_pass_costs_nothing_but_itself() -> None:
    clock = FakeClock()
    captioner = Captioner(Rules(), clock)
    script = say("good morning")
    captioner.hear(sound(script, 1.0))
    asked = captioner.next_pass()
    assert asked is not None

    assert captioner.failed(asked) == ()
    assert captioner.next_pass() is None  # it rests for a moment
    clock.advance(captioner.wait_s())
    again = captioner.next_pass()

    assert again is not None
    assert (again.start, again.stop) == (asked.start, asked.stop)


def test_last_pass_that_keeps_failing_is_given_up_with_the_words_so_far() -> None:
    clock = FakeClock()
    captioner = Captioner(Rules(), clock)
    script = say("good morning")
    captioner.hear(sound(script, 1.4))
    asked = captioner.next_pass()
    assert asked is not None
    captioner.answered(asked, hears(script, asked))
    captioner.finish()
    captions: tuple[object, ...] = ()
    for _ in range(TRIES):
        clock.advance(captioner.wait_s())
        asked = captioner.next_pass()
        assert asked is not None
        assert asked.is_last
        captions = captioner.failed(asked)

    [final] = captions
    assert isinstance(final, Final)
    assert [word.text for word in final.words] == ["good", "morning"]
    assert "failed" in final.note
    assert captioner.done


def test_lag_is_the_audio_that_no_caption_knows_of() -> None:
    clock = FakeClock()
    captioner = Captioner(Rules(), clock)
    script = say("good morning")
    samples = sound(script, 2.0)
    captioner.hear(samples[: SAMPLE_RATE_HZ * 3 // 2])
    asked = captioner.next_pass()
    assert asked is not None
    captioner.hear(samples[SAMPLE_RATE_HZ * 3 // 2 :])

    assert captioner.lag_s == pytest.approx(2.0)
    captioner.answered(asked, hears(script, asked))
    assert captioner.lag_s == pytest.approx(0.5)
    assert captioner.arrived_s == pytest.approx(2.0)


PASSES = st.lists(
    st.lists(st.tuples(st.sampled_from(["a", "b", "cc", "ddd"]), st.floats(0.02, 1.0)), max_size=9),
    min_size=1,
    max_size=25,
)


@settings(deadline=None, max_examples=150)
@given(PASSES, st.floats(0.3, 2.5), st.booleans())
def test_committed_words_never_change_whatever_the_model_says(
    answers: list[list[tuple[str, float]]], arriving_s: float, short: bool
) -> None:
    """Even a model that talks nonsense, on utterances that are cut all the time."""
    clock = FakeClock()
    captioner = Captioner(Rules(utterance_s=5.0 if short else 20.0), clock)
    captions: list[Words | Final] = []
    rng, passes = np.random.default_rng(0), 0
    for number, answer in enumerate(answers):
        block = rng.normal(scale=0.1, size=round(arriving_s * SAMPLE_RATE_HZ)).astype(np.float32)
        captioner.hear(block[: captioner.room])
        clock.advance(arriving_s)
        if number == len(answers) - 1:
            captioner.finish()
        while (asked := captioner.next_pass()) is not None:
            passes += 1
            assert passes < 1000, "it never comes to an end"
            length_s = asked.stop_s - asked.start_s
            words, at_s = [], 0.0
            for text, share in answer:
                end_s = at_s + share * (length_s - at_s)
                words.append(Word(text, at_s, end_s, 0.5))
                at_s = end_s
            captions += captioner.answered(asked, recognition(words, length_s))
            clock.advance(0.4)

    standing(captions)
