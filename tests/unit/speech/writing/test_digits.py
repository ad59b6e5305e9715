import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from num2words import num2words

from wav2vec2_app.speech.writing import number_words
from wav2vec2_app.speech.writing.clauses import number_spans

CASES = {
    # cardinals
    "zero": "0",
    "six": "6",
    "twelve eggs": "12 eggs",
    "twenty one": "21",
    "twenty-one cats": "21 cats",
    "ninety nine": "99",
    "one hundred": "100",
    "one hundred and five cats": "105 cats",
    "a hundred and five": "105",
    "three hundred sixty five days": "365 days",
    "twenty five hundred": "2,500",
    "one thousand two hundred": "1,200",
    "five thousand": "5,000",
    "a thousand and one nights": "1,001 nights",
    "sixty four thousand": "64,000",
    "one hundred twenty three thousand four hundred fifty six": "123,456",
    "two million": "2 million",
    "two million three hundred thousand": "2,300,000",
    "seven billion stars": "7 billion stars",
    "one hundred two hundred": "100 200",
    # decimals and fractions
    "three point one four": "3.14",
    "zero point five": "0.5",
    "one point five million": "1.5 million",
    "version two point eleven": "version 2.11",
    "two and a half": "2½",
    "one and a half million": "1½ million",
    "two thirds of it": "2/3 of it",
    "one half": "1/2",
    "three quarters": "3/4",
    "one tenth": "1/10",
    # signs
    "minus five degrees": "-5 degrees",
    "ten minus five": "10 minus 5",
    "ten percent": "10%",
    "ten per cent of it": "10% of it",
    "ninety nine point nine percent": "99.9%",
    "one percent": "1%",
    # money
    "five dollars": "$5",
    "one dollar": "$1",
    "five dollars and twenty cents": "$5.20",
    "five dollars five cents": "$5.05",
    "twenty euros": "€20",
    "five million dollars": "$5 million",
    "one point five billion euros": "€1.5 billion",
    "twenty cents": "20 cents",
    "minus five dollars": "-$5",
    # ordinals and dates
    "twenty first century": "21st century",
    "the tenth man": "the 10th man",
    "the eleventh hour": "the 11th hour",
    "one hundred and first": "101st",
    "twenty second": "22nd",
    "thirty third": "33rd",
    "march third": "march 3rd",
    "the third of march": "the 3rd of march",
    # years
    "nineteen eighty four": "1984",
    "in nineteen oh five": "in 1905",
    "twenty twenty one": "2021",
    "two thousand and five": "2005",
    "two thousand nineteen": "2019",
    "seventeen seventy six": "1776",
    "nineteen hundred": "1900",
    "nineteen eighties": "1980s",
    # times
    "three thirty p m": "3:30 p.m.",
    "seven am": "7 a.m.",
    "at three thirty": "at 3:30",
    "at ten oh five": "at 10:05",
    "five o'clock": "5 o'clock",
    # digits, one by one
    "five five five one two three four": "5551234",
    "nine one one": "911",
    "double oh seven": "007",
    "two oh five": "205",
    "one two three four": "1 2 3 4",
    "three two one go": "3 2 1 go",
    # the rest
    "chapter one": "chapter 1",
    "one or two days": "1 or 2 days",
    "twenty four seven": "24/7",
    "fifty fifty": "50/50",
    "fifteen twenty minutes": "15 20 minutes",
    "thirty forty cats": "30 40 cats",
    # punctuation
    "He has twenty-five, I have thirty.": "He has 25, I have 30.",
    "(twenty one)": "(21)",
    "“Three p.m.” he said": "“3 p.m.” he said",
    "twenty, thirty": "20, 30",
}
"""What is spoken, and how it is written."""

