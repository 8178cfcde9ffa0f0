"""Contract suites: what every source, digitizer, programmer and whole rig must keep, on any bench.

    pytest --rig bench.yaml --pyargs labrig.testing

Each check is a plain function that raises AssertionError; the suites are thin tests around them. Needs pytest.
"""
