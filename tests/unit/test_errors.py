import pytest

from wav2vec2_app import errors
from wav2vec2_app.errors import InputError, InternalError, Wav2Vec2Error, from_wire, translate

CLASSES = [
    cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, Wav2Vec2Error) and cls is not Wav2Vec2Error
]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_survives_the_wire(cls: type[Wav2Vec2Error]) -> None:
    error = cls("what happened", code="a.b", hint="do this", metadata={"limit_s": 3})

    back = from_wire(error.to_wire())

    assert type(back) is cls
    assert back.public() == error.public()


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_has_its_own_defaults(cls: type[Wav2Vec2Error]) -> None:
    error = cls("what happened")

    assert error.layer in ("validation", "context", "resource", "execution")
    assert error.severity in ("warning", "error", "critical")
    assert error.code == cls.default_code
    assert str(error) == "what happened"


def test_class_draws_the_whole_tree_in_the_module_docstring() -> None:
    assert errors.__doc__ is not None
    assert all(cls.__name__ in errors.__doc__ for cls in CLASSES)


def test_unknown_type_on_the_wire_becomes_internal() -> None:
    assert type(from_wire({"type": "Surprise", "message": "?"})) is InternalError


def test_foreign_exception_is_translated_without_its_text() -> None:
    ours = translate(RuntimeError("/home/someone/secret.wav"))

    assert type(ours) is InternalError
    assert "secret" not in str(ours.public())


def test_memory_error_is_a_resource_error_with_a_hint() -> None:
    ours = translate(MemoryError())

    assert ours.code == "resource.memory"
    assert ours.hint


def test_own_error_passes_through_unchanged() -> None:
    error = InputError("no")

    assert translate(error) is error
