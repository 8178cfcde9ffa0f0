"""Rules, carriers, losses, tasks and updates: arrays in, arrays out. Nothing here knows a rig.

Each kind has a folder; each member is one file there, which holds its options, its behaviour and its messages. A
third-party package adds a member by entry point or by dotted path: see `labrig.extensions`.
"""
