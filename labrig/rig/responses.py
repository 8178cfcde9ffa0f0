"""Selects the coefficients that a learning rule needs from the result of the lock-in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.data import AcquisitionPlan, SourceAccuracy
from labrig.learning.measurement import Response, SecondDrops, SharedErrors
from labrig.lockin.demodulated import Demodulated
from labrig.lockin.drops import prepare_drops
from labrig.lockin.half_squares import HalfSquares
from labrig.rig.hookup import Hookup


def response_of(
    read: Demodulated,
    activation: str,
    hookup: Hookup,
    error_rows: slice,
    error: NDArray[np.float64],
    half_squares: HalfSquares | None = None,
    constant: NDArray[np.float64] | None = None,
    shared: SharedErrors | None = None,
) -> Response:
    """Return the response of one acquisition.

    Parameters
    ----------
    read : Demodulated
        The result of the lock-in.
    activation : {'dc', 'sine'}
        Kind of activation; a sine is the first tone.
    hookup : Hookup
        The wiring.
    error_rows : slice
        The error tones among all tones.
    error : (K, O) array
        The error currents as they were played (A).
    half_squares : HalfSquares or None
        ½u² of every edge, if it was requested.
    constant : (O,) array or None
        The constant currents as they were played (A); None if none were requested.
    shared : SharedErrors or None
        Uncertainties that this response shares with others.
    """
    if activation == "dc":
        a, u_a, systematic_a = read.edge_dc, read.u_edge_dc, read.systematic_edge_dc
        channels = read.dc, read.u_dc, read.systematic_dc
    else:
        a, u_a, systematic_a = read.in_phase[0], read.u_edge[0], read.systematic_edge[0]
        channels = read.channel_in_phase[0], read.u_channel[0], read.systematic_channel[0]
    edges, second = len(hookup.edges), None
    if hookup.has_second:
        a, u_a, systematic_a = a[:edges], u_a[:edges], systematic_a[:edges]
        more = read.edge_dc, read.u_edge_dc, read.systematic_edge_dc
        second = SecondDrops(*(values[edges:] for values in more))
    outputs, u_outputs, systematic_outputs = (values[hookup.output_columns] for values in channels)
    return Response(
        outputs=outputs,
        u_outputs=u_outputs,
        systematic_outputs=systematic_outputs,
        a=a,
        u_a=u_a,
        b=read.in_phase[error_rows, :edges],
        u_b=read.u_edge[error_rows, :edges],
        systematic_a=systematic_a,
        systematic_b=read.systematic_edge[error_rows, :edges],
        error=error,
        quadrature=read.quadrature[error_rows, :edges],
        demodulated=read,
        half_squares=half_squares,
        constant=np.zeros(len(hookup.outputs)) if constant is None else constant,
        second=second,
        shared=shared,
        constant_slope=hookup.constant_slope,
    )


def shared_errors(
    hookup: Hookup, plan: AcquisitionPlan, accuracies: Mapping[str, SourceAccuracy] = MappingProxyType({})
) -> SharedErrors:
    """Return the uncertainties that all responses share, in the unit of the network.

    Parameters
    ----------
    hookup : Hookup
        The wiring.
    plan : AcquisitionPlan
        The acquisition, which contains the uncertainties of the digitizer.
    accuracies : mapping of str to SourceAccuracy
        Accuracies of the sources by name; a source that is missing counts as exact.
    """
    offset = plan.u_offset_v * (1.0 if hookup.per_volt is None else np.abs(hookup.per_volt))
    of_outputs = [accuracies.get(wire.device, SourceAccuracy()) for wire in hookup.outputs]
    return SharedErrors(
        prepare_drops(hookup.drops),
        plan.u_gain,
        offset,
        hookup.output_columns,
        np.array([each.u_gain for each in of_outputs]),
        np.array([each.u_tone_v for each in of_outputs]) / np.abs(hookup.output_volts_per_ampere),
    )
