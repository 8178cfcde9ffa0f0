"""The simulated board: `timeline` records when sources and edges changed, `response` computes the node voltages."""

from labrig.simulation.world.cells import Cells
from labrig.simulation.world.response import BoardResponse, Stretch
from labrig.simulation.world.timeline import Timeline
from labrig.simulation.world.wiring import BoardWiring, SourceStage
from labrig.simulation.world.world import World

__all__ = ["BoardResponse", "BoardWiring", "Cells", "SourceStage", "Stretch", "Timeline", "World"]
