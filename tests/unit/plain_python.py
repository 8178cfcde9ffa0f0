"""Compiled code as plain Python: what numba compiles is checked line by line, and seen by coverage tools."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from unittest.mock import patch

from labrig import compiled


def as_plain_python(module: ModuleType) -> ModuleType:
    """Load the source of a module once more, with none of its functions compiled."""
    assert module.__file__
    spec = importlib.util.spec_from_file_location(f"{module.__name__}_plain", module.__file__)
    assert spec
    assert spec.loader
    plain = importlib.util.module_from_spec(spec)
    with patch.object(compiled, "compiled", lambda f: f), patch.object(compiled, "helper", lambda f: f):
        spec.loader.exec_module(plain)
    return plain
