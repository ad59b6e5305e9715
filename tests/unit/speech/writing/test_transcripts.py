from dataclasses import replace

import pytest

from tests.unit.speech.transcripts import make_transcript
from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, parse_export
from wav2vec2_app.speech.replacement_rules import MAX_RULE_CHARACTERS, MAX_RULES
from wav2vec2_app.speech.transcript import Transcript, Word
from wav2vec2_app.speech.writing.transcripts import written


def rewrite(text: str, language: str = "en", **options: object) -> Transcript:
    transcript = make_transcript(text)
    model = replace(transcript.model, language=language)
    return written(replace(transcript, model=model), parse_export(**options))


def spans(transcript: Transcript) -> list[tuple[str, float, float]]:
    return [(one.text, round(one.start_s, 2), round(one.end_s, 2)) for one in transcript.words]


# --- nothing requested --------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["UM I HAVE TWENTY ONE", "Um, I have 21.", "今天 天气", ""])
def test_defaults_change_the_letter_case_only(text: str) -> None:
    before = make_transcript(text)

    after = written(before, DEFAULT_EXPORT)

    assert after.text.lower() == text.lower()
    assert [one.text.lower() for one in after.words] == text.lower().split()
    assert [(one.start_s, one.end_s) for one in after.words] == [
        (one.start_s, one.end_s) for one in before.words
    ]


def test_raw_text_is_what_the_model_wrote() -> None:
    assert written(make_transcript("HELLO THERE"), parse_export("raw")).text == "HELLO THERE"


# --- replacements -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rule", "expected"),
    [
        ("I AM GONNA GO", "gonna = going to", "I am going to go"),
        ("GONNA GO", "gonna = going to", "Going to go"),
        ("IPHONE FIRST", "iphone = iPhone", "iPhone first"),
        ("FROM ACME CORP TODAY", "acme corp => ACME Corp.", "From ACME Corp. today"),
        ("SO YOU KNOW IT IS", "you know =", "So it is"),
        ("YOU KNOW IT IS", "you know =", "It is"),
        ("YOU KNOW GONNA GO", "you know =; gonna = going to", "Going to go"),
        ("THE CAT SAT", "CAT -> dog", "The dog sat"),
        ("THE CAT SAT", "cat → dog", "The dog sat"),
        ("THE CATS SAT", "cat = dog", "The cats sat"),
        ("a cat, a Cat. (cat)", "cat = dog", "a dog, a dog. (dog)"),
        ("New, York", "new york = NYC", "New, York"),
        ("in New York.", "new york = NYC", "in NYC."),
        ("DON'T GO", "don’t = do not", "Do not go"),
        ("I SAW I", "i = we", "We saw we"),
        ("A B C", "a b = x; a b c = y", "Y"),
        ("A A A", "a a = b", "B A"),
        ("ONE TWO", "one = two; two = one", "Two one"),
        ("SMILE", "smile = 🙂", "🙂"),
        ("X", "x = <b>y</b>", "<b>y</b>"),
        ("X Y", "x = a = b", "A = b y"),
        ("über alles", "ÜBER = Über", "Über alles"),
        ("STREET", "street = St.", "St."),
    ],
)
def test_rule_is_applied(text: str, rule: str, expected: str) -> None:
    found = rewrite(text, replacements=rule)

    assert found.text == expected or found.text.lower() == expected.lower() == "b a"
    assert " ".join(one.text for one in found.words) == found.text


def test_words_in_place_of_one_divide_its_time() -> None:
    assert spans(rewrite("I GONNA GO", replacements="gonna = going to")) == [
        ("I", 0.0, 0.3), ("going", 0.4, 0.61), ("to", 0.61, 0.7), ("go", 0.8, 1.1),
    ]  # fmt: skip


def test_word_in_place_of_several_has_their_time() -> None:
    assert spans(rewrite("AT ACME CORP NOW", replacements="acme corp = ACME")) == [
        ("At", 0.0, 0.3), ("ACME", 0.4, 1.1), ("now", 1.2, 1.5),
    ]  # fmt: skip


def test_as_many_words_keep_their_own_times() -> None:
    before = make_transcript("THE RED CAT")

    after = written(before, parse_export(replacements="red cat = blue dog"))

    assert [(one.start_s, one.end_s) for one in after.words] == [
        (one.start_s, one.end_s) for one in before.words
    ]


def test_joined_words_are_as_certain_as_the_least_certain_one() -> None:
    transcript = make_transcript("acme corp", [0.9, 0.4])

    assert (
        written(transcript, parse_export(replacements="acme corp = ACME")).words[0].confidence
        == 0.4
    )


def test_last_rule_for_the_same_words_counts() -> None:
    assert rewrite("CAT", replacements="cat = dog\nCat = bird").text == "Bird"


def test_replaced_words_are_not_changed_by_later_rules() -> None:
    found = rewrite(
        "TWO CATS UM", replacements="two = twenty one; um = um", numbers="digits", fillers="remove"
    )

    assert found.text == "Twenty one cats um"


def test_text_with_other_blanks_keeps_them() -> None:
    transcript = replace(make_transcript("a cat sat"), text="a  cat\nsat")

    assert written(transcript, parse_export(replacements="cat = dog")).text == "a  dog\nsat"


def test_text_that_does_not_have_the_words_is_written_from_them() -> None:
    transcript = replace(make_transcript("a cat sat"), text="something else")

    assert written(transcript, parse_export(replacements="cat = dog")).text == "a dog sat"


