"""Processes: the World they form and the virtual workers they run."""
