import json
import re
from pathlib import Path

import pytest

from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.ui import page, texts

FOLDER = assets_path() / "ui"
PACKAGE = Path(page.__file__).parents[2]
MODULES = tuple(path.relative_to(FOLDER).as_posix() for path in sorted(FOLDER.glob("modules/*.js")))
SCRIPTS = ("page.js", "live.js", *MODULES)


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [one for part in value.values() for one in strings(part)]
    if isinstance(value, list | tuple):
        return [one for part in value for one in strings(part)]
    return []


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_have_no_texts_of_their_own(name: str) -> None:
    script = (FOLDER / name).read_text(encoding="utf-8")
    code = re.sub(r"/\*.*?\*/", "", script, flags=re.DOTALL)

    sentences = re.findall(r"""["'`][A-Z][a-z]+ [a-z]+ [^"'`]*["'`]""", code)

    assert sentences == []
    known = [one for one in strings(texts.FOR_SCRIPTS) if len(one) > 12]
    assert [one for one in known if one in code] == []


def test_scripts_find_every_text_they_use() -> None:
    live, microphone = texts.FOR_SCRIPTS["live"], texts.FOR_SCRIPTS["microphone"]
    tables = {
        "page.js": {"texts": texts.FOR_SCRIPTS, "texts.microphone": microphone},
        "live.js": {"texts": live, "microphoneTexts": microphone, "common": texts.FOR_SCRIPTS},
    }
    for name, by_variable in tables.items():
        script = (FOLDER / name).read_text(encoding="utf-8")
        for variable, table in by_variable.items():
            used = re.findall(rf"(?<![\w.]){re.escape(variable)}\.(\w+)", script)
            assert used
            assert set(used) <= set(table), (name, variable)


def test_modules_find_every_text_they_use() -> None:
    tables = {
        "choices.js": "player",
        "transcript.js": "player",
        "transport.js": "player",
        "waveform.js": "player",
        "search.js": "player",
        "pictures.js": "player",
        "source.js": "source",
        "state.js": "state",
        "comparison.js": "comparison",
        "editing.js": "editor",
        "speakers.js": "speakers",
        "stored_corrections.js": "editor",
        "editor.js": "editor",
        "retiming.js": "editor",
        "help.js": "help",
        "welcome.js": "ways",
        "history.js": "history",
        "batch.js": "batch",
        "find.js": "find",
    }
    for name, table in tables.items():
        script = (FOLDER / "modules" / name).read_text(encoding="utf-8")
        used = set(re.findall(r"(?<!config\.)\btexts\.(\w+)", script)) - {"accept", "cannotPlay"}
        assert used
        assert used <= set(texts.FOR_SCRIPTS[table]), name


def test_modules_have_an_address_of_their_own_for_each_version(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    module = tmp_path / "modules" / "main.js"
    module.write_text("1")
    first = page.modules_path(tmp_path)
    module.write_text("2")

    assert page.modules_path(tmp_path) != first
    assert first.startswith("/ui-")


def test_scripts_are_called_with_texts_and_options() -> None:
    script = page.scripts(FOLDER)

    assert json.dumps(texts.FOR_SCRIPTS, ensure_ascii=False) in script
    assert '"options": ["decoder", ' in script


def test_style_sheets_show_texts_by_variables_only() -> None:
    defined = set(re.findall(r"(--w-text-[\w-]+):", texts.css_variables()))
    sheets = "".join(Path(FOLDER / name).read_text() for name in page.STYLE_SHEETS)

    assert set(re.findall(r"var\((--w-text-[\w-]+)\)", sheets)) == defined
    assert set(re.findall(r'content: "([^"]*)"', sheets)) == {""}


def test_texts_are_in_sentence_case() -> None:
    labels = [texts.DECODING_OPTIONS, texts.PICTURES, texts.EXPORT_TRANSCRIPT, texts.ALIGNMENT]
    labels += [*texts.STAGES.values(), *texts.RUNNING.values(), *texts.WORD_COLUMNS]

    for label in labels:
        first, *rest = label.split()
        assert first[0].isupper(), label
        assert not [word for word in rest if word != word.lower()], label


def test_every_stage_of_a_worker_has_a_label() -> None:
    code = [path.read_text("utf-8") for path in (PACKAGE / "worker" / "operations").glob("*.py")]
    stages = {
        name for one in code for name in re.findall(r'(?:sequence\(\{|times_s\[)"([a-z ]+)"', one)
    }

    assert {"forward", "punctuate", "align"} <= stages
    assert stages <= texts.STAGES.keys()
