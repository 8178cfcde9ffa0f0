"""The sections of a configuration, one file each: the model of the section, and checks that need other sections too.

Every key is explained in configs/README.md.
"""
