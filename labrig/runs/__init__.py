"""Runs on disk: the journal, the folder around it, and functions that read both."""
