"""The report of a run: one self-contained HTML page. The code has a file for each part of the page.

reported.py   the data that parts are made of, read from the folder of a run however the run ended
blocks.py     the blocks of which a part consists: HTML and figures
figures.py    figures as SVG for pages, light and dark, and as SVG and PDF for papers
intervals.py  95 % intervals of accuracies and of rms errors
spectra.py    the lines of a spectrum, and their origins
ranges.py     rows of numbered nodes as one row
nested.py     nested maps as rows of a table
parts/        one file for each part of the page
page.py       the page

To add a part, add its file to `parts/` and put its name in PARTS. The file has a `TITLE` and a public function
`blocks(run: Reported) -> Iterator[Block]`, which raises Missing with one line of text where the run has no data for it.
Whatever else a part raises is caught: the part then says in one line why it could not be made.
"""

PARTS = (
    "summary", "learning", "confusion", "columns", "conductances", "edges", "coefficients", "spectrum", "gradients",
    "time", "faults", "calibration", "certificates", "terminals", "card", "versions", "configuration",
)  # fmt: skip
"""Names of the parts in the order of the page."""
