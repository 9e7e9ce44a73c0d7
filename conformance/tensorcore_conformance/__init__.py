"""The conformance suite: holds one backend to what the op declarations promise.

Run it with ``tensorcore conformance --backend NAME``, or with pytest::

    pytest --pyargs tensorcore_conformance --tensorcore-backend NAME

Cases come from the declarations. The suite knows families of ops, never a single op, and no
backend by name.
"""
