"""The three benches: each builds what stands behind the driver interface, and is imported when it is chosen."""
