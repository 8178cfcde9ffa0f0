"""Configuration: text → Document (values, marks, faults) → validated sections. No cross-checks here."""
