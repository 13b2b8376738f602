"""Data sets: arrays, image folders and record files, read, packed, sampled and loaded."""
