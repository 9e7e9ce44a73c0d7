"""Theano's flags: ``THEANO_FLAGS``, ``~/.theanorc``, ``theano.config`` and ``change_flags``.

A flag has a default, what it means here, and, where there is one, the option of ours that it sets.
Settings of ours (``TENSORCORE_...``) win over Theano's. A flag that is not known is reported on one
line and kept, so that programs that ask for it get their value.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, NamedTuple

from .. import _rcfile
from .. import config as _ours
from .._options import home
from ..errors import BackendUnavailable, ConfigError, DTypeError
from ..node import Tensor, is_constant
from ..ops._declare import ON_NEW_NODE
from ..origin import warn
from ..types import ON_NEW_VARIABLE

__all__ = [
    "AddConfigVar", "BoolParam", "ConfigParam", "EnumStr", "FLAGS", "Flag", "FloatParam",
    "IntParam", "StrParam", "THEANO_FLAGS", "TheanoConfigParser", "change_flags", "config",
    "config_files_from_theanorc", "local_bitwidth",
    "parse_config_string", "read_sources",
]  # fmt: skip


class Flag(NamedTuple):
    """The default, the option of ours that the flag sets (or nothing), and what it means here."""

    default: Any
    option: str
    meaning: str


_NO_COMPILER = "Theano's C compiler; the backend has options of its own, such as cgen.cc"
_NO_GPU = "Theano's GPU library; backends manage their devices"
_NO_DNN = "cuDNN is not used"
_DEBUG = "a check of Theano's DebugMode, which here compares all results with the reference"
_CACHE = "where Theano kept compiled code; here the option cache_dir says it"
_OLD_BUG = "a warning about a bug of Theano's that is none here"

#: All flags that are known, by name.
FLAGS: dict[str, Flag] = {
    "floatX": Flag("float64", "floatX", "the dtype of variables and results without a dtype"),
    "device": Flag("cpu", "", "cpu: the backend that the option backend chooses; a GPU: the "
                   "backend cuda if it is installed, else as cpu, with a line that says so"),
    "init_gpu_device": Flag("", "", "devices are started when they are used"),
    "force_device": Flag(False, "", "name the backend, as in TENSORCORE_BACKEND, to force it"),
    "mode": Flag("Mode", "mode", "FAST_COMPILE: few rewrites; DebugMode, NanGuardMode: each "
                 "result is checked as it is computed; others: all rewrites"),
    "optimizer": Flag("fast_run", "optimizer", "which rewrites run"),
    "optimizer_verbose": Flag(False, "", "tensorcore.explain(f) shows each rewrite"),
    "optimizer_excluding": Flag("", "optimizer_excluding", "rewrites to leave out, if known here"),
    "optimizer_including": Flag("", "optimizer_including", "rewrites to add, if known here"),
    "optimizer_requiring": Flag("", "", "rewrites of Theano's that are required; ignored"),
    "on_opt_error": Flag("warn", "", "a rewrite that fails is always an error"),
    "on_unused_input": Flag("raise", "on_unused_input", "what an unused input means"),
    "on_shape_error": Flag("warn", "", "a shape that does not fit is always an error"),
    "allow_gc": Flag(True, "allow_gc", "memory is planned ahead; changes nothing"),
    "compute_test_value": Flag("off", "compute_test_value", "values of nodes as they are made"),
    "compute_test_value_opt": Flag("off", "", "test values of rewritten graphs; ignored"),
    "exception_verbosity": Flag("low", "exception_verbosity", "detail of errors at a call"),
    "profile": Flag(False, "profile", "time the steps of all functions; a summary at exit"),
    "profile_optimizer": Flag(False, "", "f.report() has the times of rewriting"),
    "profile_memory": Flag(False, "", "f.report() has the memory"),
    "warn_float64": Flag("ignore", "", "warn, raise: where a variable or a result is float64"),
    "cast_policy": Flag("custom", "", "how Python numbers are typed; docs/dtypes.md has our rules"),
    "int_division": Flag("int", "", "/ of integers is true division, as in Python 3"),
    "openmp": Flag(False, "", "threads are used where they help; cgen.threads limits them"),
    "openmp_elemwise_minsize": Flag(200000, "", "kernels are cut by size; ignored"),
    "base_compiledir": Flag("~/.theano", "", _CACHE),
    "compiledir": Flag("~/.theano", "", _CACHE),
    "compiledir_format": Flag("", "", _CACHE),
    "tmpdir": Flag("", "", _CACHE),
    "cxx": Flag("", "", _NO_COMPILER),
    "linker": Flag("cvm", "", "backends take the place of linkers; ignored"),
    "lib.cnmem": Flag(0.0, "", _NO_GPU),
    "lib.amblibm": Flag(False, "", _NO_COMPILER),
    "blas.ldflags": Flag("", "", "the BLAS that NumPy comes with is used"),
    "blas.check_openmp": Flag(True, "", "the BLAS that NumPy comes with is used"),
    "gcc.cxxflags": Flag("", "", _NO_COMPILER),
    "cmodule.mac_framework_link": Flag(False, "", _NO_COMPILER),
    "cmodule.warn_no_version": Flag(False, "", _NO_COMPILER),
    "cmodule.remove_gxx_opt": Flag(False, "", _NO_COMPILER),
    "cmodule.compilation_warning": Flag(False, "", _NO_COMPILER),
    "cmodule.preload_cache": Flag(False, "", _NO_COMPILER),
    "cmodule.age_thresh_use": Flag(0, "", _NO_COMPILER),
    "cmodule.debug": Flag(False, "", _NO_COMPILER),
    "nvcc.fastmath": Flag(False, "", _NO_GPU),
    "nvcc.flags": Flag("", "", _NO_GPU),
    "nvcc.compiler_bindir": Flag("", "", _NO_GPU),
    "nvcc.cudafe": Flag("heuristic", "", _NO_GPU),
    "cuda.root": Flag("", "", _NO_GPU),
    "cuda.enabled": Flag(True, "", _NO_GPU),
    "cublas.lib": Flag("cublas", "", _NO_GPU),
    "contexts": Flag("", "", "several devices in one program are not used; ignored"),
    "assert_no_cpu_op": Flag("ignore", "", _NO_GPU),
    "print_active_device": Flag(True, "", "f.report() says where a function runs"),
    "gpuarray.preallocate": Flag(0.0, "", _NO_GPU),
    "gpuarray.sync": Flag(False, "", _NO_GPU),
    "gpuarray.sched": Flag("default", "", _NO_GPU),
    "gpuarray.single_stream": Flag(True, "", _NO_GPU),
    "gpuarray.cache_path": Flag("", "", _NO_GPU),
    "dnn.enabled": Flag("auto", "", _NO_DNN),
    "dnn.include_path": Flag("", "", _NO_DNN),
    "dnn.library_path": Flag("", "", _NO_DNN),
    "dnn.bin_path": Flag("", "", _NO_DNN),
    "dnn.base_path": Flag("", "", _NO_DNN),
    "dnn.conv": Flag("auto", "", _NO_DNN),
    "dnn.conv.algo_fwd": Flag("small", "", _NO_DNN),
    "dnn.conv.algo_bwd": Flag("none", "", _NO_DNN),
    "dnn.conv.algo_bwd_data": Flag("none", "", _NO_DNN),
    "dnn.conv.algo_bwd_filter": Flag("none", "", _NO_DNN),
    "dnn.conv.precision": Flag("as_input_f32", "", _NO_DNN),
    "magma.enabled": Flag(False, "", _NO_GPU),
    "scan.allow_gc": Flag(False, "", "memory of loops is planned ahead; ignored"),
    "scan.allow_output_prealloc": Flag(True, "", "memory of loops is planned ahead; ignored"),
    "scan.debug": Flag(False, "", "the option debug checks all of a program"),
    "DebugMode.patience": Flag(10, "", _DEBUG),
    "DebugMode.check_c": Flag(True, "", _DEBUG),
    "DebugMode.check_py": Flag(True, "", _DEBUG),
    "DebugMode.check_finite": Flag(True, "", _DEBUG),
    "DebugMode.check_strides": Flag(0, "", _DEBUG),
    "DebugMode.check_preallocated_output": Flag("", "", _DEBUG),
    "DebugMode.warn_input_not_reused": Flag(True, "", _DEBUG),
    "NanGuardMode.nan_is_error": Flag(True, "", "whether NanGuardMode stops at NaN"),
    "NanGuardMode.inf_is_error": Flag(True, "", "whether NanGuardMode stops at infinity"),
    "NanGuardMode.big_is_error": Flag(True, "", "whether NanGuardMode stops above 1e10"),
    "NanGuardMode.action": Flag("raise", "", "always raise"),
    "optdb.position_cutoff": Flag(float("inf"), "", "rewrites of Theano's by number; ignored"),
    "optdb.max_use_ratio": Flag(8.0, "", "rewrites of Theano's; ignored"),
    "metaopt.verbose": Flag(False, "", "rewrites of Theano's; ignored"),
    "conv.assert_shape": Flag(False, "", "shapes of convolutions are always checked"),
    "tensor.cmp_sloppy": Flag(0, "", "tolerance of Theano's own comparisons; ignored"),
    "tensor.insert_inplace_optimizer_validate_nb": Flag(-1, "", "rewrites of Theano's; ignored"),
    "tensor.local_elemwise_fusion": Flag(True, "", "the backend decides about fusion"),
    "gpu.local_elemwise_fusion": Flag(True, "", _NO_GPU),
    "traceback.limit": Flag(8, "", "errors name the user's line; ignored"),
    "traceback.compile_limit": Flag(0, "", "errors name the user's line; ignored"),
    "experimental.unpickle_gpu_on_cpu": Flag(False, "", "what is pickled knows no device"),
    "experimental.local_alloc_elemwise": Flag(True, "", "rewrites of Theano's; ignored"),
    "unittests.rseed": Flag("666", "", "the seed of theano.tests.unittest_tools"),
    "unpickle_function": Flag(True, "", "unpickled functions are compiled when they are called"),
    "reoptimize_unpickled_function": Flag(False, "", "unpickled functions are always compiled"),
    "deterministic": Flag("default", "", "the same call gives the same bits"),
    "numpy.seterr_all": Flag("ignore", "", "floating point errors are silent"),
    "numpy.seterr_divide": Flag("None", "", "floating point errors are silent"),
    "numpy.seterr_over": Flag("None", "", "floating point errors are silent"),
    "numpy.seterr_under": Flag("None", "", "floating point errors are silent"),
    "numpy.seterr_invalid": Flag("None", "", "floating point errors are silent"),
    "pickle_test_value": Flag(True, "", "test values are pickled"),
    "check_input": Flag(True, "", "inputs are always checked"),
    "check_stack_trace": Flag("off", "", "each node knows its line; ignored"),
    "gcc.warn": Flag(False, "", _NO_COMPILER),
    "vm.lazy": Flag("None", "", "ifelse is always lazy"),
    "vm.profile": Flag(False, "", "the option profile"),
    "cycle_detection": Flag("regular", "", "graphs cannot have cycles; ignored"),
    "enable_initial_driver_test": Flag(True, "", _NO_GPU),
    "pthreads": Flag(False, "", "threads are used where they help; ignored"),
    "pycuda.init": Flag(False, "", _NO_GPU),
    "warn.ignore_bug_before": Flag("0.9", "", _OLD_BUG),
    **{f"warn.{name}": Flag(True, "", _OLD_BUG) for name in (
        "argmax_pushdown_bug", "gpusum_01_011_0111_bug", "sum_sum_bug", "sum_div_dimshuffle_bug",
        "subtensor_merge_bug", "gpu_set_subtensor1", "vm_gc_bug", "signal_conv2d_interface",
        "reduce_join", "inc_set_subtensor1", "round", "inc_subtensor1_opt")},
}  # fmt: skip
_values: dict[str, Any] = {}


def _say(words: str) -> None:
    print(f"tensorcore: {words}", file=sys.stderr)


def _typed(name: str, value: Any) -> Any:
    """A text from a file or variable in the type that the flag has."""
    default = FLAGS[name].default if name in FLAGS else None
    if not isinstance(value, str) or isinstance(default, str) or default is None:
        return value
    if isinstance(default, bool):
        return value.strip().lower() in ("1", "true", "yes", "on")
    try:
        return type(default)(value)
    except ValueError:
        return value


def get(name: str) -> Any:
    """The value of a flag. Raises AttributeError for one that nobody has set or added."""
    flag = FLAGS.get(name)
    if flag is not None and flag.option and name not in _values:
        found = _ours.get(flag.option)
        return ":".join(found) if isinstance(found, tuple) else found
    if name in _values:
        return _values[name]
    if flag is None:
        raise AttributeError(f"theano.config has no flag {name!r}; docs/theano.md lists them.")
    return flag.default


def put(name: str, value: Any, where: str = "") -> None:
    """Set a flag; ``where`` names the file or variable, if it is not the program that asks."""
    flag = FLAGS.get(name)
    if flag is None:
        _say(f"{where or 'theano.config'}: {name!r} is no flag that is known here; it is ignored.")
        _values[name] = value
    elif name == "device":
        _device(str(value), where)
    elif flag.option:
        _set_ours(name, flag, value, where)
    else:
        if where:
            _say(f"{where}: {name}={value}: {flag.meaning}.")
        _values[name] = _typed(name, value)
    _watch_float64()


def _float64(node: Tensor) -> None:
    """Complain about a variable or a result in float64, as ``warn_float64`` says."""
    if node.dtype == "float64" and not is_constant(node):
        words = f"{node!r} is float64, and the flag warn_float64 is {get('warn_float64')!r}."
        if get("warn_float64") in ("raise", "pdb"):
            raise DTypeError(f"{words} Cast it, or its operands, to float32.")
        warn(words)


def _watch_float64() -> None:
    """Have new variables and results looked at while the flag asks for it, and only then."""
    for looks in (ON_NEW_VARIABLE, ON_NEW_NODE):
        while _float64 in looks:
            looks.remove(_float64)
        if get("warn_float64") != "ignore":
            looks.append(_float64)


def _set_ours(name: str, flag: Flag, value: Any, where: str) -> None:
    try:
        setattr(_ours, flag.option, value)
        _values.pop(name, None)
    except ConfigError as problem:
        if not where and name not in ("mode", "optimizer_including", "optimizer_excluding"):
            raise
        _say(f"{where or 'theano.config'}: {name}: {problem}")
        _values[name] = value


def _device(value: str, where: str) -> None:
    """``theano.config.device`` says what is used and not what was asked for."""
    from .. import plugins

    if value.startswith(("gpu", "cuda", "opencl")):
        backend = "opencl" if value.startswith("opencl") else "cuda"
        try:
            plugins.select(backend)
        except BackendUnavailable as problem:
            why = str(problem).partition(": ")[0]
        else:
            _ours.device = value
            _values["device"] = value
            return
        chosen = _ours.chosen_backend()[0]
        _say(
            f"{where or 'theano.config'}: device={value}: {why}; backend={chosen} counts. "
            f"TENSORCORE_BACKEND names another."
        )
        value = "cpu"
    _values["device"] = value


def read_sources() -> None:
    """Take the settings of ``~/.theanorc`` (or those that THEANORC names) and THEANO_FLAGS."""
    _ours.reload()
    own = {s.option for s in _ours.explain() if s.source not in ("default", "the default")}
    raws: dict[str, tuple[str, str]] = {}
    for shown, path in _files():
        for found in _rcfile._read_file(shown, path, False, 0):
            if isinstance(found, _rcfile.Problem):
                _say(f"{found.where}: {found.message}")
            else:
                raws[found.key] = (found.text, found.where)
    _last_read[:] = [os.environ.get("THEANO_FLAGS", "")]
    for key, text in _rcfile._split_flags(_last_read[0]):
        raws[key or text] = (text, "THEANO_FLAGS")
    for key, (text, where) in raws.items():
        option = FLAGS[key].option if key in FLAGS else ""
        if option not in own and not (key == "device" and "backend" in own):
            put(key, text, where)


#: The text of THEANO_FLAGS that was taken last, if any.
_last_read: list[str] = []


def read_again() -> None:
    """Take the settings once more if THEANO_FLAGS has changed since."""
    if _last_read != [os.environ.get("THEANO_FLAGS", "")]:
        read_sources()


def _files() -> Iterator[tuple[str, str]]:
    named = os.environ.get("THEANORC")
    if named:
        yield from ((part, os.path.expanduser(part)) for part in named.split(os.pathsep) if part)
    elif home():
        yield "~/.theanorc", os.path.join(home(), ".theanorc")


def config_files_from_theanorc() -> list[str]:
    """The files that settings are read from."""
    return [path for _, path in _files()]


def __getattr__(name: str) -> Any:
    if name == "THEANO_FLAGS":
        return os.environ.get("THEANO_FLAGS", "")
    raise AttributeError(f"tensorcore.legacy.flags has no {name!r}.")


class _Section:
    """The flags that begin with the same words, as in ``theano.config.scan.allow_gc``."""

    def __init__(self, prefix: str) -> None:
        object.__setattr__(self, "_prefix", prefix)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        full = self._prefix + name
        if full not in _values and any(known.startswith(full + ".") for known in FLAGS):
            return _Section(full + ".") if full not in FLAGS else _Both(full)
        return get(full)

    def __setattr__(self, name: str, value: Any) -> None:
        put(self._prefix + name, value)

    def __repr__(self) -> str:
        names = [n for n in FLAGS if n.startswith(self._prefix)]
        return "\n".join(f"{name} = {get(name)!r}: {FLAGS[name].meaning}" for name in names)


class _Both(str):
    """The value of a flag under whose name there are others, such as ``dnn.conv``."""

    __slots__ = ("_inner",)
    _inner: _Section

    def __new__(cls, full: str) -> _Both:  # noqa: PYI034
        made = str.__new__(cls, get(full))
        made._inner = _Section(full + ".")
        return made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class TheanoConfigParser(_Section):
    """``theano.config``."""

    def __init__(self) -> None:
        super().__init__("")

    def change_flags(self, *args: Any, **flags: Any) -> change_flags:
        """See ``theano.configparser.change_flags``."""
        return change_flags(*args, **flags)


config = TheanoConfigParser()
_config_var_list = list(FLAGS)


class change_flags:  # used like a function, as in Theano
    """Flags for a block or a function: ``with change_flags(floatX="float32"): ...``."""

    def __init__(self, args: Any = (), **flags: Any) -> None:
        self._flags = {**dict(args), **flags}
        for name in self._flags:
            get(name)
        mapped = {n: v for n, v in self._flags.items() if n in FLAGS and FLAGS[n].option}
        self._ours = _ours.change_flags({FLAGS[n].option: v for n, v in mapped.items()})
        self._others = {n: v for n, v in self._flags.items() if n not in mapped}
        self._before: list[dict[str, Any]] = []

    def __enter__(self) -> None:
        self._before.append(dict(_values))
        self._ours.__enter__()
        _values.update(self._others)
        _watch_float64()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ours.__exit__(kind, error, trace)
        before = self._before.pop()
        for name in self._others:
            _values.pop(name, None)
            if name in before:
                _values[name] = before[name]
        _watch_float64()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def runs(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return runs


# -- flags that a program adds -------------------------------------------------------------


class ConfigParam:
    """The default of a flag that a program adds, and what makes a value of a text."""

    def __init__(self, default: Any, filter: Any = None, allow_override: bool = True) -> None:
        self.default = default() if callable(default) else default
        self.filter = filter
        self.allow_override = allow_override


def StrParam(default: Any, is_valid: Any = None, allow_override: bool = True) -> ConfigParam:
    """A flag that is text."""
    return ConfigParam(default, str, allow_override)


def IntParam(default: Any, is_valid: Any = None, allow_override: bool = True) -> ConfigParam:
    """A flag that is a whole number."""
    return ConfigParam(default, int, allow_override)


def FloatParam(default: Any, is_valid: Any = None, allow_override: bool = True) -> ConfigParam:
    """A flag that is a number."""
    return ConfigParam(default, float, allow_override)


def BoolParam(default: Any, is_valid: Any = None, allow_override: bool = True) -> ConfigParam:
    """A flag that is true or false."""
    return ConfigParam(bool(default), None, allow_override)


def EnumStr(default: Any, *options: Any, **kwargs: Any) -> ConfigParam:
    """A flag that is one of some words."""
    return ConfigParam(default, None)


def AddConfigVar(
    name: str, doc: str, configparam: ConfigParam, root: Any = None, in_c_key: bool = True
) -> None:
    """Add a flag; a value that was set before is kept."""
    FLAGS.setdefault(name, Flag(configparam.default, "", " ".join(doc.split())))
    if name in _values:
        _values[name] = _typed(name, _values[name])


def parse_config_string(config_string: str, issue_warnings: bool = True) -> dict[str, str]:
    """``name=value`` pairs separated by commas, as a dict."""
    return {key: value for key, value in _rcfile._split_flags(config_string) if key}


def local_bitwidth() -> int:
    """How many bits a pointer has."""
    return 64 if sys.maxsize > 2**32 else 32
