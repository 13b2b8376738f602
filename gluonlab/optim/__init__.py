"""Optimizers as the papers write them, and which parameters they treat how."""
