"""The header that is shown while the page loads."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from wav2vec2_app.server.ui import first_paint, gradio_internals
from wav2vec2_app.server.ui.first_paint import TEMPLATE, insert_html, show_header_first

DOCUMENT = "<body>{{ title }}<gradio-app></gradio-app></body>"


@pytest.fixture
def environment() -> Environment:
    return Environment(
        loader=DictLoader({TEMPLATE: DOCUMENT, "other.html": "other"}), autoescape=True
    )


def test_html_is_inserted_before_the_page_and_kept_as_it_is(environment: Environment) -> None:
    insert_html(environment, "<b>{{ title }} {% if %}</b>")

    document = environment.get_template(TEMPLATE).render(title="Page")
    assert document == "<body>Page<b>{{ title }} {% if %}</b><gradio-app></gradio-app></body>"
    assert environment.get_template("other.html").render() == "other"


def test_html_is_inserted_once(environment: Environment) -> None:
    for _ in range(3):
        insert_html(environment, "<b>first</b>")

    assert environment.get_template(TEMPLATE).render().count("<b>first</b>") == 1


def test_html_is_left_out_with_another_version_of_gradio(
    monkeypatch: pytest.MonkeyPatch, environment: Environment, tmp_path: Path
) -> None:
    file = tmp_path / "first.html"
    file.write_text("<b>first</b>", encoding="utf-8")
    monkeypatch.setattr(first_paint.routes.templates, "env", environment)
    monkeypatch.setattr(gradio_internals, "installed_version", lambda: "99.0.0")

    show_header_first(file)

    assert "first" not in environment.get_template(TEMPLATE).render()
