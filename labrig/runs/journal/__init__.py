"""The journal of a run: SQLite in WAL mode, one row per step. The commit is the step.

schema.py      the columns, each named once
tables.py      tables made of these columns, with a checksum for every row
kinds.py       how values of each type are stored
writer.py      Journal, which writes the tables
record.py      what the functions of reader.py return
reader.py      read_journal, read_growth and read_overview, which read a journal of any schema and never write
log.py         reads and checks the write-ahead log, also beyond damage at which SQLite would stop
repair.py      repairs a damaged log before a run is resumed
migrations.py  one step per schema version that upgrades an older journal to today's schema

To add a column, add a field in schema.py, raise VERSION, and add the step to migrations.py.
"""

from __future__ import annotations

from labrig.runs.journal.migrations import NewerJournal
from labrig.runs.journal.reader import (
    DamagedJournal,
    read_blocks,
    read_checkpoint,
    read_growth,
    read_journal,
    read_overview,
)
from labrig.runs.journal.record import Growth, Overview, Record
from labrig.runs.journal.repair import repair
from labrig.runs.journal.schema import (
    Checkpoint,
    Evaluation,
    Event,
    Example,
    Intent,
    Step,
    StoredBlock,
    StoredFile,
    Terminal,
    Writing,
)
from labrig.runs.journal.writer import Journal

__all__ = [
    "Checkpoint",
    "DamagedJournal",
    "Evaluation",
    "Event",
    "Example",
    "Growth",
    "Intent",
    "Journal",
    "NewerJournal",
    "Overview",
    "Record",
    "Step",
    "StoredBlock",
    "StoredFile",
    "Terminal",
    "Writing",
    "read_blocks",
    "read_checkpoint",
    "read_growth",
    "read_journal",
    "read_overview",
    "repair",
]
