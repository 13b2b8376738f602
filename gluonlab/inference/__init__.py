"""Trained networks in use: engines that compute logits, predictions, features."""
