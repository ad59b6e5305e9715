from wav2vec2_app.server.service.limits import TimeLimits


def test_alone_an_operation_has_its_own_limit() -> None:
    limits = TimeLimits(operation_s=30, per_audio_s=2)

    with limits.grant("inference", 10) as limit_s:
        assert limit_s == 50


def test_behind_a_long_one_it_has_that_ones_limit_too() -> None:
    limits = TimeLimits(operation_s=30, per_audio_s=2)

    with limits.grant("inference", 600), limits.grant("inference", 5) as limit_s:
        assert limit_s == 30 + 2 * 600 + 30 + 2 * 5


def test_other_roles_and_what_has_ended_add_nothing() -> None:
    limits = TimeLimits(operation_s=30, per_audio_s=2)

    with limits.grant("inference", 600), limits.grant("audio", 5) as limit_s:
        assert limit_s == 40
    with limits.grant("inference", 0, extra_s=120) as limit_s:
        assert limit_s == 150
