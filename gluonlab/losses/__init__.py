"""Training losses: what computes them, and the keys that a recipe says them by."""

LOSSES = {
    "cross_entropy": "gluonlab.losses.sections.CrossEntropySection",
    "bce": "gluonlab.losses.sections.BCESection",
    "distillation": "gluonlab.losses.distillation.DistillationSection",
}
"""The values of ``loss.name`` in a recipe: the section of its keys, which builds the loss."""
