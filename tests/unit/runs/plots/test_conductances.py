"""Colours of the points on a drawing of a network."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from labrig.runs.plots.canvas import new_figure
from labrig.runs.plots.conductances import _draw_as_network


@pytest.mark.parametrize(
    ("inputs", "ports"), [(["source"], {"source": ["a", "b"]}), (["a.x", "b.y"], {}), (["a", "b"], {})]
)
def test_inputs_and_outputs_are_marked_where_they_act(inputs, ports):
    board = {
        "nodes": ["a", "b", "c", "d"],
        "places": {"a": (0, 0), "b": (1, 0), "c": (0, 1), "d": (1, 1)},
        "parameter": {"quantity": "stiffness", "unit": "N/m"},
        "edges": [["a-b", "a", "b"], ["b-c", "b", "c"], ["c-d", "c", "d"]],
        "inputs": inputs,
        "outputs": ["c"],
        "ports": ports,
        "range_s": [1.0, 2.0],
    }
    axis = new_figure(4, 4).subplots()
    _draw_as_network(axis, board, np.array([1.0, 1.5, 2.0]), "")
    colours = [to_hex(line.get_color()) for line in axis.lines]
    assert colours == [to_hex(each) for each in ("C0", "C0", "C3", "0.4")]
