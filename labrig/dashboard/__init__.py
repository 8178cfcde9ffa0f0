"""The dashboard: runs in a browser, live. It runs in a process of its own and only reads the folders of runs.

following.py   follows a run: what was added to its journal since the last look
views.py       what the pages show, as plain values: the list of runs, one run, two runs side by side
access.py      access control: the token of this start of the dashboard, the host and the origin of a request
app.py         the addresses, as a Starlette application
serving.py     serves it on the loopback interface until Ctrl-C
static/        pages, scripts and style; uplot/ is uPlot 1.6.32, with its licence

The pages load nothing from elsewhere and need no build step. The parts of the report are those of `labrig.runs.report`.
"""
