"""Training: one update, an epoch of them, validation, and the whole run."""
