"""The C compiler of this machine: which one, with which flags, and what its output depends on."""

from __future__ import annotations

import functools
import os
import sys
from typing import NamedTuple

from tensorcore.errors import CompileError, ConfigError

HINT = (
    "install a C compiler, for example with `apt-get install gcc`, `dnf install gcc` or "
    "`xcode-select --install`, or name one with the option cgen.cc or the variable CC"
)
_NATIVE = ("x86_64", "amd64", "i686", "aarch64", "arm64")
# Jump threading makes branches of what the vectoriser takes as a choice: without it gcc's code is
# a tenth faster (arctan a third), and a fifth sooner there.
_SAFE = [
    "-ffp-contract=off", "-fwrapv", "-fno-strict-aliasing", "-fopenmp-simd", "-fno-math-errno",
    "-fno-trapping-math", "-fno-thread-jumps", "-fPIC", "-pipe",
]  # fmt: skip
# gcc's bare -O1 leaves out vzeroupper, which slows down all other code of the process.
_LEVELS = {0: ["-O0"], 1: ["-O1", "-fexpensive-optimizations"], 2: ["-O2"], 3: ["-O3"]}
# What the compiler sees of the environment: nothing that adds flags or folders by stealth.
_ENVIRONMENT = ("PATH", "HOME", "LD_LIBRARY_PATH", "DEVELOPER_DIR", "SDKROOT")
#: Where Linux says what the processor is and can do.
CPU_FACTS = "/proc/cpuinfo"


class Compiler(NamedTuple):
    """A compiler: the command that starts it, and what tells it from any other."""

    command: tuple[str, ...]
    identity: str


def find() -> Compiler:
    """The compiler to use: option ``cgen.cc``, else the variable CC, else gcc, cc or clang.

    Raises CompileError when the one that was asked for, or all of them, are missing.
    """
    if not hasattr(os, "posix_spawn"):
        raise CompileError(f"Compiling C on {sys.platform} is not supported.")
    for origin, text in (
        ("option cgen.cc", _setting("cc")),
        ("variable CC", os.environ.get("CC", "")),
    ):
        if text.strip():
            return _named(origin, text)
    for name in ("gcc", "cc", "clang"):
        path = _which(name)
        if path:
            return _identified((path,))
    raise CompileError(f"No C compiler was found (gcc, cc, clang). Hint: {HINT}.")


def flags(optimise: int = 2) -> list[str]:
    """The flags of every compilation. None of ours changes the result of any arithmetic; the
    user's own, from the option ``cgen.flags``, come last.

    Raises CompileError if those are no list of words.
    """
    native = ["-march=native"] if _machine().lower() in _NATIVE else []
    more = _words("option cgen.flags", _setting("flags"))
    # Nobody reads warnings about generated text, unless they are asked for.
    quiet = [] if any(word.startswith("-W") for word in more) else ["-w"]
    return [*_LEVELS[optimise], *native, *_SAFE, *quiet, *more]


def _named(origin: str, text: str) -> Compiler:
    words = _words(origin, text)
    path = _which(words[0]) if words else ""
    if not path:
        raise CompileError(
            f"The C compiler {text!r}, from the {origin}, is not there or cannot be "
            f"executed. Hint: {HINT}."
        )
    return _identified((path, *words[1:]))


def _words(origin: str, text: str) -> list[str]:
    """``text`` split as a shell would, without one; quotes may hold spaces."""
    if not text.strip():
        return []
    import shlex

    try:
        return shlex.split(text)
    except ValueError as problem:
        raise CompileError(f"The {origin} is {text!r}: {problem}.") from problem


def _identified(command: tuple[str, ...]) -> Compiler:
    real = os.path.realpath(command[0])
    status = os.stat(real)
    return Compiler(command, f"{real} {status.st_mtime_ns} {status.st_size}")


def _which(name: str) -> str:
    folders = [""] if os.sep in name else os.environ.get("PATH", os.defpath).split(os.pathsep)
    for folder in folders:
        path = os.path.abspath(os.path.join(folder, name))
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return ""


@functools.cache
def machine_identity() -> str:
    """What compiled code depends on beside text and flags: what ``-march=native`` means here,
    that is the model of the processor and its features, and the C library's version."""
    wanted = ("model name", "flags", "cpu family", "model", "stepping", "Features", "CPU part")
    found = [_machine()]
    try:
        # Only the first processor: the kernel takes long to list hundreds of them.
        with open(CPU_FACTS, encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() in wanted:
                    found.append(value.strip())
                if not line.strip():
                    break
    except OSError:
        import platform

        found.append(platform.processor())
    return " ".join([*found, *_c_library()])


def _machine() -> str:
    """The kind of processor. Not from ``platform``, which takes 3 ms to import."""
    return os.uname().machine


def _c_library() -> list[str]:
    """The C library and its version, where the system knows them."""
    try:
        return [os.confstr("CS_GNU_LIBC_VERSION") or ""]
    except (AttributeError, ValueError, OSError):
        return []


def environment(folder: str) -> dict[str, str]:
    """The environment variables for the compiler's processes. What they leave behind when they
    are killed is left in ``folder``."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return {"PATH": os.defpath, **kept, "LC_ALL": "C", "TMPDIR": folder}


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def timeout() -> float:
    """Seconds that one build may take."""
    return float(_setting("timeout") or 300.0)


def _setting(name: str) -> str:
    """An option of this backend as text; empty for one that is not registered (yet)."""
    from tensorcore import config

    try:
        return str(config.get(f"cgen.{name}"))
    except ConfigError:
        return ""
