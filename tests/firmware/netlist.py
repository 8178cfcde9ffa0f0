"""The program that writes the circuit of a one-board bench, as a module."""

import importlib.util
import sys
from types import ModuleType

from firmware.builds import SOURCES


def netlist_program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("one_board_netlist", SOURCES / "netlist.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["one_board_netlist"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
