"""In-process instruments around one World: they implement the driver contracts with the capabilities of their models.

No call sleeps: time passes only on the simulated clock.
"""

from labrig.simulation.faces.context import SimulatedContext
from labrig.simulation.faces.digitizer import SimulatedDigitizer
from labrig.simulation.faces.programmer import SimulatedProgrammer
from labrig.simulation.faces.pulse_programmer import SimulatedPulseProgrammer
from labrig.simulation.faces.source import SimulatedSource

__all__ = [
    "SimulatedContext",
    "SimulatedDigitizer",
    "SimulatedProgrammer",
    "SimulatedPulseProgrammer",
    "SimulatedSource",
]
