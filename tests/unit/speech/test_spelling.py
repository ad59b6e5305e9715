import pytest

from wav2vec2_app.speech.spelling import Speller

CAPITALS = ("<pad>", "<s>", "</s>", "<unk>", "|", *"ETAOINSHRDLUMWCFGYPBVK'XJQZ")


def speller(
    tokens: tuple[str, ...] = CAPITALS, delimiter: str = "|", language: str = "en"
) -> Speller:
    return Speller(tokens, 0, delimiter, frozenset({"<s>", "</s>", "<unk>"}), language)


def lower(letters: str) -> tuple[str, ...]:
    return ("<pad>", "|", *letters)


def read(text: str, by: Speller | None = None) -> str:
    """The words of ``text`` as spelled; ``*`` is a wildcard."""
    by = by or speller()
    return " ".join(
        " ".join("".join(by.tokens[token] for token in part) for part in word.parts) or "*"
        for word in by.spell(text)
    )


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("Hello, world!", "HELLO WORLD"),
        ("“don’t”", "DON'T"),
        ("'quoted'", "QUOTED"),
        ("well-known word—word and/or", "WELL KNOWN WORD WORD AND OR"),
        ("e.g. U.S.A. google.com", "EG USA GOOGLE COM"),
        ("naïve café Straße Ærø İ", "NAIVE CAFE STRASSE AERO I"),
        ("In 1984, 2005", "IN NINETEEN EIGHTY FOUR TWO THOUSAND AND FIVE"),
        ("1st 22nd", "FIRST TWENTY SECOND"),
        ("1980s 20s", "NINETEEN EIGHTIES TWENTIES"),
        ("$5.20 £1,000 €1", "FIVE DOLLARS TWENTY CENTS ONE THOUSAND POUNDS ONE EURO"),
        ("10:30 10:05 9:00", "TEN THIRTY TEN OH FIVE NINE"),
        ("3.14 50% -5", "THREE POINT ONE FOUR FIFTY PERCENT MINUS FIVE"),
        ("007 1234567890123", "ZERO ZERO SEVEN " + "ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE "
         "ZERO ONE TWO THREE"),
        ("R&B mp3 covid-19", "R AND B MP THREE COVID NINETEEN"),
        ("٣", "THREE"),
    ],
)  # fmt: skip
def test_english_is_spelled_as_it_is_read(text: str, spelled: str) -> None:
    assert read(text) == spelled


def test_words_keep_what_was_written() -> None:
    words = speller().spell("In “1984” — 東京 fell 😀 …")

    assert [word.text for word in words] == ["In", "“1984”", "東京", "fell"]
    assert [len(word.parts) for word in words] == [1, 3, 0, 1]


@pytest.mark.parametrize("word", ["東京", "½", "x²y", "Привет", "$" + "9" * 5000, "=?="])
def test_what_cannot_be_spelled_is_a_wildcard(word: str) -> None:
    [spelling] = speller(language="en" if word != "=?=" else "de").spell(word)

    assert spelling.wildcard


def test_row_of_digits_of_any_length_is_read_digit_by_digit() -> None:
    assert len(speller().spell("9" * 5000)[0].parts) == 5000


def test_lower_case_vocabulary_gets_lower_case() -> None:
    assert read("HELLO", speller(lower("helo"))) == "hello"


def test_mixed_case_vocabulary_keeps_case() -> None:
    assert read("Ab", speller(lower("ABab"))) == "Ab"


def test_accents_stay_where_the_vocabulary_has_them_composed_or_apart() -> None:
    assert read("Café", speller(lower("cafeé"))) == "café"
    assert read("Café", speller(lower("cafe\u0301"))) == "cafe\u0301"


def test_other_scripts_are_spelled() -> None:
    assert read("Привет, мир!", speller(lower("приветм"))) == "привет мир"
    assert read("हिन्दी", speller(lower("हिन्दी"))) == "हिन्दी"
    assert read("東京", speller(lower("東京"))) == "東京"


def test_digits_and_hyphens_stay_where_the_vocabulary_has_them() -> None:
    assert read("route 66", speller(lower("route6"))) == "route 66"
    assert read("well-known", speller(lower("welknow-"))) == "well-known"


def test_apostrophes_vanish_where_the_vocabulary_has_none() -> None:
    assert read("don't", speller(lower("dont"))) == "dont"


def test_tokens_of_several_letters_are_preferred() -> None:
    by = speller(("<pad>", "|", "c", "h", "ch", "a"))

    assert by.spell("cha")[0].parts == ((4, 5),)


def test_special_tokens_and_the_delimiter_are_never_spelled() -> None:
    assert speller().exactly("<s>") is None
    assert speller().exactly("A|B") is None


def test_vocabulary_without_delimiter_has_no_number_for_it() -> None:
    assert speller(("<pad>", "a"), delimiter="|").delimiter_id is None
    assert speller().delimiter_id == 4


def test_numbers_are_read_in_the_language_asked_for() -> None:
    letters = lower("abcdefghijklmnopqrstuvwxyzäöüß")

    assert read("21", speller(letters, language="de")) == "einundzwanzig"
    assert read("3. 50 %", speller(letters, language="de")) == "drei fünfzig *"


def test_unknown_language_leaves_numbers_to_the_wildcard() -> None:
    assert read("21 A", speller(language="xx")) == "* A"
