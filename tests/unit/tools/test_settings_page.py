"""The page of settings is generated, complete and up to date."""

from tools.settings_page import PAGE, page, sections
from wav2vec2_app.settings import Settings


def test_every_setting_is_on_the_page_once() -> None:
    names = [name for _, names in sections() for name in names]
    text = page()

    assert sorted(names) == sorted(Settings.model_fields)
    assert all(text.count(f"`WAV2VEC2_{name.upper()}` ") == 1 for name in names)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run python -m tools.settings_page"
