from __future__ import annotations

from itertools import takewhile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles import FakeClock
from tests.unit.server.live.script import (
    Playback,
    committed_words,
    recognition,
    recognized,
    say,
    sound,
)
from wav2vec2_app.server.live.captioner import MAX_TRIES, TENTATIVE_S, Captioner
from wav2vec2_app.server.live.captions import CaptionPolicy, FinalCaption, PartialCaption
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.speech.transcript import Word

LONG_TEXT = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def playback(policy: CaptionPolicy = CaptionPolicy(), *, takes_s: float = 0.1) -> Playback:  # noqa: B008 - frozen
    clock = FakeClock()
    return Playback(Captioner(policy, clock), clock, takes_s=takes_s)


def test_words_are_tentative_then_committed_and_the_last_pass_has_them_all() -> None:
    script = say("the quick brown fox jumps")
    played = playback()

    played.play(script, 4.0)

    kinds = [caption for caption in played.captions if isinstance(caption, PartialCaption)]
    assert "quick" in [word.text for word in kinds[3].tentative + kinds[2].tentative]
    assert committed_words(played.captions) == ["the", "quick", "brown", "fox", "jumps"]
    [final] = played.finals
    assert final.words[0].start_s == pytest.approx(script[0].start_s, abs=0.01)
    assert played.passes[-1].is_last


def test_pause_ends_an_utterance_and_the_next_one_begins_after_it() -> None:
    played = playback()

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
    played = playback()
    samples = sound(script, 3.2)

    ended_s = None
    for at in range(0, len(samples), 1600):
        played.clock.advance(0.1)
        played.captioner.append(samples[at : at + 1600])
        played.run_passes(script)
        if played.finals and ended_s is None:
            ended_s = (at + 1600) / SAMPLE_RATE_HZ

    assert ended_s is not None
    assert ended_s - 1.2 < 1.6


def test_long_utterance_is_cut_at_its_best_pause_and_no_word_is_lost_or_doubled() -> None:
    words = say(LONG_TEXT, gap_s=0.05)
    later = say(LONG_TEXT, start_s=words[-1].end_s + 0.3, gap_s=0.05)
    played = playback(CaptionPolicy(utterance_s=8.0))

    played.play([*words, *later], later[-1].end_s + 2)

    assert played.text == f"{LONG_TEXT} {LONG_TEXT}"
    assert len(played.finals) > 1
    assert all(final.end_s - final.start_s <= 8.0 for final in played.finals)
    assert committed_words(played.captions) == played.text.split()


def test_tentative_passes_cover_the_newest_seconds_of_a_long_utterance_the_last_pass_all_of_it() -> (
    None
):
    script = say(f"{LONG_TEXT} {LONG_TEXT} {LONG_TEXT}", gap_s=0.05)
    played = playback()

    played.play(script, script[-1].end_s + 2)

    tentative = list(takewhile(lambda current: not current.is_last, played.passes))
    last = played.passes[len(tentative)]
    assert script[-1].end_s > 2 * TENTATIVE_S - 2
    assert max(current.stop_s - current.start_s for current in tentative) < TENTATIVE_S + 1
    assert tentative[-1].skipped > 0
    assert last.start_s == 0
    assert played.text == f"{LONG_TEXT} {LONG_TEXT} {LONG_TEXT}"
    assert committed_words(played.captions) == played.text.split()


def test_silence_needs_no_pass_and_no_memory() -> None:
    played = playback()

    played.play([], 60.0)

    assert played.captions == []
    assert played.passes == []
    assert played.captioner.room > 0


def test_audio_without_words_is_dropped_except_for_a_lead_in() -> None:
    played = playback()
    script: list[Word] = []
    noise = 0.1 * np.sign(np.sin(np.arange(30 * SAMPLE_RATE_HZ))).astype(np.float32)

    for at in range(0, len(noise), 1600):
        played.clock.advance(0.1)
        played.captioner.append(noise[at : at + 1600])
        played.run_passes(script)

    assert played.captions == []
    assert max(current.stop_s - current.start_s for current in played.passes) < 3


@pytest.mark.parametrize("takes_s", [0.1, 0.4, 1.5, 4.0])
def test_slow_machine_runs_fewer_passes_but_drops_no_audio(takes_s: float) -> None:
    words = [*say(LONG_TEXT), *say("and so on", start_s=9.0), *say("the end", start_s=13.0)]
    played = playback(takes_s=takes_s)

    played.play(words, 16.0)

    assert played.text == f"{LONG_TEXT} and so on the end"
    assert played.captioner.behind == (takes_s >= 0.4)
    tentative = [current for current in played.passes if not current.is_last]
    assert len(tentative) <= 17 / max(0.3, takes_s) + 1