PLAIN = (
    "one by one", "one of them", "the one that came", "one another", "one should not ask why",
    "one else", "anyone", "the second time", "wait a second", "one second", "at first", "first of all",
    "the third man", "a third of it", "half of it", "a half", "a quarter to", "the point is",
    "at this point", "point taken", "a hundred times", "hundreds of cats", "thousands of years",
    "a million thanks", "millions", "oh dear", "oh one more", "per cent", "the dollars", "cents",
    "i am at home", "pm", "o'clock", "may first ask", "to be or not to be", "too late for that",
    "he won it", "they ate", "for ever", "and a half", "minus the cost", "double trouble",
    "the eighties", "quarterly", "tenant", "often", "weighty", "freight", "sixpence", "threefold",
    "three thirty", "eleven thirty", "nine eleven", "once upon a time there were",
    "sweet are the uses of adversity", "the one thing i want", "this one or that one",
)  # fmt: skip
"""What stays unchanged."""


def in_digits(text: str) -> str:
    words = text.split()
    found: list[str] = []
    at = 0
    for number in number_spans(words):
        found += [*words[at : number.start], number.text]
        at = number.end
    return " ".join([*found, *words[at:]])


@pytest.mark.parametrize(("spoken", "expected"), CASES.items(), ids=CASES)
def test_number_is_written_as_digits(spoken: str, expected: str) -> None:
    assert in_digits(spoken) == expected


def test_table_of_cases_is_large_enough() -> None:
    assert len(CASES) >= 60
    assert len(PLAIN) >= 50


@pytest.mark.parametrize("text", PLAIN)
def test_plain_words_are_not_altered(text: str) -> None:
    assert in_digits(text) == text
    assert in_digits(text.capitalize()) == text.capitalize()


@pytest.mark.parametrize(("spoken", "expected"), CASES.items(), ids=CASES)
def test_digits_are_not_altered_again(spoken: str, expected: str) -> None:
    assert in_digits(expected) == expected or "oh" in expected


@pytest.mark.parametrize(
    "value", [*range(2, 130), *range(130, 1000, 37), *range(1001, 999_999, 7919)]
)
def test_cardinal_means_its_number(value: int) -> None:
    spoken = num2words(value).replace(",", "").replace("-", " ")

    assert in_digits(spoken).replace(",", "") == str(value)


@pytest.mark.parametrize("value", [*range(10, 130), *range(130, 3000, 41)])
def test_ordinal_means_its_number(value: int) -> None:
    spoken = num2words(value, to="ordinal").replace(",", "").replace("-", " ")

    assert in_digits(spoken) == num2words(value, to="ordinal_num").replace(
        str(value), f"{value:,}"
    )  # fmt: skip


@pytest.mark.parametrize(
    "year", [*range(1310, 2000, 13), *range(2001, 2010), *range(2013, 2099, 7)]
)
def test_year_means_its_number(year: int) -> None:
    spoken = num2words(year, to="year").replace("-", " ")

    assert in_digits(f"in {spoken} it was") == f"in {year} it was"


@pytest.mark.parametrize("amount", ["1.10", "2.05", "20.99", "310.50"])
def test_amount_means_its_number(amount: str) -> None:
    dollars, cents = amount.split(".")
    spoken = f"{num2words(int(dollars))} dollars and {num2words(int(cents))} cents"

    assert in_digits(spoken) == f"${amount}"


calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
plain_words = st.sampled_from(
    [
        "the",
        "a",
        "and",
        "of",
        "to",
        "is",
        "was",
        "over",
        "river",
        "house",
        "green",
        "walk",
        "often",
        "tenant",
        "weighty",
        "at",
        "i",
        "no",
        "point",
    ]
)


@calm
@given(st.lists(plain_words, max_size=12).map(" ".join))
def test_text_without_number_words_never_changes(text: str) -> None:
    assert in_digits(text) == text


number_like = st.sampled_from(
    [
        *number_words.NUMBER_WORDS, *number_words.ORDINALS, *number_words.PARTS, *number_words.DECADES,
        "and", "a", "point", "minus", "oh", "percent", "dollars", "cents", "pm", "at", "double", "cat",
        "one-two", "twenty-one", "half,", "five.",
    ]
)  # fmt: skip


@calm
@given(st.lists(number_like, max_size=10))
def test_spans_of_any_number_words_are_in_order_and_inside(words: list[str]) -> None:
    at = 0
    for number in number_spans(words):
        assert at <= number.start < number.end <= len(words)
        assert re.search(r"\d|[ap]\.m|million|billion|trillion|thousand", number.text)
        at = number.end
