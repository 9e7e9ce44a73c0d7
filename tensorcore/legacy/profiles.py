"""``ProfileStats``: the times of functions under Theano's names. What Theano counts by node is
counted by step here, as a step computes many nodes."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, TextIO

from ..function import Function
from ..inspection.profiling import Profile, StepTime, print_at_exit
from ..inspection.program_text import StepText

__all__ = ["ProfileStats"]


class ProfileStats:
    """Passed as ``profile`` to one or more functions: they are timed, and what they took, all
    together, is read here. Everything else is that of the first function's own profile."""

    def __init__(
        self, atexit_print: bool = True, flag_time_thunks: Any = None, message: str | None = None,
        **more: Any,
    ) -> None:  # fmt: skip
        self.atexit_print, self.message = atexit_print, message
        self._profiles: list[Profile] = []
        self._seconds: list[Mapping[str, float]] = []

    def take(self, f: Function) -> None:
        """Count a function that is timed, and be its profile."""
        profile: Any = f.profile
        if isinstance(profile, Profile):
            self._profiles.append(profile)
            self._seconds.append(f._compiled.record.seconds)
            self.message = self.message or profile.name
            if self.atexit_print:
                print_at_exit(profile)
            f.profile = self  # type: ignore[assignment]

    # -- all calls ---------------------------------------------------------------------------

    @property
    def fct_callcount(self) -> int:
        """How often the functions were called."""
        return sum(p.fct_callcount for p in self._profiles)

    @property
    def fct_call_time(self) -> float:
        """The seconds inside the steps of all calls."""
        return sum(p.fct_call_time for p in self._profiles)

    vm_call_time = fct_call_time

    @property
    def compile_time(self) -> float:
        """The seconds that compiling took."""
        return sum(sum(seconds.values()) for seconds in self._seconds)

    @property
    def optimizer_time(self) -> float:
        """The seconds of it that rewriting took."""
        return sum(seconds.get("rewriting", 0.0) for seconds in self._seconds)

    @property
    def linker_time(self) -> float:
        """The seconds of it that the backend took."""
        return sum(seconds.get("compiling", 0.0) for seconds in self._seconds)

    validate_time = import_time = linker_node_make_thunks = 0.0

    @property
    def nb_nodes(self) -> int:
        """How many steps a call has."""
        return sum(len(p._steps) for p in self._profiles)

    # -- by step -----------------------------------------------------------------------------

    def _steps(self) -> list[StepTime]:
        return [step for p in self._profiles for step in p.steps()]

    @property
    def apply_time(self) -> dict[StepText, float]:
        """The seconds of each step."""
        return _summed((s.step, s.seconds) for s in self._steps())

    @property
    def apply_callcount(self) -> dict[StepText, int]:
        """How often each step ran."""
        return _summed((s.step, s.calls) for s in self._steps())

    @property
    def apply_cimpl(self) -> dict[StepText, bool]:
        """Whether each step is compiled code."""
        return {s.step: s.step.kind != "reference" for s in self._steps()}

    def op_time(self) -> dict[str, float]:
        """The seconds by what steps compute."""
        return _summed((", ".join(s.step.ops), s.seconds) for s in self._steps())

    def op_callcount(self) -> dict[str, int]:
        """How often, by what steps compute."""
        return _summed((", ".join(s.step.ops), s.calls) for s in self._steps())

    def class_time(self) -> dict[str, float]:
        """The seconds by kind of step."""
        return _summed((s.step.kind, s.seconds) for s in self._steps())

    def class_callcount(self) -> dict[str, int]:
        """How often, by kind of step."""
        return _summed((s.step.kind, s.calls) for s in self._steps())

    # -- in words ----------------------------------------------------------------------------

    def summary(self, file: TextIO | None = None, n_ops_to_print: int = 20, **more: Any) -> None:
        """Print the profiles, by default to standard error."""
        for profile in self._profiles:
            profile.summary(file or sys.stderr)

    def summary_function(self, file: TextIO) -> None:
        """Print how often the functions were called and what compiling took."""
        print(
            f"{self.message}: {self.fct_callcount} call(s), {self.fct_call_time:.3e} s inside the "
            f"steps; compiling {self.compile_time:.3e} s",
            file=file,
        )

    def summary_class(self, file: TextIO, N: int | None = None) -> None:
        """Print the seconds by kind of step."""
        _listed(self.class_time(), self.class_callcount(), file, N)

    def summary_ops(self, file: TextIO, N: int | None = None) -> None:
        """Print the seconds by what steps compute."""
        _listed(self.op_time(), self.op_callcount(), file, N)

    def summary_nodes(self, file: TextIO, N: int | None = None) -> None:
        """Print the seconds of each step."""
        names = {s: f"{s.number}: {s.kind} {', '.join(s.ops)}" for s in self.apply_time}
        times = {names[s]: t for s, t in self.apply_time.items()}
        _listed(times, {names[s]: n for s, n in self.apply_callcount.items()}, file, N)

    def summary_memory(self, file: TextIO, N: int | None = None) -> None:
        """Print the memory of a call."""
        for profile in self._profiles:
            print(f"{profile.name}: {profile._peak()}", file=file)

    def __str__(self) -> str:
        return "\n\n".join(map(str, self._profiles)) or "ProfileStats: of no function yet"

    def __getattr__(self, name: str) -> Any:
        profiles = self.__dict__.get("_profiles")
        if name.startswith("_") or not profiles:
            raise AttributeError(
                f"ProfileStats has no {name!r}"
                f"{'' if profiles else ' before it is passed to function(..., profile=)'}."
            )
        return getattr(profiles[0], name)


def _summed(pairs: Any) -> dict[Any, Any]:
    found: defaultdict[Any, Any] = defaultdict(int)
    for name, amount in pairs:
        found[name] += amount
    return dict(found)


def _listed(
    times: Mapping[str, float], counts: Mapping[str, int], file: TextIO, most: int | None
) -> None:
    total = sum(times.values()) or 1.0
    for name in sorted(times, key=lambda n: -times[n])[:most]:
        share = times[name] / total
        print(f"{share:6.1%}  {times[name]:.3e} s  {counts[name]:5d}  {name}", file=file)
