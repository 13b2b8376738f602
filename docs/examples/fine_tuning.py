"""Fine-tuning on a folder of images of your own: digits 0 to 4 first, then 5 to 9 from those weights.

python docs/examples/fine_tuning.py FOLDER     # writes images and runs there
"""

import sys
from pathlib import Path

import cv2

import gluonlab
from gluonlab.data.digits import load_digits

folder = Path(sys.argv[1])


def write_images(name: str, digits: range, train: int) -> Path:
    """``train`` images for training, 100 for validation: NAME/train/CLASS/*.png; yours may be JPEG or PNG."""
    for split, count in (("train", train), ("val", 100)):
        source = load_digits(split)
        chosen = [index for index, label in enumerate(source.labels) if label in digits][:count]
        for index in chosen:
            path = folder / name / split / str(source.labels[index]) / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), source.image(index))
    return folder / name


def settings(images: Path, epochs: int, rate: float) -> list[str]:
    """What differs from the recipe of the digits, as on the command line."""
    data = ["name=folder", f"train={images}/train", f"val={images}/val", "classes=5", "augment=none"]
    training = [f"epochs={epochs}", "schedule.warmup_epochs=1", f"schedule.base_lr={rate}"]
    return [*(f"data.{key}" for key in data), *training]


few = write_images("five_to_nine", range(5, 10), train=128)
many = write_images("zero_to_four", range(5), train=600)

before = gluonlab.load_recipe("recipe:digits", *settings(many, epochs=8, rate=0.02))
gluonlab.train(before, folder / "runs/before")

alone = gluonlab.load_recipe("recipe:digits", *settings(few, epochs=6, rate=0.01))
weights = [f"model.pretrained={max((folder / 'runs/before/checkpoints').iterdir())}", "model.new_head=true"]
tuned = gluonlab.load_recipe("recipe:digits", *settings(few, epochs=6, rate=0.01), *weights)
results = {
    name: gluonlab.train(config, folder / "runs" / name)["top1"]
    for name, config in (("alone", alone), ("tuned", tuned))
}
print(f"128 images: {results['alone']:.1%} from random weights, {results['tuned']:.1%} fine-tuned")
