"""Which Theano name is which of our objects: for each of its modules, the modules of ours in which
its names are looked up, in this order; and for names without a counterpart, what to use.

Late: a place that does not exist is passed over, so that a module that is added here is found.
"""

from __future__ import annotations

__all__ = ["INSTEAD", "MODULES", "instead"]

_TENSOR = "legacy.tensors tensor legacy.op_classes legacy.seldom"
_GRAPHS = (
    "legacy.graphs legacy.own_types legacy.function_graphs legacy.features legacy.user_ops "
    "legacy.graph_ops legacy.op_classes legacy.rewriting ."
)
_COMPILE = (
    "legacy.top legacy.modes legacy.user_ops legacy.graph_ops legacy.compiling legacy.op_classes ."
)
_GPU = "legacy.gpu"
_LINEAR = "tensor.nlinalg tensor.slinalg legacy.linear"

_TABLE = {
    "theano": (
        "legacy.top legacy.modes legacy.user_ops legacy.graph_ops legacy.own_types . printing "
        "updates"
    ),
    "theano.version": "legacy.top",
    "theano.configparser": "legacy.flags",
    "theano.configdefaults": "legacy.flags",
    "theano.ifelse": "ifelse legacy.op_classes",
    "theano.gradient": "legacy.gradients gradient legacy.op_classes",
    "theano.printing": "legacy.top legacy.printers printing",
    "theano.raise_op": "legacy.tensors legacy.seldom",
    "theano.updates": "updates",
    "theano.scan_module": "legacy.scans scan legacy.op_classes",
    "theano.scan_module.scan": "legacy.scans",
    "theano.scan_module.scan_op": "legacy.op_classes",
    "theano.scan_module.scan_utils": "legacy.scans scan legacy.top legacy.graphs .",
    "theano.scan_module.scan_views": "scan",
    "theano.scan_module.scan_opt": "legacy.rewriting",
    "theano.scalar": "legacy.scalars scalar",
    "theano.scalar.basic": "legacy.scalars scalar",
    "theano.scalar.basic_scipy": "legacy.scalars scalar",
    "theano.scalar.sharedvar": "legacy.scalars",
    "theano.typed_list": "legacy.typed_lists",
    **{f"theano.typed_list.{name}": "legacy.typed_lists" for name in ("basic", "type")},
    # -- tensors --------------------------------------------------------------------------
    "theano.tensor": _TENSOR,
    "theano.tensor.basic": _TENSOR,
    "theano.tensor.var": _TENSOR,
    "theano.tensor.type": _TENSOR,
    "theano.tensor.type_other": _TENSOR,
    "theano.tensor.sharedvar": f"legacy.top {_TENSOR}",
    "theano.tensor.subtensor": _TENSOR,
    "theano.tensor.elemwise": _TENSOR,
    "theano.tensor.extra_ops": _TENSOR,
    "theano.tensor.sort": _TENSOR,
    "theano.tensor.blas": _TENSOR,
    "theano.tensor.inplace": "legacy.inplace",
    "theano.tensor.utils": _TENSOR,
    "theano.tensor.xlogx": _TENSOR,
    "theano.tensor.opt": f"legacy.rewriting {_TENSOR}",
    "theano.tensor.opt_uncanonicalize": "legacy.rewriting",
    "theano.tensor.io": "legacy.seldom",
    "theano.tensor.fft": "tensor.fft",
    "theano.tensor.fourier": "tensor.fourier",
    "theano.tensor.nlinalg": _LINEAR,
    "theano.tensor.slinalg": _LINEAR,
    "theano.tensor.raw_random": "legacy.randoms",
    "theano.tensor.shared_randomstreams": "legacy.randoms tensor.shared_randomstreams",
    "theano.tensor.nnet": "legacy.networks legacy.convolutions tensor.nnet",
    "theano.tensor.nnet.nnet": "legacy.networks legacy.convolutions tensor.nnet",
    "theano.tensor.nnet.sigm": "legacy.networks tensor.nnet legacy.inplace",
    "theano.tensor.nnet.bn": "tensor.nnet.bn",
    "theano.tensor.nnet.conv": "legacy.networks legacy.convolutions tensor.nnet.conv",
    "theano.tensor.nnet.abstract_conv": "legacy.convolutions tensor.nnet.conv tensor.nnet",
    "theano.tensor.nnet.neighbours": "tensor.nnet.neighbours legacy.convolutions",
    "theano.tensor.nnet.blocksparse": "tensor.nnet legacy.networks",
    "theano.tensor.nnet.ctc": "tensor.nnet.ctc",
    "theano.tensor.nnet.Conv3D": "legacy.volumes",
    "theano.tensor.nnet.conv3d2d": "legacy.volumes",
    "theano.tensor.nnet.corr": "legacy.convolutions",
    "theano.tensor.nnet.corr3d": "legacy.convolutions",
    "theano.tensor.signal": "legacy.nothing",
    "theano.tensor.signal.pool": "legacy.convolutions tensor.signal.pool",
    "theano.tensor.signal.downsample": "legacy.convolutions tensor.signal.downsample",
    "theano.tensor.signal.conv": "tensor.signal.conv",
    # -- graphs and compilation -----------------------------------------------------------
    "theano.gof": _GRAPHS,
    "theano.gof.graph": _GRAPHS,
    "theano.gof.op": _GRAPHS,
    "theano.gof.opt": _GRAPHS,
    "theano.gof.type": _GRAPHS,
    "theano.gof.utils": _GRAPHS,
    "theano.gof.toolbox": _GRAPHS,
    "theano.gof.fg": _GRAPHS,
    "theano.gof.null_type": "legacy.gradients gradient",
    "theano.gof.params_type": _GRAPHS,
    "theano.gof.link": _GRAPHS,
    "theano.gof.vm": _GRAPHS,
    "theano.gof.cmodule": _GRAPHS,
    "theano.gof.compilelock": _GRAPHS,
    "theano.gof.optdb": _GRAPHS,
    "theano.compile": _COMPILE,
    "theano.compile.builders": _COMPILE,
    "theano.compile.debugmode": _COMPILE,
    "theano.compile.function": _COMPILE,
    "theano.compile.function_module": _COMPILE,
    "theano.compile.io": _COMPILE,
    "theano.compile.mode": _COMPILE,
    "theano.compile.monitormode": _COMPILE,
    "theano.compile.nanguardmode": _COMPILE,
    "theano.compile.ops": _COMPILE,
    "theano.compile.pfunc": _COMPILE,
    "theano.compile.profiling": _COMPILE,
    "theano.compile.sharedvalue": _COMPILE,
    # -- the rest -------------------------------------------------------------------------
    "theano.sparse": "sparse legacy.sparses",
    "theano.sparse.sharedvar": "sparse legacy.sparses",
    "theano.sparse.utils": "legacy.sparses",
    "theano.sparse.opt": "legacy.rewriting",
    "theano.sparse.basic": "sparse legacy.sparses",
    "theano.sparse.type": "sparse legacy.sparses",
    "theano.sparse.sandbox": "legacy.nothing",
    "theano.sparse.sandbox.sp": "sparse legacy.sparses",
    "theano.sparse.sandbox.sp2": "sparse legacy.sparses",
    "theano.sandbox": "legacy.nothing",
    "theano.sandbox.rng_mrg": "legacy.randoms tensor.shared_randomstreams",
    "theano.sandbox.scan": "legacy.scans scan",
    "theano.sandbox.softsign": "tensor.nnet",
    "theano.sandbox.linalg": _LINEAR,
    "theano.sandbox.linalg.ops": _LINEAR,
    "theano.sandbox.neighbours": "tensor.nnet.neighbours legacy.convolutions",
    "theano.compat": "legacy.compat",
    "theano.compat.python2x": "legacy.compat",
    "theano.compat.six": "legacy.compat",
    "theano.compat.six.moves": "legacy.compat",
    "theano.compat.six.moves.cPickle": "legacy.pickles",
    "theano.misc": "legacy.nothing",
    "theano.misc.pkl_utils": "legacy.pickles",
    "theano.misc.ordered_set": "legacy.compat",
    "theano.misc.strutil": "legacy.compat",
    "theano.misc.frozendict": "legacy.compat",
    "theano.misc.may_share_memory": "legacy.compat",
    "theano.misc.safe_asarray": "legacy.top",
    "theano.misc.pycuda_init": _GPU,
    "theano.misc.pycuda_utils": _GPU,
    "theano.misc.gnumpy_utils": _GPU,
    **{f"theano.sandbox.{name}": "legacy.nothing" for name in (
        "conv", "debug", "fourier", "minimal", "multinomial", "solve", "symbolic_module",
        "theano_object",
    )},
    "theano.tests": "legacy.nothing",
    "theano.tests.unittest_tools": "legacy.testing",
    "theano.tests.breakpoint": "legacy.testing",
    "theano.tests.disturb_mem": "legacy.testing",
    "theano.tests.record": "legacy.testing",
    "theano.tests.test_rop": "legacy.testing",
    "theano.d3viz": "legacy.printers",
    **{f"theano.sandbox.cuda{dot}{name}": _GPU for dot, name in (
        ("", ""), (".", "basic_ops"), (".", "blas"), (".", "blocksparse"), (".", "cuda_ndarray"),
        (".", "cuda_ndarray.cuda_ndarray"), (".", "dnn"), (".", "elemwise"),
        (".", "nvcc_compiler"), (".", "opt"), (".", "rng_curand"), (".", "type"), (".", "var"),
    )},
    **{f"theano.{home}gpuarray{dot}{name}": _GPU for home in ("", "sandbox.") for dot, name in (
        ("", ""), (".", "basic_ops"), (".", "blas"), (".", "dnn"), (".", "elemwise"),
        (".", "fp16_help"), (".", "opt"), (".", "pool"), (".", "subtensor"), (".", "type"),
    )},
}  # fmt: skip

