"""The journal of a run: SQLite in WAL mode, one row per step. The commit is the step.

schema.py      the columns, each named once
writer.py      Journal, which writes them
reader.py      read_journal and read_overview, which read a journal of any schema and never write
migrations.py  one step per schema version that makes an older journal look like one of today

To add a column, add a field in schema.py, raise VERSION, and add the step to migrations.py.
"""

from __future__ import annotations

from labrig.runs.journal.migrations import NewerJournal
from labrig.runs.journal.reader import Overview, Record, read_journal, read_overview
from labrig.runs.journal.schema import Evaluation, Event, Example, Step, Terminal
from labrig.runs.journal.writer import Journal

__all__ = [
    "Evaluation",
    "Event",
    "Example",
    "Journal",
    "NewerJournal",
    "Overview",
    "Record",
    "Step",
    "Terminal",
    "read_journal",
    "read_overview",
]
