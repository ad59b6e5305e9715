"""Confines the process that decodes untrusted files: limits, no new privileges, no network, no programs.

Everything here is applied by the process to itself, after its libraries are loaded and before it gets a
file, and cannot be undone. On Linux (x86-64 and AArch64) a seccomp filter refuses to connect, to start
programs and to trace other processes; where the kernel does not allow a filter, and on other systems, the
limits that exist there are applied and the rest is reported by :func:`confine`.
"""

from __future__ import annotations

import contextlib
import ctypes
import platform
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_FILTER_FLAG_TSYNC = 1
_RET_ALLOW = 0x7FFF0000
_RET_ERRNO = 0x00050000
_EPERM, _ENOSYS = 1, 38
_CLONE_THREAD = 0x00010000
_X32_CALLS = 0x40000000
"""From here on, the numbers of a second set of the calls of x86-64."""
_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06


@dataclass(frozen=True)
class Limits:
    """What the process may use.

    Attributes:
        memory_bytes: address space beyond what it has when it is confined; 0 means no limit.
        file_bytes: the largest file that it writes; 0 means no limit.
        open_files: files that are open at the same time.
        cpu_s: processor time of one operation, seconds; 0 means no limit.
    """

    memory_bytes: int = 0
    file_bytes: int = 0
    open_files: int = 256
    cpu_s: int = 0


@dataclass(frozen=True)
class _System:
    """The numbers of the system calls of one architecture."""

    audit: int
    seccomp: int
    clone: int
    clone3: int
    denied: tuple[int, ...]


_SYSTEMS = {
    "x86_64": _System(
        audit=0xC000003E,
        seccomp=317,
        clone=56,
        clone3=435,
        # socket, connect, accept, bind, listen, fork, vfork, execve, ptrace, mount, accept4,
        # process_vm_readv, process_vm_writev, execveat, bpf, io_uring_setup
        denied=(41, 42, 43, 49, 50, 57, 58, 59, 101, 165, 288, 310, 311, 322, 321, 425),
    ),
    "aarch64": _System(
        audit=0xC00000B7,
        seccomp=277,
        clone=220,
        clone3=435,
        # socket, bind, listen, accept, connect, execve, ptrace, mount, accept4, process_vm_readv,
        # process_vm_writev, execveat, bpf, io_uring_setup
        denied=(198, 200, 201, 202, 203, 221, 117, 40, 242, 270, 271, 281, 280, 425),
    ),
}


def confine(limits: Limits) -> str:
    """Apply ``limits`` and the filter to this process; what could not be applied, empty if nothing."""
    missing = []
    if not _limit_resources(limits):
        missing.append("limits of memory, files and processor time")
    if not _forbid_privileges():
        missing.append("no new privileges")
    if not _filter_calls():
        missing.append("no network and no programs")
    return ", ".join(missing)


def limit_operation(cpu_s: int) -> None:
    """Limit the processor time from now on; SIGXCPU ends a process that uses more."""
    if not cpu_s or sys.platform == "win32":
        return
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    used_s = int(usage.ru_utime + usage.ru_stime) + 1
    _set_soft_limit(resource.RLIMIT_CPU, used_s + cpu_s)


def _limit_resources(limits: Limits) -> bool:
    if sys.platform == "win32":
        return False
    import resource

    _set_soft_limit(resource.RLIMIT_CORE, 0)
    _set_soft_limit(resource.RLIMIT_NOFILE, limits.open_files)
    if limits.file_bytes:
        _set_soft_limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    used_bytes = _address_space_bytes()
    if limits.memory_bytes and used_bytes:
        _set_soft_limit(resource.RLIMIT_AS, used_bytes + limits.memory_bytes)
    return bool(used_bytes)


def _set_soft_limit(what: int, value: int) -> None:
    import resource

    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(what, (value, hard))


def _address_space_bytes() -> int:
    """The size of the address space (Linux); 0 elsewhere, where its limit is not reliable."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return 0
    import resource

    return pages * resource.getpagesize()


def _forbid_privileges() -> bool:
    """Programs that it might start get no privileges of their own (setuid)."""
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)


def _filter_calls() -> bool:
    """Install the seccomp filter for all threads."""
    system = _SYSTEMS.get(platform.machine()) if sys.platform == "linux" else None
    if system is None or struct.calcsize("P") != 8:
        return False
    program = _program(system)
    code = ctypes.create_string_buffer(program)
    # struct sock_fprog: the number of instructions, padding, and their address
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    argument = ctypes.create_string_buffer(header)
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    result = syscall(
        ctypes.c_long(system.seccomp),
        ctypes.c_long(_SECCOMP_SET_MODE_FILTER),
        ctypes.c_long(_SECCOMP_FILTER_FLAG_TSYNC),
        argument,
    )
    return bool(result == 0)


def _program(system: _System) -> bytes:
    """The filter as classic BPF: denied calls fail with EPERM; ``clone`` may make threads only."""

    def op(code: int, k: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("HBBI", code, yes, no, k)

    count = len(system.denied)
    deny = op(_RETURN, _RET_ERRNO | _EPERM)
    return b"".join(
        [
            op(_LOAD, 4),  # the architecture
            op(_EQUAL, system.audit, 1, 0),
            deny,
            op(_LOAD, 0),  # the number of the call
            op(_AT_LEAST, _X32_CALLS, 0, 1),
            deny,
            # The C library falls back to clone, whose flags a filter can see.
            op(_EQUAL, system.clone3, 0, 1),
            op(_RETURN, _RET_ERRNO | _ENOSYS),
            op(_EQUAL, system.clone, 0, 4),
            op(_LOAD, 16),  # its flags
            op(_AND, _CLONE_THREAD),
            op(_EQUAL, _CLONE_THREAD, count + 1, 0),
            deny,
            *(op(_EQUAL, call, count - n, 0) for n, call in enumerate(system.denied)),
            op(_RETURN, _RET_ALLOW),
            deny,
        ]
    )
