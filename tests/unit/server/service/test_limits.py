from wav2vec2_app.server.service.limits import Backlog, StepLimits

LIMITS = StepLimits(operation_s=30, per_audio_s=2, model_load_s=120)


def test_limit_grows_with_the_audio_and_with_a_model_to_load() -> None:
    assert LIMITS.limit_s() == 30
    assert LIMITS.limit_s(10) == 50
    assert LIMITS.limit_s(10, loads_model=True) == 170


def test_request_has_the_limits_of_those_ahead_too() -> None:
    backlog = Backlog()

    with backlog.add(LIMITS.limit_s(600)), backlog.add(LIMITS.limit_s(5)) as limit_s:
        assert limit_s == 30 + 2 * 600 + 30 + 2 * 5


def test_requests_that_have_ended_add_nothing() -> None:
    backlog = Backlog()

    with backlog.add(100):
        pass

    with backlog.add(50) as limit_s:
        assert limit_s == 50
    assert backlog.total_s == 0
