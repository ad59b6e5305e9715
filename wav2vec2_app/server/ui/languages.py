"""The languages of the page: which one a request wants, and the table of translations.

``assets/ui/translations.tsv`` has a row for each text of ``texts.py`` and a column for each language; a text
that has no row is shown in English.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from http.cookies import CookieError, SimpleCookie
from types import MappingProxyType
from typing import Final, TypeVar
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wav2vec2_app.server.assets import assets_path

FALLBACK_LANGUAGE: Final = "en"
PAGE_LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {FALLBACK_LANGUAGE: "English", "de": "Deutsch", "fr": "Français", "es": "Español"}
)
"""Each language by its code, with its own name."""
TABLE: Final = "translations.tsv"
PARAMETER: Final = "lang"
"""Name in the query of the page's address, which its other requests have as their referer."""
LANGUAGE_COOKIE: Final = "wav2vec2_language"
LANGUAGE_AGE_S: Final = 365 * 24 * 3600
LANGUAGE_IN_SCOPE: Final = "wav2vec2.language"
"""Key of the language in the ASGI scope: Gradio runs requests in tasks of its queue."""

_CURRENT: ContextVar[str] = ContextVar("language", default=FALLBACK_LANGUAGE)
T = TypeVar("T")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def current_language() -> str:
    """The code of the language that texts have now."""
    return _CURRENT.get()


def set_language(code: str) -> None:
    """Texts have another language from now on, in the current task; an unknown one changes nothing."""
    if code in PAGE_LANGUAGES:
        _CURRENT.set(code)


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Texts in the block have the language ``code``."""
    token = _CURRENT.set(code)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def translated(value: T) -> T:
    """A text, or a structure of texts, in the current language; English where there is no translation."""
    code = _CURRENT.get()
    return value if code == FALLBACK_LANGUAGE else _translated(value, tables()[code])


def translated_error(text: str) -> str:
    """The message or the hint of an error in the current language; English where there is no translation.

    The table has ``{}`` for each of its numbers, in the same order in all languages.
    """
    pattern = _NUMBER.sub("{}", text)
    found = translated(text)
    if found != text or pattern == text:
        return found
    other = translated(pattern)
    return text if other == pattern else other.format(*_NUMBER.findall(text))


def explained(message: str, hint: str) -> str:
    """What is wrong and what helps, in the current language."""
    return f"{translated_error(message)} {translated_error(hint)}"


@functools.cache
def tables() -> Mapping[str, Mapping[str, str]]:
    """The translations by language, then by the English text."""
    lines = (assets_path() / "ui" / TABLE).read_text(encoding="utf-8").splitlines()
    codes, *rows = (line.split("\t") for line in lines)
    columns = range(1, len(codes))
    return {codes[column]: {row[0]: row[column] for row in rows} for column in columns}


def _translated(value: T, table: Mapping[str, str]) -> T:
    found: object = value
    if isinstance(value, str):
        found = table.get(str(value), value)
    elif isinstance(value, tuple):
        found = tuple(_translated(one, table) for one in value)
    elif isinstance(value, list):
        found = [_translated(one, table) for one in value]
    elif isinstance(value, Mapping):
        found = {key: _translated(one, table) for key, one in value.items()}
    return found  # type: ignore[return-value]


# --- which language a request wants -------------------------------------------------------------


def preferred(query: str, headers: Headers) -> str:
    """The language of a request: by its address, its page's address, the cookie, or what it accepts."""
    referer = urlsplit(headers.get("referer", "")).query
    for code in (chosen(query), chosen(referer), _cookie(headers)):
        if code:
            return code
    return accepted(headers.get("accept-language", ""))


def chosen(query: str) -> str:
    """The language that the query of an address names; empty if it names none that there is."""
    code = parse_qs(query).get(PARAMETER, [""])[-1].lower()
    return code if code in PAGE_LANGUAGES else ""


def accepted(header: str) -> str:
    """The first language in the order of an ``Accept-Language`` header, else English."""
    offers: list[tuple[float, int, str]] = []
    for number, part in enumerate(header[:1000].split(",")):
        tag, _, weight = part.strip().partition(";")
        code = tag.split("-")[0].strip().lower()
        offers.append((-_weight(weight), number, code))
    known = (code for weight, _, code in sorted(offers) if weight < 0 and code in PAGE_LANGUAGES)
    return next(known, FALLBACK_LANGUAGE)


def _weight(parameter: str) -> float:
    """``q=0.8`` is 0.8; 1 without it, and 0 for anything else."""
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    with suppress(ValueError):
        return float(value) if name.strip() == "q" else 0.0
    return 0.0


def _cookie(headers: Headers) -> str:
    with suppress(CookieError):
        morsel = SimpleCookie(headers.get("cookie", "")).get(LANGUAGE_COOKIE)
        return morsel.value if morsel is not None and morsel.value in PAGE_LANGUAGES else ""
    return ""


class Languages:
    """ASGI middleware: each request gets its language, and a browser remembers the one that it chose."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        code = preferred(query, Headers(scope=scope))
        scope[LANGUAGE_IN_SCOPE] = code
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        page = scope["method"] == "GET" and path in ("", "/", "/status")
        with speaking(code):
            await self._app(scope, receive, _noting(send, chosen(query)) if page else send)


def _noting(send: Send, code: str) -> Send:
    """Tell caches what the page depends on, and the browser which language it chose."""

    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.add_vary_header("Accept-Language, Cookie")
            if code:
                cookie = f"{LANGUAGE_COOKIE}={code}; Path=/; Max-Age={LANGUAGE_AGE_S}; SameSite=Lax"
                headers.append("set-cookie", cookie)
        await send(message)

    return noting
