"""Which folders become the package; everything else about it is in pyproject.toml."""

from setuptools import find_namespace_packages, find_packages, setup

# The recipes and clusters in configs/ are gluonlab/recipes in a wheel; a checkout reads configs/ itself.
recipes = ["gluonlab.recipes", *(f"gluonlab.recipes.{name}" for name in find_namespace_packages("configs"))]

setup(
    packages=[*find_packages(include=["gluonlab", "gluonlab.*"]), *recipes, "gluonlab.scripts"],
    package_dir={"gluonlab.recipes": "configs", "gluonlab.scripts": "scripts"},
    package_data={
        "gluonlab": [
            "py.typed",
            "data/digits.npz",
            "data/digits.md",
            "models/imagenet_classes.txt",
            "cli/starter.md",
            "reporting/watch/page/*",
        ],
        "gluonlab.scripts": ["horovod.sh", "constraints.txt"],  # for gluonlab doctor --build-horovod
        **{name: ["*.yaml"] for name in recipes},
    },
)
