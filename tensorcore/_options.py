"""What an option is, the kinds of value it may hold, and the table of the core's options."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from .errors import ConfigError


class Kind(NamedTuple):
    """A kind of option value.

    ``convert`` takes what a user assigned, or the text found in a file or variable, and
    returns the value; it raises ValueError when that is not valid. ``expected`` completes
    the sentence "expected ...". ``choices`` are the words to suggest after a typing error.
    """

    expected: str
    convert: Callable[[object], Any]
    choices: tuple[str, ...] = ()


class Option(NamedTuple):
    """One option: dotted name, kind, default (a value, or a function without arguments that
    computes it when the sources are read) and a line of documentation."""

    name: str
    kind: Kind
    default: Any
    doc: str

    @property
    def section(self) -> str:
        """What stands before the dot: ``cgen`` of ``cgen.cc``, empty for global options."""
        return self.name.rpartition(".")[0]

    @property
    def variable(self) -> str:
        """The environment variable that sets this option."""
        return "TENSORCORE_" + self.name.upper().replace(".", "_").replace("-", "_")

    def default_value(self) -> Any:
        """The default, computed if need be."""
        return self.default() if callable(self.default) else self.default

    def convert(self, value: object) -> Any:
        """``value`` as this option stores it.

        Raises ConfigError, which says what was expected and the nearest valid word.
        """
        try:
            return self.kind.convert(value)
        except (ValueError, TypeError) as cause:
            shown = brief(value)
            message = f"{shown} is not valid for {self.name!r}; expected {self.kind.expected}"
            guess = nearest(value, self.kind.choices) if isinstance(value, str) else ""
            raise ConfigError(message + did_you_mean(guess)) from cause


def brief(value: object) -> str:
    """``repr`` on one line and short enough for a message."""
    text = ascii(value) if not isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:40] + "..." + text[-12:]


def nearest(word: str, words: Iterable[str]) -> str:
    """The one of ``words`` that ``word`` was most likely meant to be, or ``""``."""
    import difflib  # only after a mistake: it is slow to import

    folded = {candidate.lower(): candidate for candidate in words}
    found = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else ""


def did_you_mean(guess: str) -> str:
    """``"; did you mean 'guess'?"``, or nothing when there is no guess."""
    return f"; did you mean {guess!r}?" if guess else ""


def choice(*words: str) -> Kind:
    """One of the words, spelt exactly so."""

    def convert(value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise ValueError(value)

    return Kind("one of " + ", ".join(words), convert, words)


_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUE + _FALSE:
        return value.lower() in _TRUE
    raise ValueError(value)


def _maybe(value: object) -> bool | None:
    if value is None or (isinstance(value, str) and value.lower() == "none"):
        return None
    return _boolean(value)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(value)


def _path(value: object) -> str:
    if not isinstance(value, (str, os.PathLike)):
        raise ValueError(value)
    text = os.fspath(value)
    if not isinstance(text, str) or "\0" in text:
        raise ValueError(value)
    return os.path.expanduser(text)


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, (tuple, list)) or not all(isinstance(v, str) for v in value):
        raise ValueError(value)
    return tuple(name.strip() for name in value if name.strip())


def _specs(value: object) -> tuple[str, ...]:
    names = _names(value)
    for name in names:
        parse_spec(name)
    if "auto" in names:
        raise ValueError(value)
    return names


_OPTIMIZERS = ("fast_run", "fast_compile", "stabilize", "merge", "none", "o1", "o2", "o3", "o4")


def _optimizer(value: object) -> str:
    word = "none" if value is None else value
    if isinstance(word, str) and word.lower() in _OPTIMIZERS:
        return word.lower()
    raise ValueError(value)


def _labels(value: object) -> tuple[str, ...]:
    return _names(value.replace(":", ",") if isinstance(value, str) else value)


def integer(minimum: int | None = None, maximum: int | None = None) -> Kind:
    """A whole number between the two limits."""
    limits = [f"at least {minimum}"] if minimum is not None else []
    limits += [f"at most {maximum}"] if maximum is not None else []

    def convert(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise ValueError(value)
        number = int(value)
        if (minimum is not None and number < minimum) or (maximum is not None and number > maximum):
            raise ValueError(value)
        return number

    return Kind(" ".join(["an integer", " and ".join(limits)]).strip(), convert)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(value)
    number = float(value)
    if not 0 <= number < 1e6:
        raise ValueError(value)
    return number


boolean = Kind("one of 0, 1, true, false, yes, no, on, off", _boolean, _TRUE + _FALSE)
maybe = Kind("none, true or false", _maybe, ("none", "true", "false"))
text = Kind("text", _text)
path = Kind("a path", _path)
names = Kind("names separated by commas", _names)
seconds = Kind("a number of seconds, 0 or more", _seconds)


class Spec(NamedTuple):
    """A backend as users write it: ``NAME[@DISTRIBUTION][:DEVICE]``."""

    name: str
    distribution: str = ""
    device: str = ""

    def __str__(self) -> str:
        at = f"@{self.distribution}" if self.distribution else ""
        return f"{self.name}{at}" + (f":{self.device}" if self.device else "")


_SPEC = re.compile(r"([A-Za-z_][\w.-]*)(?:@([\w.-]+))?(?::([^\s,@]+))?\Z", re.ASCII)
_DEVICE = re.compile(r"(cuda|gpu|opencl)(?::?(\d+(?::\d+)?))?\Z", re.ASCII)
_THEANO_DEVICES = {"cuda": "cuda", "gpu": "cuda", "opencl": "opencl"}
SPEC_GRAMMAR = "auto or NAME[@DISTRIBUTION][:DEVICE], as in 'cgen' or 'opencl:1'"


def parse_spec(words: object) -> Spec:
    """Take ``NAME[@DISTRIBUTION][:DEVICE]`` apart. Raises ValueError when it is not that."""
    found = _SPEC.match(words) if isinstance(words, str) else None
    if not found or (found[1] == "auto" and words != "auto"):
        raise ValueError(f"{brief(words)} is no backend; expected {SPEC_GRAMMAR}")
    return Spec(found[1], found[2] or "", found[3] or "")


def _spec_text(value: object) -> str:
    return str(parse_spec(value))


def _device(value: object) -> str:
    if isinstance(value, str) and (value == "cpu" or _DEVICE.match(value)):
        return value
    raise ValueError(value)


def device_backend(device: str) -> str:
    """The backend that one of Theano's device words chooses; ``""`` for ``cpu``."""
    found = _DEVICE.match(device)
    return str(Spec(_THEANO_DEVICES[found[1]], "", found[2] or "")) if found else ""


