"""Compare learning rules on the same board, with the same budget of acquisitions."""
