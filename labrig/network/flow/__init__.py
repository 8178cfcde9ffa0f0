"""Flow networks: pressures at nodes, tubes between them, and a chemical that is carried through the same tubes."""

from labrig.network.flow.options import Flow

__all__ = ["Flow"]