def combine(backend: str, device: str) -> str:
    """The backend that ``backend`` and ``device`` mean when both are set at one place.

    Raises ValueError when they contradict each other.
    """
    wanted = device_backend(device)
    if not wanted:
        return backend
    ours, theirs = parse_spec(backend), parse_spec(wanted)
    if ours.name != theirs.name or (ours.device and theirs.device and ours.device != theirs.device):
        raise ValueError(f"backend {backend!r} and device {device!r} contradict each other")
    return str(Spec(ours.name, ours.distribution, ours.device or theirs.device))


def home() -> str:
    """The user's home folder, or ``""`` where there is none."""
    found = os.path.expanduser("~")
    return found if os.environ.get("HOME") != "" and os.path.isabs(found) else ""


def _cache_dir() -> str:
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):
        return os.path.join(base, "tensorcore")
    return os.path.join(home(), ".cache", "tensorcore") if home() else ""


_BACKEND = Kind(SPEC_GRAMMAR, _spec_text)
_DEVICES = Kind("cpu, cuda[N], gpu[N] or opencl[N]", _device, ("cpu", "cuda", "gpu", "opencl"))

_LABELS = Kind("names separated by commas or colons", _labels)

OPTIONS: tuple[Option, ...] = (
    Option("backend", _BACKEND, "auto", "Where functions run: " + SPEC_GRAMMAR + "."),
    Option("device", _DEVICES, "cpu", "Theano's word for it: cpu, cuda0, gpu, opencl1, ..."),
    Option("floatX", choice("float64", "float32", "float16"), "float64", "The default float."),
    Option(
        "fallback",
        choice("auto", "error", "warn", "allow"),
        "auto",
        "Ops that the backend lacks; auto: error for a backend chosen by name, else warn.",
    ),
    Option(
        "auto_order",
        Kind("backends separated by commas, as in 'cgen,numpy_ref'", _specs),
        ("cgen", "numpy_ref"),
        "What backend=auto tries, in order; the first that can run is taken.",
    ),
    Option(
        "plugins",
        names,
        (),
        "Plugins to load beside the installed ones, module[:object],...; 'off' among them "
        "turns the search for installed ones off.",
    ),
    Option("disable", names, (), "Backends or distributions that must not be loaded."),
    Option(
        "probe_timeout",
        seconds,
        20.0,
        "Seconds that a plugin has to prove itself in a process of its own before it is first "
        "loaded; 0: plugins are loaded untried.",
    ),
    Option(
        "num_threads",
        integer(0, 1024),
        0,
        "Threads that may share the work of one function; 0: as many as there are processors for "
        "this process. It is decided when the function is compiled, and changes no result.",
    ),
    Option(
        "background",
        boolean,
        False,
        "Whether the first calls of a function run on the reference while the backend that 'auto' "
        "chose compiles it. Results may then differ in the last bits between early and late "
        "calls. Functions that keep time are compiled at once.",
    ),
    Option("debug", boolean, False, "Check the graph and the program after each pass."),
    Option("cache_dir", path, _cache_dir, "Where compiled code is kept; empty: nowhere."),
    Option(
        "on_unused_input",
        choice("raise", "warn", "ignore"),
        "raise",
        "What a function input that nothing uses means.",
    ),
    Option(
        "allow_input_downcast",
        maybe,
        None,
        "Whether arguments may lose precision; none: only Python floats, to floatX.",
    ),
    Option(
        "allow_gc", boolean, True, "Theano's; buffers are planned ahead, so it changes nothing."
    ),
    Option(
        "compute_test_value",
        choice("off", "ignore", "warn", "raise", "pdb"),
        "off",
        "Whether each new node is computed at once from x.tag.test_value; and what a variable "
        "without one means.",
    ),
    Option("assume_finite", boolean, True, "Allow rewrites that hold for finite values only."),
    Option("fast_math", boolean, False, "Allow rewrites that change rounding."),
    Option(
        "exception_verbosity",
        choice("low", "high"),
        "low",
        "Detail of errors at a call: 'high' shows the node, its operands and the expression.",
    ),
    Option("profile", boolean, False, "Time the steps of all functions; a summary at exit."),
    Option(
        "math_accuracy",
        choice("default", "high"),
        "default",
        "Elementary functions in float64: as many units in the last place as float32, or fewer.",
    ),
    Option(
        "mode",
        choice("FAST_RUN", "FAST_COMPILE", "Mode", "DebugMode", "DEBUG_MODE", "NanGuardMode"),
        "FAST_RUN",
        "Theano's compilation mode: FAST_COMPILE means optimizer=fast_compile; NanGuardMode stops "
        "at the first node with NaN or infinity, DebugMode at the first that differs from the "
        "reference.",
    ),
    Option(
        "optimizer",
        Kind("one of " + ", ".join(_OPTIMIZERS), _optimizer, _OPTIMIZERS),
        "fast_run",
        "Which rewrites run: none and merge no rule at all, fast_compile only simplification, "
        "the others all.",
    ),
    Option(
        "optimizer_excluding",
        _LABELS,
        (),
        "Rewrite rules, groups (simplify, stabilize) or classes (exact, finite, stable, "
        "fast_math) to leave out, separated by commas or colons.",
    ),
    Option(
        "optimizer_including",
        _LABELS,
        (),
        "The same, to add to those that run.",
    ),
)
