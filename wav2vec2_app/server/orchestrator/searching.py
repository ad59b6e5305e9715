"""Searches a recording, and stored results, for a word or a sound."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from wav2vec2_app.errors import InternalError
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.search import (
    Search,
    cut_stretch,
    no_query,
    parse_keyword,
    parse_limit,
    parse_stretch,
)
from wav2vec2_app.speech.transcript import Recognition

RunTask = Callable[[AudioTask], Awaitable[AudioResult]]
"""Runs a task to its end."""


@dataclass(frozen=True)
class SearchRequest:
    """What is searched for; ``query`` is the recording of a spoken query."""

    search: Search
    query: AudioSource | None = None


def parse_search(
    word: object,
    start: object,
    end: object,
    *,
    query: AudioSource | None = None,
    whole_words: bool = True,
    limit: object = None,
) -> SearchRequest:
    """A search as a client sends it: a word, else a spoken query, else a stretch.

    Raises:
        InputError: ``find.no_query``, and see :func:`parse_keyword`, :func:`parse_stretch` and
            :func:`parse_limit`.
    """
    most = parse_limit(limit)
    if isinstance(word, str) and word.strip():
        keyword = parse_keyword(word)
        return SearchRequest(Search(keyword=keyword, whole_words=whole_words, limit=most))
    if query is not None:
        return SearchRequest(Search(limit=most), query)
    if start in (None, "") and end in (None, ""):
        raise no_query()
    return SearchRequest(Search(stretch=parse_stretch(start, end), limit=most))


async def find(run: RunTask, task: AudioTask, wanted: SearchRequest) -> tuple[AudioResult, Search]:
    """The result of ``task`` with the hits, and the search with the emission in a spoken query.

    Nothing of it is stored in a history.

    Raises:
        Wav2Vec2Error: the query or the recording cannot be transcribed, or the search cannot be made.
    """
    search = await with_query(run, wanted, task.model, task.session)
    wants = frozenset({Want.HITS})
    return await run(replace(task, wants=wants, search=search, history="")), search


async def with_query(
    run: RunTask, wanted: SearchRequest, model: str = AUTO_MODEL, session: str = ""
) -> Search:
    """The search with the emission of a spoken query, which ``model`` computes.

    Raises:
        Wav2Vec2Error: the query cannot be transcribed.
    """
    if wanted.query is None:
        return wanted.search
    recognised = await run(AudioTask(wanted.query, model=model, session=session, history=""))
    return replace(wanted.search, query=_one(recognised).emitted.emission)


def elsewhere(search: Search, result: AudioResult) -> Search:
    """The same search in another recording: of a stretch, its sound."""
    return sound_of(search, _one(result))


def sound_of(search: Search, recognition: Recognition) -> Search:
    """The search for the sound of its stretch, which is one of ``recognition``.

    Raises:
        InputError: ``find.bad_stretch``.
    """
    if search.stretch is None:
        return search
    one = recognition.channels[0] if recognition.channels else recognition
    return replace(search, stretch=None, query=cut_stretch(one.emitted.emission, search.stretch))


def _one(result: AudioResult) -> Recognition:
    """The recognition of the recording, or of its first channel.

    Raises:
        InternalError: there is none.
    """
    recognition = result.recognition
    if recognition is None:
        raise InternalError("The query was not transcribed.", code="task.missing_input")
    return recognition.channels[0] if recognition.channels else recognition
