"""Libraries by the Program they are of: where the cache has one, no text is generated."""

from __future__ import annotations

from contextlib import suppress
from os.path import dirname

import tensorcore
from tensorcore import cache, config
from tensorcore.packing import NotPackable, Packer
from tensorcore.program import Program
from tensorcore.recall import EXCEPTIONS, PACKER

from . import compiler
from .callplan import CallPlan
from .frames import constants, frames
from .library import Library

#: What every library of a program must have.
EXPORTS = ("tc_sizes", "tc_run")
_PLANS = Packer((CallPlan,), EXCEPTIONS)


def library_of(program: Program) -> tuple[Library, CallPlan]:
    """The library of a Program, from memory or the cache or generated and compiled now, and the
    plan for calling it. Raises CompileError."""
    key = _key(program)
    known = None if key is None else _lookup(key)
    if known is None:
        library, plan = _made(program)
        if key is not None:
            _store(key, library.key, plan)
        return library, plan
    library, plan = known
    return library, plan._replace(constants=constants(frames(program)))


def _made(program: Program) -> tuple[Library, CallPlan]:
    from .emit import emit

    sources, plan = emit(program)
    # More than two files mean many kernels: then the time to compile them counts for more.
    level = 2 if len(sources) <= 2 else 1
    return compiler.build(sources, needs_libm=True, optimise=level, exports=EXPORTS), plan


def _lookup(key: str) -> tuple[Library, CallPlan] | None:
    found = cache.default().lookup(key)
    if found is None:
        return None
    try:
        library_key, plan = _PLANS.unpack(found)
        if not (isinstance(library_key, str) and isinstance(plan, CallPlan)):
            raise ValueError("it is no plan of a library")
    except (TypeError, ValueError):
        cache.default().discard(key)
        return None
    library = compiler.known(library_key, EXPORTS)
    return None if library is None else (library, plan)


def _store(key: str, library_key: str, plan: CallPlan) -> None:
    with suppress(NotPackable):
        packed = _PLANS.pack((library_key, plan._replace(constants=())))
        cache.default().store(key, packed, {"what": "library of a Program"})


def _key(program: Program) -> str | None:
    """What the library of a Program depends on: the Program itself, all that writes and compiles
    its text, and how it is asked to. None where a Program has no bytes, and under ``debug``."""
    if config.debug:
        return None
    try:
        packed = PACKER.pack(program)
        code = [cache.stamp(dirname(module)) for module in (tensorcore.__file__, __file__)]
    except (NotPackable, OSError):
        return None
    return cache.key_of("library", *code, config.math_accuracy, *compiler.words(), packed)
