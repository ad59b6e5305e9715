import pytest

from wav2vec2_app.speech.tokenization import TextTokenizer

CAPITALS = ("<pad>", "<s>", "</s>", "<unk>", "|", *"ETAOINSHRDLUMWCFGYPBVK'XJQZ")


def tokenizer(
    tokens: tuple[str, ...] = CAPITALS, delimiter: str = "|", language: str = "en"
) -> TextTokenizer:
    return TextTokenizer(tokens, 0, delimiter, frozenset({"<s>", "</s>", "<unk>"}), language)


def lower(letters: str) -> tuple[str, ...]:
    return ("<pad>", "|", *letters)


def spelled(text: str, by: TextTokenizer | None = None) -> str:
    """The tokens of ``text`` as words; ``*`` is a wildcard."""
    by = by or tokenizer()
    return " ".join(
        " ".join("".join(by.tokens[token] for token in part) for part in word.parts) or "*"
        for word in by.tokenize(text)
    )


@pytest.mark.parametrize(
    ("text", "expected"),
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
        ("x²y CO₂ ½", "X SQUARED Y CO TWO ONE HALF"),
        ("1 000 000 seats", "ONE MILLION SEATS"),
        ("EM3985771", "EM THREE NINE EIGHT FIVE SEVEN SEVEN ONE"),
        ("5 km, 2-3 5/6 #1", "FIVE KILOMETERS TWO TO THREE FIVE SIXTHS NUMBER ONE"),
    ],
)  # fmt: skip
def test_english_is_spelled_as_it_is_spoken(text: str, expected: str) -> None:
    assert spelled(text) == expected


def test_words_keep_what_was_written() -> None:
    words = tokenizer().tokenize("In “1984” — 東京 fell 😀 …")

    assert [word.text for word in words] == ["In", "“1984”", "東京", "fell"]
    assert [len(word.parts) for word in words] == [1, 3, 0, 1]


@pytest.mark.parametrize("word", ["東京", "Привет", "$" + "9" * 5000, "=?="])
def test_word_that_cannot_be_encoded_is_a_wildcard(word: str) -> None:
    [tokenized] = tokenizer(language="en" if word != "=?=" else "xx").tokenize(word)

    assert tokenized.wildcard


def test_long_number_is_verbalized_digit_by_digit() -> None:
    assert len(tokenizer().tokenize("9" * 5000)[0].parts) == 5000


def test_lower_case_vocabulary_gets_lower_case() -> None:
    assert spelled("HELLO", tokenizer(lower("helo"))) == "hello"


def test_mixed_case_vocabulary_keeps_case() -> None:
    assert spelled("Ab", tokenizer(lower("ABab"))) == "Ab"


def test_accents_stay_where_the_vocabulary_has_them_composed_or_apart() -> None:
    assert spelled("Café", tokenizer(lower("cafeé"))) == "café"
    assert spelled("Café", tokenizer(lower("cafe\u0301"))) == "cafe\u0301"


def test_other_scripts_are_spelled() -> None:
    assert spelled("Привет, мир!", tokenizer(lower("приветм"))) == "привет мир"
    assert spelled("हिन्दी", tokenizer(lower("हिन्दी"))) == "हिन्दी"
    assert spelled("東京", tokenizer(lower("東京"))) == "東京"


def test_digits_and_hyphens_stay_where_the_vocabulary_has_them() -> None:
    assert spelled("route 66", tokenizer(lower("route6"))) == "route 66"
    assert spelled("well-known", tokenizer(lower("welknow-"))) == "well-known"


def test_apostrophes_vanish_where_the_vocabulary_has_none() -> None:
    assert spelled("don't", tokenizer(lower("dont"))) == "dont"


def test_tokens_of_several_letters_are_preferred() -> None:
    by = tokenizer(("<pad>", "|", "c", "h", "ch", "a"))

    assert by.tokenize("cha")[0].parts == ((4, 5),)


def test_special_tokens_and_the_delimiter_are_never_spelled() -> None:
    assert tokenizer().encode("<s>") is None
    assert tokenizer().encode("A|B") is None


def test_vocabulary_without_delimiter_has_no_number_for_it() -> None:
    assert tokenizer(("<pad>", "a"), delimiter="|").delimiter_id is None
    assert tokenizer().delimiter_id == 4


def test_numbers_are_verbalized_in_the_given_language() -> None:
    letters = lower("abcdefghijklmnopqrstuvwxyzäöüß")

    assert spelled("21", tokenizer(letters, language="de")) == "einundzwanzig"
    assert spelled("3. 50 %", tokenizer(letters, language="de")) == "drei fünfzig prozent"


def test_roman_ordinals_of_french_are_verbalized() -> None:
    letters = lower("abcdefghijklmnopqrstuvwxyzéèêàç'")

    assert spelled("Le XXe siècle", tokenizer(letters, language="fr")) == "le vingtième siècle"


def test_unknown_language_leaves_numbers_to_the_wildcard() -> None:
    assert spelled("21 A", tokenizer(language="xx")) == "* A"
