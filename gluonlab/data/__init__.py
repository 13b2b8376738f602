"""Data sets: arrays, image folders and record files, read, packed, sampled and loaded."""

DATA_SETS = {
    "digits": "gluonlab.data.sections.digits.DigitsSection",
    "cifar10": "gluonlab.data.sections.cifar.Cifar10Section",
    "cifar100": "gluonlab.data.sections.cifar.Cifar100Section",
    "mnist": "gluonlab.data.sections.mnist.MnistSection",
    "fashion_mnist": "gluonlab.data.sections.mnist.FashionMnistSection",
    "record": "gluonlab.data.sections.files.RecordSection",
    "folder": "gluonlab.data.sections.files.FolderSection",
    "webdataset": "gluonlab.data.sections.shards.WebDatasetSection",
    "mds": "gluonlab.data.sections.shards.MdsSection",
    "parquet": "gluonlab.data.sections.shards.ParquetSection",
    "npz": "gluonlab.data.sections.files.NpzSection",
    "synthetic": "gluonlab.data.sections.synthetic.SyntheticSection",
}
"""The values of ``data.name`` in a recipe: the section of its keys, which opens the data set."""
