import os
import subprocess
import sys

from wav2vec2_app.server.service.memory import MemoryMeter


def test_report_has_this_process_and_its_workers_against_the_limit() -> None:
    meter = MemoryMeter(limit_bytes=1000)

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        report = meter.report({"audio": child.pid}, model_bytes=7)
        child.communicate(b"\n")

    assert [process.name for process in report.processes] == ["server", "audio"]
    assert report.processes[0].pid == os.getpid()
    assert all(0 < p.rss_bytes <= p.peak_rss_bytes for p in report.processes)
    assert report.total_rss_bytes == sum(p.rss_bytes for p in report.processes)
    assert (report.limit_bytes, report.model_bytes) == (1000, 7)


def test_process_that_has_ended_is_left_out() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()

    report = MemoryMeter(limit_bytes=1).report({"audio": child.pid}, model_bytes=0)

    assert [process.name for process in report.processes] == ["server"]


def test_peak_survives_after_memory_is_given_back() -> None:
    meter = MemoryMeter(limit_bytes=1)
    ballast = bytearray(os.urandom(1024)) * 64 * 1024
    high = meter.report({}, model_bytes=0).processes[0]
    del ballast

    low = meter.report({}, model_bytes=0).processes[0]

    assert low.peak_rss_bytes >= high.rss_bytes