def test_audio_that_arrives_in_one_block_is_transcribed_in_utterances_too() -> None:
    clock = FakeClock()
    captioner = Captioner(CaptionPolicy(), clock)
    script = [*say("good morning"), *say("how are you", start_s=3.0)]
    captioner.append(sound(script, 6.0))
    captioner.finish()
    captions = []
    while not captioner.done:
        current = captioner.next_pass()
        if current is None:
            clock.advance(captioner.wait_s() or 0.1)
        else:
            captions += captioner.pass_succeeded(current, recognized(script, current))

    finals = [caption for caption in captions if isinstance(caption, FinalCaption)]
    assert [len(final.words) for final in finals] == [2, 3]
    assert captioner.lag_s == 0


def test_samples_that_do_not_fit_are_rejected_not_dropped() -> None:
    captioner = Captioner(CaptionPolicy(), FakeClock())
    captioner.append(np.zeros(captioner.room, dtype=np.float32))

    assert captioner.room == 0
    with pytest.raises(ValueError, match="room"):
        captioner.append(np.zeros(1, dtype=np.float32))


def test_failed_tentative_pass_is_repeated_after_a_delay() -> None:
    clock = FakeClock()
    captioner = Captioner(CaptionPolicy(), clock)
    script = say("good morning")
    captioner.append(sound(script, 1.0))
    current = captioner.next_pass()
    assert current is not None

    assert captioner.pass_failed(current) == ()
    assert captioner.next_pass() is None  # during the delay
    clock.advance(captioner.wait_s())
    again = captioner.next_pass()

    assert again is not None
    assert (again.start, again.stop) == (current.start, current.stop)


def test_last_pass_that_keeps_failing_is_given_up_with_the_words_so_far() -> None:
    clock = FakeClock()
    captioner = Captioner(CaptionPolicy(), clock)
    script = say("good morning")
    captioner.append(sound(script, 1.4))
    current = captioner.next_pass()
    assert current is not None
    captioner.pass_succeeded(current, recognized(script, current))
    captioner.finish()
    captions: tuple[object, ...] = ()
    for _ in range(MAX_TRIES):
        clock.advance(captioner.wait_s())
        current = captioner.next_pass()
        assert current is not None
        assert current.is_last
        captions = captioner.pass_failed(current)

    [final] = captions
    assert isinstance(final, FinalCaption)
    assert [word.text for word in final.words] == ["good", "morning"]
    assert "failed" in final.note
    assert captioner.done


def test_lag_is_the_audio_that_is_not_transcribed_yet() -> None:
    clock = FakeClock()
    captioner = Captioner(CaptionPolicy(), clock)
    script = say("good morning")
    samples = sound(script, 2.0)
    captioner.append(samples[: SAMPLE_RATE_HZ * 3 // 2])
    current = captioner.next_pass()
    assert current is not None
    captioner.append(samples[SAMPLE_RATE_HZ * 3 // 2 :])

    assert captioner.lag_s == pytest.approx(2.0)
    captioner.pass_succeeded(current, recognized(script, current))
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
    """Even with random transcripts, and utterances that are cut often."""
    clock = FakeClock()
    captioner = Captioner(CaptionPolicy(utterance_s=5.0 if short else 20.0), clock)
    captions: list[PartialCaption | FinalCaption] = []
    rng, passes = np.random.default_rng(0), 0
    for number, answer in enumerate(answers):
        block = rng.normal(scale=0.1, size=round(arriving_s * SAMPLE_RATE_HZ)).astype(np.float32)
        captioner.append(block[: captioner.room])
        clock.advance(arriving_s)
        if number == len(answers) - 1:
            captioner.finish()
        while (current := captioner.next_pass()) is not None:
            passes += 1
            assert passes < 1000, "the captioner is never done"
            length_s = current.stop_s - current.start_s
            words, at_s = [], 0.0
            for text, share in answer:
                end_s = at_s + share * (length_s - at_s)
                words.append(Word(text, at_s, end_s, 0.5))
                at_s = end_s
            captions += captioner.pass_succeeded(current, recognition(words, length_s))
            clock.advance(0.4)

    committed_words(captions)
