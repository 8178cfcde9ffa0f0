"""Runs on disk: the journal, the folder around it, and how to read them again."""
