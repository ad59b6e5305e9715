"""The page in other languages: the table of translations, and which language a request gets."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
from starlette.datastructures import Headers

from tests.unit.server.ui.test_texts import strings
from wav2vec2_app.errors import BusyError, InputError
from wav2vec2_app.server.assets import PACKAGE_FOLDER, assets_path
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.languages import (
    FALLBACK_LANGUAGE,
    PAGE_LANGUAGES,
    TABLE,
    Languages,
    accepted,
    preferred,
    speaking,
    tables,
    translated,
)  # fmt: skip
from wav2vec2_app.server.ui.localized_page import LocalizedConfig, localize
from wav2vec2_app.server.ui.page import build_page
from wav2vec2_app.server.ui.render import cards, transcript
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.export_options import EXPORT_OPTIONS
from wav2vec2_app.speech.options import OPTIONS

LENGTHS = ("{} s long", "longer than {} s")
"""How long a recording is, in the error that it is too long."""
OTHERS = [code for code in PAGE_LANGUAGES if code != FALLBACK_LANGUAGE]


def all_texts() -> set[str]:
    found = {
        one for name in dir(texts) if name.isupper() and not name.startswith("_")
        for one in every(getattr(texts, name))
    }  # fmt: skip
    for option in (*OPTIONS, *EXPORT_OPTIONS):
        found |= {option.label, option.help, *(choice.label for choice in option.choices)}
    return found


def every(value: object) -> list[str]:
    return strings(dict(value) if hasattr(value, "keys") else value)


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_is_in_the_table(code: str) -> None:
    table = tables()[code]

    assert sorted(all_texts() - table.keys()) == []
    assert [english for english, other in table.items() if not other.strip()] == []


@pytest.mark.parametrize("code", OTHERS)
def test_translations_have_the_placeholders_of_the_text(code: str) -> None:
    def placeholders(text: str) -> list[str]:
        return sorted(re.findall(r"\{\w*\}", text))

    wrong = {
        english: other for english, other in tables()[code].items()
        if placeholders(english) != placeholders(other)
    }  # fmt: skip
    assert wrong == {}


def test_rows_of_the_table_are_complete_and_have_no_markup() -> None:
    rows = (assets_path() / "ui" / TABLE).read_text("utf-8").splitlines()

    assert rows[0].split("\t") == list(PAGE_LANGUAGES)
    assert {len(row.split("\t")) for row in rows} == {len(PAGE_LANGUAGES)}
    assert len({row.split("\t")[0] for row in rows}) == len(rows), "each text has one row"
    assert [row for row in rows if re.search(r"[<>]", row)] == []


@pytest.mark.parametrize("code", OTHERS)
def test_rows_beside_the_texts_are_of_errors(code: str) -> None:
    known = all_texts() | error_texts()

    assert sorted(text for text in tables()[code] if text not in known) == []


def error_texts() -> set[str]:
    """Messages and hints of all errors, with ``{}`` for what is filled in."""
    found = set()
    for file in PACKAGE_FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (getattr(part, "value", "") for part in node.values)
                found.add("".join(part if isinstance(part, str) else "{}" for part in parts))
    return found | {
        f"The recording is {length}; at most {{}} s are accepted." for length in LENGTHS
    }


def test_errors_have_the_language_of_the_request_and_keep_their_numbers() -> None:
    error = BusyError("The queue is full: 16 tasks are waiting.", hint="Try again in 2.5 s.")
    unknown = InputError("There is no track called “7”.", hint="Choose another.")

    with speaking("de"):
        card = cards.error_card(error, "id")
        assert "Warteschlange ist voll: 16 Aufgaben" in card
        assert "in 2.5 s erneut" in card
        assert unknown.message in cards.error_card(unknown, "id")
    assert error.message in cards.error_card(error, "id")


def test_texts_have_the_language_of_the_request() -> None:
    with speaking("de"):
        assert texts.TRANSCRIBE == "Transkribieren"
        assert texts.LEVELS["low"] == "geraten"
        assert texts.FOR_SCRIPTS["state"]["transcribe"] == "Transkribieren"
        assert "Pfeiltasten" in transcript.growing("clip.wav")
        assert translated("no such text") == "no such text"
    assert texts.TRANSCRIBE == "Transcribe"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"), ("it,fr;q=0.5,en;q=0.4", "fr"), ("en,de", "en"),
        ("de;q=0.1,es;q=0.9", "es"), ("de;q=0,fr;q=0.2", "fr"), ("", "en"), ("*", "en"),
        ("xx", "en"), ("de;q=x", "en"), (";;;,,,", "en"), ("DE", "de"),
    ],
)  # fmt: skip
def test_browser_gets_the_language_that_it_prefers(header: str, code: str) -> None:
    assert accepted(header) == code


def test_address_comes_before_the_cookie_and_the_browser() -> None:
    headers = {"accept-language": "fr", "cookie": "wav2vec2_language=es"}
    referer = {"referer": "http://server/?lang=de"}

    assert preferred("lang=de", Headers(headers)) == "de"
    assert preferred("", Headers({**headers, **referer})) == "de", "requests of a page"
    assert preferred("lang=xx", Headers(headers)) == "es"
    assert (
        preferred("", Headers({"accept-language": "fr", "cookie": "wav2vec2_language=x"})) == "fr"
    )


async def test_chosen_language_is_remembered_by_a_cookie_of_the_page_alone() -> None:
    sent: list[dict[str, object]] = []

    async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        body = texts.READY.encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [],
        "query_string": b"lang=de",
    }
    await Languages(app)(scope, None, send)  # type: ignore[arg-type]
    assert sent[1]["body"] == b"Bereit."
    headers = dict(sent[0]["headers"])  # type: ignore[call-overload]
    assert b"wav2vec2_language=de" in headers[b"set-cookie"]
    assert b"Accept-Language" in headers[b"vary"]

    sent.clear()
    await Languages(app)({**scope, "path": "/v1/models"}, None, send)  # type: ignore[arg-type]
    assert sent[0]["headers"] == []


async def test_first_page_has_no_text_in_english(orchestrator: ModelOrchestrator) -> None:
    settings, assets = Settings(), assets_path()
    page = build_page(orchestrator, settings, examples=(), assets=assets)
    english = page.config = page.get_config_file()  # type: ignore[assignment]
    localize(page, orchestrator, settings, examples=(), assets=assets)

    for code in OTHERS:
        with speaking(code):
            other = dict(page.config.items())
        table = tables()[code]
        shown = shown_texts(other)
        left = {one for one in shown if table.get(one, one) != one} - set(table.values())
        assert left == set(), code
        assert len(shown & set(table.values())) > 100
        for name in ("id", "type"):
            same = [[one[name] for one in config["components"]] for config in (other, english)]
            assert same[0] == same[1]
        assert f'"language": "{code}"' in str(other["js"])


def shown_texts(config: dict[str, object]) -> set[str]:
    """Labels, texts between tags, and attributes that users perceive."""
    found: set[str] = {str(config["title"])}
    for component in config["components"]:  # type: ignore[attr-defined]
        props = component["props"]
        if component["type"] in ("api", "json") or not isinstance(props, dict):
            continue
        for name in ("label", "info", "placeholder", "value"):
            value = props.get(name)
            if isinstance(value, str) and component["type"] != "state":
                found |= set(re.findall(r">([^<>]+)<", f">{value}<"))
                found |= set(re.findall(r'(?:aria-label|title|placeholder)="([^"]*)"', value))
        found |= {str(choice[0]) for choice in props.get("choices") or []}
    return {one.strip() for one in found if one.strip()}


def test_page_of_a_language_is_made_by_the_first_request_for_it() -> None:
    made: list[str] = []

    def make(code: str) -> dict[str, Any]:
        made.append(code)
        return {"title": "b"}

    config = LocalizedConfig({"title": "a"}, make)
    assert (config["title"], made) == ("a", [])
    with speaking("de"):
        assert (config["title"], config.get("title"), config.get("x", 1)) == ("b", "b", 1)
    assert (config["title"], made) == ("a", ["de"])
