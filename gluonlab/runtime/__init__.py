"""Importing MXNet safely; nothing is imported until ``gluonlab.runtime.mxnet`` is."""
