"""Configuration: text → Document (values, marks, problems) → validated sections. No checks between sections here."""
