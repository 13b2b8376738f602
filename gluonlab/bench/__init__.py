"""Measuring: throughput, all-reduce, optimizer, scaling, start; takes objects, knows no configuration."""