#: For each module of Theano the places, relative to ``tensorcore`` (``.`` is the package).
MODULES: dict[str, tuple[str, ...]] = {name: tuple(text.split()) for name, text in _TABLE.items()}

_GPU_WORDS = "code for Theano's GPU back end does not run here; write the expression with T."
_LINKERS = "backends take the place of linkers; docs/backends.md says how."
#: What to use in the place of names, or of all names of a module, that are not here.
INSTEAD = {
    **{
        f"theano.gof.{name}": _LINKERS
        for name in (
            "Linker",
            "PerformLinker",
            "LocalLinker",
            "WrapLinker",
            "CLinker",
            "DualLinker",
        )
    },
    "theano.gof.DestroyHandler": "what may be written over is found when a function is compiled.",
    "theano.gof.type": "types of a program's own are derived from theano.gof.Type.",
    "theano.compile.sandbox": "use theano.compile.",
    "theano.scan_module": "theano.scan does this by itself.",
    "theano.ifelse.cond_merge": "equal conditions are merged when a function is compiled.",
    "theano.tensor.blas": "products use BLAS where the backend has it; write theano.dot.",
    "theano.tensor.slinalg": "gradients come from theano.grad.",
    "theano.tensor.nnet.CrossentropySoftmax1HotWithBiasDx": "gradients come from theano.grad.",
    "theano.tensor.nnet.CrossentropyCategorical1HotGrad": "gradients come from theano.grad.",
    "theano.tensor.nnet.SparseBlockOuter": "use theano.tensor.nnet.sparse_block_dot.",
    "theano.tensor.fft.RFFTOp": "use theano.tensor.fft.rfft.",
    "theano.tensor.fourier.Fourier": "use theano.tensor.fourier.fft.",
    "theano.tensor.randomstreams": "use theano.tensor.shared_randomstreams.",
    "theano.sandbox.rng_mrg": "draws are Philox's; use MRG_RandomStreams.",
    "theano.sandbox.samples_MRG31k3p_12_7_5": "draws are Philox's; use MRG_RandomStreams.",
    "theano.sparse.poisson": "draw dense numbers with RandomStreams.",
    "theano.sparse.binomial": "draw dense numbers with RandomStreams.",
    "theano.sparse.multinomial": "draw dense numbers with RandomStreams.",
    "theano.misc.check_blas": "`make bench` measures products.",
    "theano.sandbox.linalg.ops": "nothing is made of hints about matrices.",
    "theano.sandbox.multinomial": "use RandomStreams.multinomial and multinomial_wo_replacement.",
    "theano.sandbox.fourier": "use theano.tensor.fft.",
    "theano.sandbox.solve": "use theano.tensor.slinalg.solve.",
    "theano.sandbox.conv": "use theano.tensor.nnet.conv2d.",
    "theano.sandbox.symbolic_module": "write a class whose methods are compiled functions.",
    "theano.sandbox.theano_object": "write a class whose methods are compiled functions.",
    "theano.sandbox.minimal": "it was an example of an op; see theano.Op.",
    "theano.sandbox.debug": "use theano.compile.DebugMode.",
    "theano.tensor.io.send": "there is no MPI; use mpi4py between calls.",
    "theano.tensor.io.recv": "there is no MPI; use mpi4py between calls.",
    "theano.tensor.opt": "rewrites of ours are in tensorcore.rewrite; CONTRIBUTING.md says how.",
    "theano.sparse": "sparse matrices can do what docs/guide.md says; use dense ones for the rest.",
    "theano.tensor.nnet.corr": "use theano.tensor.nnet.conv2d.",
    "theano.gof.opt": "rewrites of ours are in tensorcore.rewrite; CONTRIBUTING.md says how.",
    "theano.gof.cmodule": "nothing is compiled by Theano's own C linker here.",
    "theano.gof.link": _LINKERS,
    "theano.gof.vm": _LINKERS,
    "theano.sandbox.cuda": _GPU_WORDS,
    "theano.gpuarray": _GPU_WORDS,
    "theano.sandbox.gpuarray": _GPU_WORDS,
    "theano.compile.profiling": "function(..., profile=True).profile has the times.",
}


def instead(full: str) -> str:
    """What to use in place of a name of Theano that is not here, by its longest known part."""
    parts = full.split(".")
    for end in range(len(parts), 0, -1):
        words = INSTEAD.get(".".join(parts[:end]))
        if words:
            return words
    return ""
