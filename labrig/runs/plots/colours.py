"""Colours of Okabe and Ito (2008), which can be told apart with every kind of colour vision."""

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"
YELLOW, GREY = "#f0e442", "#999999"
LINES = (BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE, YELLOW, GREY)
"""For lines on one axis: the most different ones first."""
