"""Hotwords in prompts of every script."""

from __future__ import annotations

import pytest

from wav2vec2_app.server.api.prompt import MAX_PROMPT_HOTWORDS, prompt_hotwords
from wav2vec2_app.speech.options import parse_options


@pytest.mark.parametrize(
    ("prompt", "terms"),
    [
        ("東京タワー、スカイツリー、渋谷", ["東京タワー", "スカイツリー", "渋谷"]),
        ("東京タワー。スカイツリー。渋谷。", ["東京タワー", "スカイツリー", "渋谷"]),
        ("「東京」、『大阪』", ["東京", "大阪"]),
        ("アルベルト・アインシュタイン、渋谷", ["アルベルト・アインシュタイン", "渋谷"]),
        ("北京，上海；广州！深圳？", ["北京", "上海", "广州", "深圳"]),
        ("서울, 부산, 대구 광역시", ["서울", "부산", "대구 광역시"]),
        ("القاهرة، الجيزة؛ الإسكندرية", ["القاهرة", "الجيزة", "الإسكندرية"]),
        ("القاهرة؟ الجيزة۔ أسوان", ["القاهرة", "الجيزة", "أسوان"]),
        ("दिल्ली। मुंबई। कोलकाता", ["दिल्ली", "मुंबई", "कोलकाता"]),
        ("አዲስ አበባ፣ ጎንደር። አክሱም", ["አዲስ አበባ", "ጎንደር", "አክሱም"]),
        ("ᠮᠣᠩᠭᠣᠯ᠃ ᠬᠣᠲᠠ", ["ᠮᠣᠩᠭᠣᠯ", "ᠬᠣᠲᠠ"]),
        ("ရန်ကုန်။ မန္တလေး", ["ရန်ကုန်", "မန္တလေး"]),
        ("ภาษาไทย, กรุงเทพ", ["ภาษาไทย", "กรุงเทพ"]),
        ("ירושלים. חיפה. תל אביב.", ["ירושלים", "חיפה", "תל אביב"]),
    ],
)
def test_terms_of_other_scripts_are_split_at_their_stops(prompt: str, terms: list[str]) -> None:
    assert [*prompt_hotwords(prompt)] == terms


@pytest.mark.parametrize(
    ("prompt", "names"),
    [
        ("DALL·E", ["DALL·E"]),
        ("We tried DALL·E and Wi‑Fi. Then O’Brien left.", ["DALL·E", "Wi‑Fi", "O’Brien"]),
        (
            "今日はChatGPTとDALL·Eについて詳しくお話ししていきたいと思います。渋谷。",
            ["ChatGPT", "DALL·E", "渋谷"],
        ),
        ("Мы встретили Анну Каренину в Москве. Потом ушли.", ["Анну", "Каренину", "Москве"]),
        ("Jean-Luc, Rock’n’Roll", ["Jean-Luc", "Rock’n’Roll"]),
    ],
)
def test_names_with_signs_inside_stay_joined(prompt: str, names: list[str]) -> None:
    assert [*prompt_hotwords(prompt)] == names


def test_long_sentence_without_capital_letters_is_no_hotword() -> None:
    assert prompt_hotwords("これは会議の録音であり参加者は五人でした。") == []


@pytest.mark.parametrize(
    "prompt", ["x" * 5000, "長" * 5000, "Name" * 100, "a, " * 50_000, "。" * 99, "· · ·", "-"]
)
def test_no_prompt_is_rejected(prompt: str) -> None:
    hotwords = prompt_hotwords(prompt)

    assert len(hotwords) <= MAX_PROMPT_HOTWORDS
    parse_options(hotwords=list(hotwords))
