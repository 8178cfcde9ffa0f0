"""The JSON schema of a configuration, and tables of its keys."""

from labrig.assembly.schema.configuration import configuration_schema

__all__ = ["configuration_schema"]
