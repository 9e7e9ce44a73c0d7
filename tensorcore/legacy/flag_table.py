"""The table of Theano's flags: of each its default, the option of ours that it sets, and what it
means here."""

from __future__ import annotations

import os
import sys
from typing import Any, NamedTuple

__all__ = ["FLAGS", "Flag"]


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
    "lib.amdlibm": Flag(False, "", _NO_COMPILER),
    "nocleanup": Flag(False, "", _NO_COMPILER),
    "max_python_threads": Flag(0, "", "threads are used where they help; ignored"),
    "print_test_value": Flag(False, "", "tensorcore.printing.debugprint shows no test values; "
                             "x.tag.test_value has them"),
    "home": Flag(os.path.expanduser("~"), "", "the folder of the user"),
    "root": Flag(sys.prefix, "", "the folder of this Python; Theano's was that of CUDA"),
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
