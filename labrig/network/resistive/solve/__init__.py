"""Node voltages of a network and their exact gradients."""
