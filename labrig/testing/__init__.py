"""Contract suites: checks of every source, digitizer, programmer and of the whole rig, on any bench.

    pytest --rig bench.yaml --pyargs labrig.testing
    pytest --rule mylab_rule:MyRule --pyargs labrig.testing

Each check is a plain function that raises AssertionError; the suites are thin tests around these. Needs pytest.
"""
