"""The parts of a report, one file each; `labrig.runs.report` says how to add one."""
