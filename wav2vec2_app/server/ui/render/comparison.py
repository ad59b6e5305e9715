"""A comparison: the text, the cost and the differences of each variant, and the synthesis."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from wav2vec2_app.server import schema
from wav2vec2_app.server.orchestrator.comparison import VariantOutcome
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.languages import explained
from wav2vec2_app.server.ui.render import status, units
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT
from wav2vec2_app.speech.writing.transcripts import written


def idle() -> str:
    """Before the first comparison."""
    return f'<p class="w-hint">{texts.COMPARED_IDLE}</p>'


def progress(outcomes: Sequence[VariantOutcome]) -> str:
    """The status line while some variants are finished."""
    done = sum(one.recognition is not None for one in outcomes)
    text = texts.COMPARED_SO_FAR.format(done=done, count=len(outcomes))
    return status.line("running", text, done / len(outcomes))


def status_line(answer: schema.ComparisonResponse) -> str:
    """The status line at the end."""
    failed = sum(one.error is not None for one in answer.variants)
    count = len(answer.variants) - failed
    text = texts.COMPARED_SOME_FAILED if failed else texts.COMPARED
    return status.line("done" if count else "failed", text.format(count=count, failed=failed))


def running(outcomes: Sequence[VariantOutcome]) -> str:
    """The variants so far: texts of those that are finished."""
    return _list([_unfinished(one) for one in outcomes])


def finished(answer: schema.ComparisonResponse) -> str:
    """All variants with their differences, and the synthesis."""
    items = [_variant(one) for one in answer.variants]
    return _synthesis(answer) + _list(items) + _legend(answer)


# --- parts --------------------------------------------------------------------------------------


def _list(items: Sequence[str]) -> str:
    return f'<ul class="w-compared">{"".join(items)}</ul>'


def _unfinished(one: VariantOutcome) -> str:
    text = texts.COMPARE_WAITING
    if one.recognition is not None:
        text = escape(written(one.recognition.transcript, DEFAULT_EXPORT).text)
    state = "done" if one.recognition is not None else "waiting"
    return _item(one.variant.name, state, f'<p class="w-compared-text">{text}</p>', ())


def _variant(one: schema.VariantJson) -> str:
    if one.error is not None:
        text = f'<p class="w-compared-error">{escape(explained(one.error.message, one.error.hint))}</p>'
        return _item(one.name, "failed", text, (one.error.code,))
    body = _marked(one.differences) or texts.COMPARED_NO_WORDS
    return _item(one.name, "done", f'<p class="w-compared-text">{body}</p>', _facts(one))


def _item(name: str, state: str, body: str, facts: Sequence[str]) -> str:
    return f'<li data-state="{state}"><h3>{escape(name)}</h3>{body}{_line_of(facts)}</li>'


def _line_of(facts: Sequence[str]) -> str:
    items = "".join(f"<span>{escape(fact)}</span>" for fact in facts)
    return f'<p class="w-compared-facts">{items}</p>' if items else ""


def _facts(one: schema.VariantJson) -> list[str]:
    facts = [one.model.name] if one.model else []
    facts += [units.seconds(one.work_s)]
    if one.memory_bytes is not None:
        facts.append(texts.COMPARE_MEMORY.format(memory=units.memory(one.memory_bytes)))
    facts.append(texts.COMPARE_CONFIDENCE.format(share=units.percent(one.confidence)))
    return [*facts, *_errors(one.word_errors)]


def _errors(errors: schema.WordErrorsJson | None) -> list[str]:
    """The word error rate, where there is a reference."""
    if errors is None or errors.rate is None:
        return []
    return [texts.COMPARE_ERRORS.format(rate=units.percent(errors.rate))]


def _marked(parts: Sequence[schema.DifferenceJson]) -> str:
    return " ".join(_part(part) for part in parts)


def _part(part: schema.DifferenceJson) -> str:
    """A part of a text; how it differs is in a title too."""
    text = escape(part.text)
    if part.kind == "same":
        return text
    tag = {"added": "ins", "missing": "del"}.get(part.kind, "mark")
    return f'<{tag} title="{texts.DIFFERENCES[part.kind]}">{text}</{tag}>'


def _synthesis(answer: schema.ComparisonResponse) -> str:
    """The synthesis; words that some variants have differently say so."""
    synthesis = answer.synthesis
    if all(one.error is not None for one in answer.variants):
        return ""
    title = f"<h3>{texts.SYNTHESIS}</h3>"
    if synthesis is None:
        problem = answer.problem
        text = f"{problem.message} {problem.hint}" if problem is not None else ""
        return (
            f'<div class="w-synthesis">{title}<p class="w-compared-error">{escape(text)}</p></div>'
        )
    words = " ".join(_word(word) for word in synthesis.words) or texts.COMPARED_NO_WORDS
    facts = [texts.COMPARE_CONFIDENCE.format(share=units.percent(synthesis.confidence))]
    facts += _errors(synthesis.word_errors)
    return (
        f'<div class="w-synthesis">{title}<p class="w-compared-text">{words}</p>'
        f"{_line_of(facts)}</div>"
    )


def _word(word: schema.SynthesizedWordJson) -> str:
    if not word.alternatives:
        return escape(word.text)
    votes = [(word.text, word.origins), *((one.text, one.origins) for one in word.alternatives)]
    said = "; ".join(f"{', '.join(origins)}: {text or '–'}" for text, origins in votes)
    return f'<span class="w-disputed" title="{escape(said)}">{escape(word.text)}</span>'


def _legend(answer: schema.ComparisonResponse) -> str:
    kinds = {part.kind for one in answer.variants for part in one.differences} - {"same"}
    if not kinds:
        return ""
    against = texts.AGAINST_REFERENCE if answer.reference else texts.AGAINST_SYNTHESIS
    marks = " ".join(
        _part(schema.DifferenceJson(kind=kind, text=texts.DIFFERENCES[kind]))
        for kind in ("changed", "added", "missing")
        if kind in kinds
    )
    return f'<p class="w-hint w-compared-legend">{against} {marks}</p>'
