"""Requests to replicas elsewhere: as bytes, until a deadline, again when a replica is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles import make_emission, make_model_info
from tests.replicas import FakeWorker, LoopRemote, Report, decoder, replicas_of
from wav2vec2_app.errors import (
    BusyError,
    InputError,
    InternalError,
    ModelError,
    ProtocolError,
    ResourceError,
    TimedOutError,
    Wav2Vec2Error,
    WorkerDiedError,
)
from wav2vec2_app.protocol.audio import (
    AudioInfo,
    DecodeAudioRequest,
    DrawRequest,
    DrawResponse,
    PictureDrawn,
    ProbeRequest,
)
from wav2vec2_app.protocol.download import DownloadProgress, DownloadRequest, DownloadResponse
from wav2vec2_app.protocol.inference import (
    EmitRequest,
    EmitResponse,
    InferenceInfo,
    LoadRequest,
    LoadResponse,
)
from wav2vec2_app.protocol.message import AnyRequest, Response
from wav2vec2_app.server.bridge import parcels
from wav2vec2_app.server.bridge.backend import ReplicaLostError
from wav2vec2_app.server.bridge.remote import MAX_LOSSES, RemoteBackend
from wav2vec2_app.server.bridge.remote_downloads import RemoteDownloads
from wav2vec2_app.server.bridge.replica import Replica
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.events import WorkerEvent
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.features import Features, Picture

MODEL = make_model_info()
SAMPLES = np.linspace(-1, 1, 1600, dtype=np.float32)
PICTURES = [
    Picture(name, name, b"<svg/>", f"The {name}.") for name in ("waveform", "mfcc", "words")
]


def soon() -> Deadline:
    return Deadline.after(60.0)


async def emit(request: AnyRequest, _: Report) -> Response:
    assert isinstance(request, EmitRequest)
    return EmitResponse(make_emission("hello"), MODEL, len(request.samples))


async def load(request: AnyRequest, _: Report) -> Response:
    return LoadResponse(MODEL)


async def draw(request: AnyRequest, report: Report) -> Response:
    for number, picture in enumerate(PICTURES, start=1):
        report(PictureDrawn(picture, number / len(PICTURES)))
        await asyncio.sleep(0)
    return DrawResponse(tuple(picture.name for picture in PICTURES), ())


def backend_of(*workers: FakeWorker, role: str = "inference") -> tuple[RemoteBackend, LoopRemote]:
    remote = LoopRemote(*replicas_of(workers))
    return RemoteBackend(role, remote), remote


def draw_request() -> DrawRequest:
    rows, table = np.zeros(3, np.float32), np.zeros((2, 3), np.float16)
    return DrawRequest(SAMPLES, Features(rows, rows, rows, table, table, {"peak_dbfs": -3.0}))


async def test_response_of_a_replica_is_that_of_its_worker() -> None:
    worker = FakeWorker(emit)
    backend, remote = backend_of(worker)

    response = await backend.request(
        EmitRequest("auto", SAMPLES), deadline=soon(), request_id="request-1"
    )

    assert response.batch == len(SAMPLES)
    assert np.array_equal(response.emission.log_probs, make_emission("hello").log_probs)
    [request] = worker.requests
    assert isinstance(request, EmitRequest)
    assert np.array_equal(request.samples, SAMPLES)
    assert worker.request_ids == ["request-1"]
    assert remote.counts["answer"] == 1


@settings(deadline=None, max_examples=25)
@given(
    size=st.integers(0, 200), chunk=st.integers(30, 100), samples=st.integers(1, 60),
    spools=st.booleans(), losses=st.lists(st.integers(0, 3), max_size=MAX_LOSSES - 1),
)  # fmt: skip
async def test_files_arrive_and_return_without_a_shared_disk(
    tmp_path_factory: pytest.TempPathFactory,
    size: int, chunk: int, samples: int, spools: bool, losses: list[int],
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("upload")
    path, spool = folder / "a secret name.wav", folder / "spool.f32"
    data = bytes(number % 251 for number in range(size)) or b"\0"
    path.write_bytes(data)
    backend, remote = backend_of(
        FakeWorker(decoder(samples, spools=spools), role="audio"), role="audio"
    )
    remote.lose = list(losses)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parcels, "PIECE_BYTES", chunk)
        response = await backend.request(
            DecodeAudioRequest(AudioSource(path=path), spool), deadline=soon()
        )

    expected = np.resize(np.frombuffer(data, np.uint8), samples).astype(np.float32)
    got = response.samples if response.samples is not None else np.fromfile(spool, np.float32)
    assert np.array_equal(got, expected)
    assert (response.samples is None) == spools
    assert all(str(folder).encode() not in sent for sent in remote.sent)
    assert all(b"secret" not in sent for sent in remote.sent)


async def test_replica_sees_the_ending_of_the_file_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    path = tmp_path / "clip.flac"
    path.write_bytes(b"audio")
    worker = FakeWorker(decoder(3, spools=True), role="audio")
    backend, _ = backend_of(worker, role="audio")

    await backend.request(
        DecodeAudioRequest(AudioSource(path=path), tmp_path / "spool"), deadline=soon()
    )

    [request] = worker.requests
    assert isinstance(request, DecodeAudioRequest)
    assert request.source.path is not None
    assert request.source.path.suffix == ".flac"
    assert request.source.path.parent != tmp_path
    assert not request.source.path.parent.exists()


async def test_missing_file_is_reported_by_the_worker(tmp_path: Path) -> None:
    async def report_missing(request: AnyRequest, _: Report) -> Response:
        assert isinstance(request, ProbeRequest)
        assert request.source.path is not None
        assert not request.source.path.exists()
        raise InputError("There is no such file.", code="audio.missing")

    backend, _ = backend_of(FakeWorker(report_missing, role="audio"), role="audio")

    with pytest.raises(InputError, match="no such file"):
        await backend.request(
            ProbeRequest(AudioSource(path=tmp_path / "gone.wav")), deadline=soon()
        )


async def test_bytes_in_a_request_stay_in_it() -> None:
    backend, _ = backend_of(FakeWorker(decoder(4, spools=False), role="audio"), role="audio")

    response = await backend.request(
        DecodeAudioRequest(AudioSource(data=b"\1\2\3\4")), deadline=soon()
    )

    assert response.samples is not None
    assert response.samples.tolist() == [1, 2, 3, 4]


async def test_progress_arrives_in_order_before_the_response() -> None:
    backend, remote = backend_of(FakeWorker(draw, role="audio"), role="audio")
    seen: list[PictureDrawn] = []

    response = await backend.request(draw_request(), deadline=soon(), on_progress=seen.append)

    assert [one.picture for one in seen] == PICTURES
    assert response.drawn == ("waveform", "mfcc", "words")
    assert remote.counts["stream"] == 1


async def test_without_a_listener_nothing_is_streamed() -> None:
    backend, remote = backend_of(FakeWorker(draw, role="audio"), role="audio")

    await backend.request(draw_request(), deadline=soon())

    assert remote.counts == {"connect": 1, "answer": 1}


@pytest.mark.parametrize(
    "error",
    [
        InputError("Too long.", code="audio.too_long", hint="Cut it.", metadata={"limit_s": 3.0}),
        ModelError("Not loaded.", code="model.not_loaded", retryable=True),
        ResourceError("Full.", code="resource.disk"),
        BusyError("Busy.", metadata={"retry_after_s": 3}),
        InternalError("Broken."),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("stream", [False, True])
async def test_error_of_an_operation_keeps_its_type_and_facts(
    error: Wav2Vec2Error, stream: bool
) -> None:
    async def fail(_: AnyRequest, __: Report) -> Response:
        raise error

    backend, _ = backend_of(FakeWorker(fail, role="audio"), role="audio")

    with pytest.raises(type(error)) as caught:
        await backend.request(
            draw_request(), deadline=soon(), on_progress=(lambda _: None) if stream else None
        )

    assert caught.value.public() == error.public()
    assert caught.value is not error


async def test_foreign_error_is_translated_where_it_happens() -> None:
    async def fail(_: AnyRequest, __: Report) -> Response:
        raise MemoryError

    backend, _ = backend_of(FakeWorker(fail))

    with pytest.raises(ResourceError) as caught:
        await backend.request(EmitRequest("auto", SAMPLES), deadline=soon())
    assert caught.value.code == "resource.memory"


async def running_for_ever(worker_started: asyncio.Event) -> None:
    worker_started.set()
    await asyncio.Event().wait()


@pytest.mark.parametrize("stream", [False, True])
async def test_cancelling_a_request_cancels_the_operation(stream: bool) -> None:
    started = asyncio.Event()

    async def run(_: AnyRequest, __: Report) -> Response:
        await running_for_ever(started)
        raise AssertionError

    worker = FakeWorker(run, role="audio")
    backend, _ = backend_of(worker, role="audio")
    listener = (lambda _: None) if stream else None
    task = asyncio.create_task(
        backend.request(draw_request(), deadline=soon(), on_progress=listener)
    )
    await started.wait()
    assert backend.statuses()[0].in_flight == 1

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert worker.cancelled == ["draw"]
    assert backend.statuses()[0].in_flight == 0


async def test_deadline_cancels_the_operation_and_is_a_typed_error() -> None:
    async def run(_: AnyRequest, __: Report) -> Response:
        await running_for_ever(asyncio.Event())
        raise AssertionError

    worker = FakeWorker(run)
    backend, _ = backend_of(worker)

    with pytest.raises(TimedOutError) as caught:
        await backend.request(EmitRequest("auto", SAMPLES), deadline=Deadline.after(0.01))

    assert caught.value.metadata == {"role": "inference", "op": "emit"}
    assert caught.value.hint
    assert worker.cancelled == ["emit"]


@settings(deadline=None, max_examples=25)
@given(
    pattern=st.lists(st.integers(0, MAX_LOSSES - 1), min_size=1, max_size=12),
    replicas=st.integers(1, 3),
)
async def test_no_request_is_lost_with_its_replica(pattern: list[int], replicas: int) -> None:
    events: list[WorkerEvent] = []
    workers = [FakeWorker(emit) for _ in range(replicas)]
    remote = LoopRemote(*replicas_of(workers))
    backend = RemoteBackend("inference", remote, on_event=events.append)

    for losses in pattern:
        remote.lose = [0] * losses
        response = await backend.request(EmitRequest("auto", SAMPLES), deadline=soon())
        assert response.batch == len(SAMPLES)

    assert [event.kind for event in events] == ["retried"] * sum(pattern)
    assert sum(len(worker.requests) for worker in workers) == len(pattern)


async def test_request_that_loses_every_replica_is_given_up() -> None:
    backend, remote = backend_of(FakeWorker(emit))
    remote.lose = [0] * 100

    with pytest.raises(ReplicaLostError) as caught:
        await backend.request(EmitRequest("auto", SAMPLES), deadline=soon())

    assert remote.counts["answer"] == MAX_LOSSES
    assert caught.value.retryable


async def test_request_that_may_not_be_repeated_is_not() -> None:
    backend, remote = backend_of(FakeWorker(emit))
    remote.lose = [0]

    with pytest.raises(ReplicaLostError):
        await backend.request(EmitRequest("auto", SAMPLES), deadline=soon(), idempotent=False)

    assert remote.counts["answer"] == 1


async def test_background_request_reaches_every_replica_and_its_news_come_back() -> None:
    info = InferenceInfo(MODEL, (), 7)
    workers = [FakeWorker(load, info=info) for _ in range(3)]
    backend, _ = backend_of(*workers)
    assert backend.info(InferenceInfo) is None

    responses = await backend.broadcast(LoadRequest("other", 1000), deadline=soon())

    assert responses == [LoadResponse(MODEL)] * 3
    assert [worker.requests for worker in workers] == [[LoadRequest("other", 1000)]] * 3
    assert backend.info(InferenceInfo) == info
    assert backend.infos(InferenceInfo) == ((None, info),)


async def test_background_request_fails_with_the_error_of_a_replica() -> None:
    async def fail(_: AnyRequest, __: Report) -> Response:
        raise ModelError("Broken.", code="model.broken")

    backend, _ = backend_of(FakeWorker(load), FakeWorker(fail))

    with pytest.raises(ModelError):
        await backend.broadcast(LoadRequest("other", 1000), deadline=soon())


async def test_background_request_without_replicas_is_an_error_with_a_hint() -> None:
    backend, _ = backend_of()

    with pytest.raises(WorkerDiedError) as caught:
        await backend.broadcast(LoadRequest("other", 1000), deadline=soon())

    assert caught.value.code == "worker.down"
    assert caught.value.hint


MALFORMED = {
    "nothing": b"",
    "no frame": b"\xff" * 10,
    "half a frame": parcels.reply_bytes("result", DrawResponse((), ()).pack())[:-1],
    "no response": parcels.reply_bytes("info", AudioInfo().pack()),
    "another message": parcels.reply_bytes("result", LoadResponse(MODEL).pack()),
    "an error without facts": parcels.reply_bytes("error", AudioInfo().pack()),
}


@pytest.mark.parametrize("reply", MALFORMED.values(), ids=MALFORMED)
async def test_malformed_reply_is_a_typed_error(reply: bytes) -> None:
    backend, remote = backend_of(FakeWorker(draw, role="audio"), role="audio")
    remote.changed = lambda _: reply

    with pytest.raises((ProtocolError, InternalError)):
        await backend.request(draw_request(), deadline=soon())


@pytest.mark.parametrize(
    ("role", "frame"),
    [
        ("text", parcels.request_bytes(EmitRequest("auto", SAMPLES), EmitRequest("auto", SAMPLES).pack())),
        ("inference", parcels.reply_bytes("result", AudioInfo().pack())),
        ("inference", parcels.reply_bytes("request", AudioInfo().pack(), "no_such_operation")),
        ("inference", parcels.reply_bytes("request", AudioInfo().pack(), "emit")),
        ("inference", b""),
        ("inference", b"\0" * 100),
    ],
)  # fmt: skip
async def test_parcel_that_breaks_a_rule_is_answered_with_an_error(role: str, frame: bytes) -> None:
    replica = Replica(FakeWorker(emit))
    parcel = parcels.Parcel(role, frame, (), 1.0)

    replies = [await replica.answer(parcel), *[piece async for piece in replica.stream(parcel)]]

    assert {one.kind for reply in replies for one in parcels.frames_in(reply)} == {"error"}


# --- the state of the replicas -----------------------------------------------------------------


async def test_states_of_the_replicas_are_looked_up() -> None:
    events: list[WorkerEvent] = []
    info = InferenceInfo(MODEL)
    remote = LoopRemote(*replicas_of([FakeWorker(emit, info=info), FakeWorker(emit)]))
    backend = RemoteBackend("inference", remote, on_event=events.append)
    assert [one.state for one in backend.statuses()] == ["starting"]

    await backend.start()
    await backend.wait_ready()

    assert [one.state for one in backend.statuses()] == ["ready", "ready"]
    assert [one.pid for one in backend.statuses()] == [None, None]
    assert backend.info(InferenceInfo) == info
    assert [event.kind for event in events] == ["ready"]
    assert not backend.replace(1)
    await backend.stop()
    assert [one.state for one in backend.statuses()] == ["stopped"]


async def test_backend_that_is_stopped_sends_nothing() -> None:
    backend, remote = backend_of(FakeWorker(emit))
    await backend.stop()

    with pytest.raises(WorkerDiedError) as caught:
        await backend.request(EmitRequest("auto", SAMPLES), deadline=soon())
    with pytest.raises(WorkerDiedError):
        await backend.wait_ready()

    assert caught.value.code == "worker.stopped"
    assert not remote.counts


async def test_cluster_that_cannot_be_reached_is_reported_and_found_again() -> None:
    events: list[WorkerEvent] = []
    remote = LoopRemote(*replicas_of([FakeWorker(emit)]))
    remote.error = ResourceError("No cluster.", code="backend.unreachable", hint="Start one.")
    backend = RemoteBackend("inference", remote, on_event=events.append)
    await backend.start()

    with pytest.raises(ResourceError) as caught:
        await backend.wait_ready()
    with pytest.raises(ResourceError):
        await backend.request(EmitRequest("auto", SAMPLES), deadline=soon())
    assert caught.value.code == "backend.unreachable"
    [status] = backend.statuses()
    assert (status.state, status.last_exit) == ("down", "No cluster.")

    remote.error = None
    response = await backend.request(EmitRequest("auto", SAMPLES), deadline=soon())
    await backend._watch.look()

    assert response.batch == len(SAMPLES)
    assert [event.kind for event in events] == ["down", "ready"]
    await backend.stop()


async def test_roles_on_demand_need_no_replica() -> None:
    remote = LoopRemote()
    backend = RemoteBackend("whisper", remote, on_demand=True)
    await backend._watch.look()

    assert backend.statuses() == ()


async def test_waiting_for_replicas_that_do_not_come_ends() -> None:
    backend, _ = backend_of()

    with pytest.raises(TimedOutError):
        await backend.wait_ready(0.0)


async def test_replica_is_healthy_until_its_worker_is_down() -> None:
    worker = FakeWorker(emit)
    replica = Replica(worker)
    await replica.start()
    await replica.check()

    worker.state, worker.problem = "down", WorkerDiedError("It crashes.", code="worker.down")

    with pytest.raises(WorkerDiedError):
        await replica.check()
    await replica.stop()
    assert worker.state == "stopped"


# --- downloads ---------------------------------------------------------------------------------


async def test_model_is_downloaded_to_the_machines_that_use_it() -> None:
    async def download(request: AnyRequest, report: Report) -> Response:
        assert isinstance(request, DownloadRequest)
        report(DownloadProgress(1, 2))
        return DownloadResponse(request.model)

    made: list[FakeWorker] = []

    def make() -> FakeWorker:
        made.append(FakeWorker(download, role="download"))
        return made[-1]

    ctc = LoopRemote(*(Replica(FakeWorker(emit), {"download": make}) for _ in range(3)))
    whisper = LoopRemote()
    backend = RemoteDownloads({"ctc": ctc, "whisper": whisper})
    seen: list[DownloadProgress] = []
    await backend.start()

    response = await backend.request(
        DownloadRequest("a/b"), deadline=soon(), on_progress=seen.append
    )
    await backend.stop()

    assert response == DownloadResponse("a/b")
    assert seen == [DownloadProgress(1, 2)]
    assert len(made) == 4  # one of them with progress
    assert {worker.state for worker in made} == {"stopped"}
    assert not whisper.counts
