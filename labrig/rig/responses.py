"""Picks the coefficients that a learning rule needs out of what the lock-in read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labrig.learning.measurement import Response
from labrig.lockin.demodulated import Demodulated
from labrig.rig.hookup import Hookup


def response_of(
    read: Demodulated,
    activation: str,
    hookup: Hookup,
    error_rows: slice,
    error: NDArray[np.float64],
) -> Response:
    """Coefficients of one acquisition.

    Parameters
    ----------
    read
        What the lock-in read.
    activation
        "dc", or "sine" if the first tone is the activation's.
    hookup
        Says which columns are outputs.
    error_rows
        Tones that carry the error.
    error : (K, O) array
        The error currents as they were played (A).
    """
    if activation == "dc":
        outputs, a, u_a, systematic_a = read.dc, read.edge_dc, read.u_edge_dc, read.systematic_edge_dc
    else:
        outputs, a, u_a = read.channel_in_phase[0], read.in_phase[0], read.u_edge[0]
        systematic_a = read.systematic_edge[0]
    return Response(
        outputs=outputs[hookup.output_columns],
        a=a,
        u_a=u_a,
        b=read.in_phase[error_rows],
        u_b=read.u_edge[error_rows],
        systematic_a=systematic_a,
        systematic_b=read.systematic_edge[error_rows],
        error=error,
        quadrature=read.quadrature[error_rows],
        demodulated=read,
    )
