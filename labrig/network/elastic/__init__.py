"""Elastic networks: nodes in the plane that springs hold, trained by their stiffness."""

from labrig.network.elastic.options import Elastic

__all__ = ["Elastic"]
