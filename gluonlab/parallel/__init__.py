"""Processes: the World they form, the virtual workers they run, and how they are launched."""
