"""The record of a sweep: its trials, their table, their picture, and a frame for notebooks."""

from labrig.runs.sweeps.table import PICTURE, RECORD, TABLE, Table, read_table, write_record

__all__ = ["PICTURE", "RECORD", "TABLE", "Table", "read_table", "write_record"]
