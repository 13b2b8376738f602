"""Proof, made once, that every record of a file decodes: found in a child process that may die of it."""
