"""The sections of a configuration, one file each: its model, and the checks that need more than the section itself.

Every key is explained in configs/README.md.
"""
