"""The three benches. Each module builds one from an assembly, and is imported only when the bench is chosen."""
