"""A backend on an array library: `array_api_strict` here, and any other namespace of the Python
array API standard in the same way."""

import array_api_strict as xp

from tensorcore.backend import Capabilities, Diagnosis, NamespaceMemory
from tensorcore.dtypes import ALL
from tensorcore.hookspecs import hookimpl
from tensorcore.interpret import Interpreter
from tensorcore.ops import OPS

DTYPES = tuple(name for name in ALL if hasattr(xp, name))  # the standard has no float16


class Strict:
    name = "strict"
    memory = NamespaceMemory(xp)

    def diagnose(self):
        return Diagnosis(True, True, versions={"array_api_strict": xp.__version__})

    def capabilities(self):
        return Capabilities(dtypes=DTYPES, calls=frozenset(OPS))

    def compile(self, program):
        return Interpreter(program, xp, self.memory)


@hookimpl
def tensorcore_backends():
    return {"strict": Strict}
