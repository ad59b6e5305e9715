from __future__ import annotations

import pytest

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech import languages
from wav2vec2_app.speech.languages import language_code, language_name
from wav2vec2_app.speech.models import ModelChoice, is_openai_name, model_for_language

EMBEDDED = ModelChoice("embedded", "embedded", True, "en")
AUTO = ModelChoice("auto", "auto", True, "en")
GERMAN = ModelChoice("my-german", "my-german", True, "de")
MANY = ModelChoice("mms", "mms", True, "en", ("eng", "deu", "urd-script_arabic"))
UNKNOWN = ModelChoice("mystery", "mystery", True)
FAR = ModelChoice("far", "far", False)


def choices(*given: ModelChoice) -> dict[str, ModelChoice]:
    return {choice.name: choice for choice in given}


@pytest.mark.parametrize("row", languages._ROWS, ids=lambda row: row[0])
def test_every_spelling_of_a_language_has_its_code(row: list[str]) -> None:
    short, long, name = row

    for spelling in (
        short,
        long,
        name,
        short.upper(),
        name.title(),
        f"{short}-XX",
        f" {short}_XX.UTF-8 ",
    ):
        assert language_code(spelling) == short
        assert language_name(spelling) == name


@pytest.mark.parametrize("spelling", ["", "auto", "AUTO", " detect ", "und"])
def test_any_language_has_no_code(spelling: str) -> None:
    assert language_code(spelling) == ""


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("ger", "de"),
        ("fre", "fr"),
        ("cmn", "zh"),
        ("zh-Hant-TW", "zh"),
        ("Mandarin", "zh"),
        ("tlh", "tlh"),
    ],
)
def test_further_codes_and_names_are_understood(spelling: str, code: str) -> None:
    assert language_code(spelling) == code


@pytest.mark.parametrize(
    ("model", "language", "expected"),
    [
        ("auto", "", "auto"),
        ("auto", "en", "auto"),
        ("auto", "English", "auto"),
        ("auto", "de", "my-german"),
        ("auto", "ur", "mms:urd-script_arabic"),
        ("embedded", "en-US", "embedded"),
        ("my-german", "ger", "my-german"),
        ("mms", "en", "mms"),
        ("mms", "de", "mms:deu"),
        ("mms", "deu", "mms:deu"),
        ("mms:deu", "de", "mms:deu"),
        ("mms:deu", "en", "mms:eng"),
        ("mms:deu", "auto", "mms:deu"),
        ("mystery", "de", "mystery"),
        ("far", "de", "far"),
        ("nowhere", "de", "nowhere"),
    ],
)
def test_language_is_obeyed_by_models_that_have_it(
    model: str, language: str, expected: str
) -> None:
    known = choices(AUTO, EMBEDDED, GERMAN, MANY, UNKNOWN, FAR)

    assert model_for_language(model, language, known) == expected


@pytest.mark.parametrize(
    ("model", "language"),
    [
        ("auto", "ja"),
        ("embedded", "de"),
        ("my-german", "en"),
        ("mms", "fr"),
        ("mms:deu", "fr"),
        ("auto", "xx"),
    ],
)
def test_language_that_a_model_does_not_have_is_refused(model: str, language: str) -> None:
    with pytest.raises(InputError) as caught:
        model_for_language(model, language, choices(AUTO, EMBEDDED, GERMAN, MANY))

    assert caught.value.code == "language.unsupported"
    assert caught.value.hint


def test_default_of_the_server_decides_for_the_automatic_model() -> None:
    known = choices(AUTO, EMBEDDED, GERMAN)

    assert model_for_language("auto", "de", known, "my-german") == "auto"


@pytest.mark.parametrize(
    "name", ["", "auto", "embedded", "facebook/wav2vec2-base-960h", "base-960h"]
)
def test_name_of_another_model_is_not_openais(name: str) -> None:
    assert not is_openai_name(name)
