"""The generated-C backend: a whole Program becomes one call into compiled C."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tensorcore import config
from tensorcore.backend import Backend, Capabilities, Diagnosis, Executable
from tensorcore.hookspecs import hookimpl
from tensorcore.program import Program

OPTIONS = (
    config.Option(
        "cgen.cc", config.path, "", "Path or command of the C compiler; empty: find one."
    ),
    config.Option("cgen.flags", config.text, "", "More flags for the C compiler."),
    config.Option(
        "cgen.timeout", config.integer(1), 300, "Seconds after which a compiler is stopped."
    ),
)


class GeneratedC:
    """Fuses kernels, compiles them with the machine's C compiler, and caches the result."""

    name = "cgen"

    def diagnose(self) -> Diagnosis:
        """Whether there is a C compiler."""
        from .compiler import diagnose

        return diagnose()

    def capabilities(self) -> Capabilities:
        """Fused kernels, contractions and sorting, in every dtype."""
        return Capabilities(calls=frozenset({"argsort"}), fuses=True, host_calls=True, totals=True)

    def compile(self, program: Program) -> Executable:
        """Generate, compile (or find in the cache) and load."""
        from . import known, runtime, toolchain

        library, plan = known.library_of(program)
        plan = plan._replace(threads=config.get("num_threads") or toolchain.cores())
        # On a machine's first use the runtime compiles while the first results are computed.
        runtime.prepare()
        return runtime.load(library, plan, program)


@hookimpl
def tensorcore_options() -> Sequence[config.Option]:
    """The options of the section ``cgen``."""
    return OPTIONS


@hookimpl
def tensorcore_backends() -> Mapping[str, Callable[[], Backend]]:
    """The one backend of this package."""
    return {"cgen": GeneratedC}
