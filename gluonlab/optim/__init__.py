"""Optimizers as the papers write them, and which parameters they treat how."""

OPTIMIZERS = {
    "sgd": "gluonlab.optim.sections.momentum.SGDSection",
    "nag": "gluonlab.optim.sections.momentum.NAGSection",
    "lars": "gluonlab.optim.sections.lars.LARSSection",
    "adamw": "gluonlab.optim.sections.adam.AdamWSection",
    "nadamw": "gluonlab.optim.sections.adam.NAdamWSection",
    "lamb": "gluonlab.optim.sections.lamb.LAMBSection",
    "rmsprop_warmup": "gluonlab.optim.sections.rmsprop_warmup.RMSpropWarmupSection",
    "muon": "gluonlab.optim.sections.muon.MuonSection",
    "shampoo": "gluonlab.optim.sections.preconditioned.ShampooSection",
    "soap": "gluonlab.optim.sections.preconditioned.SOAPSection",
    "schedule_free_sgd": "gluonlab.optim.sections.schedule_free.ScheduleFreeSGDSection",
    "schedule_free_adamw": "gluonlab.optim.sections.schedule_free.ScheduleFreeAdamWSection",
}
"""The values of ``optimizer.name`` in a recipe: the section of its keys, which builds the optimizer."""

AVERAGES = {
    "none": "gluonlab.optim.sections.averaging.NoAveragingSection",
    "ema": "gluonlab.optim.sections.averaging.EMASection",
    "swa": "gluonlab.optim.sections.averaging.SWASection",
}
"""The values of ``averaging.name``: the section of its keys, which builds the average of the weights."""
