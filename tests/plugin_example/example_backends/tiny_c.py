"""The backend tiny_c: tensorcore prints the kernels in C, a compiler builds them, NumPy holds the
memory, and the Interpreter calls them in order."""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from tensorcore.backend import Capabilities, Diagnosis
from tensorcore.codegen.dialect import C99
from tensorcore.codegen.function import C_TYPES, kernel_functions
from tensorcore.errors import CompileError
from tensorcore.hookspecs import hookimpl
from tensorcore.interpret import Interpreter

FLAGS = ["-O1", "-shared", "-fPIC", "-fwrapv", "-ffp-contract=off", "-fno-strict-aliasing", "-lm"]


def _argument(value):
    """A buffer as a pointer, a number as itself."""
    whole = isinstance(value, np.ndarray)
    return ctypes.c_void_p(value.ctypes.data) if whole else np.ctypeslib.as_ctypes(np.array(value))


class TinyC:
    name = "tiny_c"

    def diagnose(self):
        if shutil.which("cc") is None:
            return Diagnosis(False, False, "no C compiler was found", "install gcc")
        return Diagnosis(True, True, devices=("cpu",))

    def capabilities(self):
        return Capabilities(fuses=True, host_calls=True)

    def compile(self, program):
        text, functions = kernel_functions(program, C99)
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "kernels.c"), Path(folder, "kernels.so")
            source.write_text("#include <math.h>\n" + C_TYPES + text)
            done = subprocess.run(
                ["cc", source, "-o", target, *FLAGS], capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise CompileError(f"cc failed on the kernels: {done.stderr}")
            library = ctypes.CDLL(str(target))
        launch = [lambda *args, f=library[f.name]: f(*map(_argument, args)) for f in functions]
        return Interpreter(program, kernels=list(zip(functions, launch, strict=True)))


@hookimpl
def tensorcore_backends():
    return {"tiny_c": TinyC}