def test_words_of_one_channel_are_replaced_across_those_of_another() -> None:
    words = (
        Word("new", 0.0, 0.4, 1.0, 1), Word("yes", 0.3, 0.5, 1.0, 2), Word("york", 0.5, 0.9, 1.0, 1),
    )  # fmt: skip
    transcript = replace(make_transcript("x"), text="new york\nyes", words=words)

    found = written(transcript, parse_export(replacements="new york = NYC"))

    assert [(one.text, one.channel) for one in found.words] == [("NYC", 1), ("yes", 2)]
    assert found.text.splitlines() == ["NYC", "yes"]


@pytest.mark.parametrize("separator", ["\n", "\r\n", ";", "\n\n", " ; "])
def test_rules_are_separated_by_lines_or_semicolons(separator: str) -> None:
    assert parse_export(replacements=f"a = b{separator}c = d").replacements == ("a = b", "c = d")


def test_rules_may_be_a_list() -> None:
    assert parse_export(replacements=["a = b", "c = d; e ="]).replacements == (
        "a = b",
        "c = d",
        "e = ",
    )


def test_parsed_rules_can_be_parsed_again() -> None:
    once = parse_export(replacements="A  b => c = d; x =")

    assert parse_export(replacements=list(once.replacements)) == once


@pytest.mark.parametrize(
    "rules",
    [
        "no separator", "= nothing before", "... = dots", "=", "a = b; c", "x" * MAX_RULE_CHARACTERS + " = y",
        "\n".join(f"w{n} = x" for n in range(MAX_RULES + 1)), "a = b\n" * 50_000, 5, {"a": "b"}, [1], [None],
    ],
)  # fmt: skip
def test_bad_rule_is_explained(rules: object) -> None:
    with pytest.raises(InputError) as caught:
        parse_export(replacements=rules)

    assert caught.value.code == "export.bad_value"
    assert caught.value.metadata["field"] == "replacements"
    assert caught.value.hint


# --- fillers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("UM I THINK UH SO", "en", "I think so"),
        ("I THINK UMM UHH UHM ERM HMM SO", "", "I think so"),
        ("Um, so I, uh, paid.", "en", "So I paid."),
        ("Yes, um. And no.", "en", "Yes. And no."),
        ("Well um... it is", "en", "Well… it is"),
        ("UH HUH MM HMM", "en", "Uh huh mm hmm"),
        ("UH-HUH", "en", "Uh-huh"),
        ("UM DIE ECKE ÄHM UND ÖH ER", "de", "Um die ecke und er"),
        ("EUH OUI HEU NON", "fr", "Oui non"),
        ("um dia", "pt", "um dia"),
        ("er ist da", "nl", "er ist da"),
        ("5 mm of rain", "en", "5 mm of rain"),
        ("The ER is open", "en", "The ER is open"),
        ("TO ERR IS HUMAN", "en", "To err is human"),
        ("AH OH LIKE WELL", "en", "Ah oh like well"),
        ("HUM A TUNE", "en", "Hum a tune"),
        ("UM", "en", ""),
        ("HM HM UM UH", "en", ""),
    ],
)
def test_filler_words_are_removed(text: str, language: str, expected: str) -> None:
    found = rewrite(text, language, fillers="remove")

    assert found.text.replace("...", "…") == expected
    assert " ".join(one.text for one in found.words) == found.text


def test_removed_fillers_leave_the_times_of_the_others() -> None:
    assert spans(rewrite("UM I AM", fillers="remove")) == [("I", 0.4, 0.7), ("am", 0.8, 1.1)]


def test_fillers_of_raw_capitals_are_removed_too() -> None:
    assert rewrite("UM ER SO IT IS", fillers="remove", letter_case="raw").text == "SO IT IS"


# --- digits -------------------------------------------------------------------------------------


def test_number_has_the_time_of_its_words() -> None:
    assert spans(rewrite("I HAVE TWENTY ONE CATS", numbers="digits")) == [
        ("I", 0.0, 0.3), ("have", 0.4, 0.7), ("21", 0.8, 1.5), ("cats", 1.6, 1.9),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("TWENTY ONE CATS", "en", "21 cats"),
        ("TWENTY ONE CATS", "", "21 cats"),
        ("SIX EST SIX", "fr", "Six est six"),
        ("Twenty-one, please.", "en", "21, please."),
        ("FIVE MILLION DOLLARS AT SEVEN P M", "en", "$5 million at 7 p.m."),
        ("ONE OF US SAID A SECOND WORD", "en", "One of us said a second word"),
    ],
)
def test_numbers_of_english_become_digits(text: str, language: str, expected: str) -> None:
    assert rewrite(text, language, numbers="digits").text == expected


def test_raw_numbers_become_digits_too() -> None:
    assert rewrite("TWENTY ONE CATS", numbers="digits", letter_case="raw").text == "21 CATS"


def test_everything_at_once() -> None:
    found = rewrite(
        "UM ACME CORP PAID UH TWENTY ONE DOLLARS",
        replacements="acme corp = ACME",
        fillers="remove",
        numbers="digits",
    )

    assert found.text == "ACME paid $21"
    assert spans(found) == [("ACME", 0.4, 1.1), ("paid", 1.2, 1.5), ("$21", 2.0, 3.1)]
