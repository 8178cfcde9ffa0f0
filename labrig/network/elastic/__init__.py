"""Elastic networks: points in a plane connected by springs whose stiffness is trained."""

from labrig.network.elastic.options import Elastic

__all__ = ["Elastic"]
