from pathlib import Path

import pytest

from gluonlab.config import Config, load_config
from gluonlab.errors import ConfigError

BASE = """
data: {name: synthetic, classes: 10, image_size: 32}
model: {name: cifar_resnet20}
global_batch_size: 32
worker_batch_size: 8
epochs: 2
schedule: {name: constant, base_lr: 0.1}
"""


@pytest.fixture
def recipe(tmp_path):
    def write(text=BASE, name="recipe.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def refusal(path, *overrides):
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    return str(caught.value)


def test_virtual_workers_are_the_ratio_of_the_batches(recipe):
    assert load_config(recipe()).virtual_workers == 4


def test_a_recipe_states_only_what_differs_from_what_it_extends(recipe):
    recipe()
    path = recipe("extends: recipe.yaml\nschedule: {base_lr: 0.2}\n", "child.yaml")
    config = load_config(path)
    assert (config.schedule.base_lr, config.schedule.name, config.epochs) == (0.2, "constant", 2.0)


def test_overrides_win_and_are_typed(recipe):
    config = load_config(recipe(), ["schedule.base_lr=1e-2", "seed=7", "epochs=0.5", "run_dir=out"])
    assert (config.schedule.base_lr, config.seed, config.epochs, config.run_dir) == (0.01, 7, 0.5, "out")


def test_a_resolved_configuration_survives_json(recipe):
    config = load_config(recipe())
    assert Config.model_validate_json(config.model_dump_json()) == config


def test_an_unknown_key_is_refused_with_the_nearest_one(recipe):
    line = refusal(recipe(BASE + "optimizer: {momentun: 0.5}\n"))
    assert line.startswith("error[CFG04] ")
    assert line.endswith("recipe.yaml: optimizer.momentun: unknown key; did you mean momentum?")


def test_all_problems_are_told_at_once(recipe):
    text = refusal(
        recipe(), "optimzer.momentum=1", "epochs=x", "data.name=imagenet", "seed=-1", "model.nam=a"
    )
    codes = [line.split("]")[0] for line in text.splitlines()]
    assert sorted(codes) == ["error[CFG04", "error[CFG04", "error[CFG06", "error[CFG07", "error[CFG09"]


@pytest.mark.parametrize(
    ("override", "code", "words"),
    [
        ("schedule.base_lr=.nan", "CFG07", "finite"),
        ("schedule.base_lr=0", "CFG07", "greater than 0"),
        ("optimizer.momentum=1", "CFG07", "less than 1"),
        ("optimizer.momentum='0.9'", "CFG06", "number"),
        ("global_batch_size=32.5", "CFG06", "integer"),
        ("worker_batch_size=5", "CFG10", "not a multiple of worker_batch_size 5"),
        ("schedule.warmup_epochs=2", "CFG10", "must be shorter than epochs 2"),
        (
            "schedule.milestones=[1]",
            "CFG04",
            "not used by 'constant'; leave it out, or set name to multistep; "
            "schedule.milestones=null unsets an inherited one",
        ),
        ("checkpoint_every=often", "CFG10", "not an interval"),
        ("data=1", "CFG15", "is a section"),
        ("epochs", "CFG15", "section.key=value"),
        ("epochs.x=1", "CFG15", "is not a section"),
        ("data.path=here", "CFG04", "is not used by 'synthetic'; leave it out, or set name to cifar10"),
        ("epochs={a: 1}", "CFG15", "mapping"),
    ],
)
def test_a_bad_value_names_its_key_and_what_is_allowed(recipe, override, code, words):
    line = refusal(recipe(), override)
    assert line.startswith(f"error[{code}]")
    assert words in line
    assert "\n" not in line


def test_a_data_set_wants_its_own_keys_and_no_others(recipe):
    text = refusal(recipe(), "data.name=record", "data.path=x", "data.samples=7")
    assert [line.split(": ")[1:3] for line in text.splitlines()] == [
        [
            "data.train",
            "is required; training file, a list of files, a folder of them, or a pattern such as "
            "`shards/train-*.rec`",
        ],
        ["data.val", "is required; those of validation, likewise"],
        [
            "data.path",
            "is not used by 'record'; leave it out, or set name to cifar10 or cifar100 or mnist or "
            "fashion_mnist; data.path=null unsets an inherited one",
        ],
        [
            "data.samples",
            "is not used by 'record'; leave it out, or set name to synthetic; data.samples=null unsets an "
            "inherited one",
        ],
    ]


def test_milestones_beyond_training_or_out_of_order_are_refused(recipe):
    path = recipe()
    assert "beyond the end" in refusal(path, "schedule.name=multistep", "schedule.milestones=[1, 2]")
    assert "ascend" in refusal(path, "schedule.name=multistep", "schedule.milestones=[1, 0.5]")


def test_values_that_do_not_go_together_are_all_told_at_once(recipe):
    text = refusal(
        recipe(),
        "worker_batch_size=3",
        "schedule.warmup_epochs=1000",
        "precision=bfloat16",
        "hybridize=false",
    )
    for told in ("not a multiple of worker_batch_size 3", "must be shorter than epochs", "needs hybridize"):
        assert told in text
    assert text.count("error[CFG10]") == 3


def test_a_missing_file_names_the_recipes_that_are_there(recipe):
    path = recipe()
    line = refusal(path.with_name("recip.yaml"))
    assert "error[CFG01]" in line
    assert f"recipes here: {path}; shipped with gluonlab: recipe:" in line


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "CFG03", "empty"),
        ("- 1\n", "CFG03", "list"),
        ("a: [1\n", "CFG02", ":2:1"),
        ("epochs: 1\nepochs: 2\n", "CFG05", "'epochs' is given twice (lines 1 and 2)"),
        (
            "epochs: !!python/object/apply:os.system ['touch pwned']\n",
            "CFG14",
            "python/object/apply:os.system",
        ),
        ("a: &x [1]\nb: [*x, *x]\n", "CFG14", "aliases"),
        ("1: 2\n", "CFG02", "key 1 is not text"),
        ("extends: recipe.yaml\n", "CFG18", "extends itself"),
        ("extends: 3\n", "CFG06", "file name"),
    ],
)
def test_a_bad_file_is_one_line_with_its_place(recipe, text, code, words, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    line = refusal(recipe(text))
    assert line.startswith(f"error[{code}]")
    assert words in line
    assert not Path("pwned").exists()


def test_a_file_that_is_not_text_and_one_that_is_too_large_are_refused(tmp_path):
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "huge.yaml").write_bytes(b"#" * (1 << 20) + b"##")
    assert "error[CFG02]" in refusal(tmp_path / "binary.yaml")
    assert "error[CFG14]" in refusal(tmp_path / "huge.yaml")


def test_run_settings_do_not_belong_to_the_recipe(recipe):
    path = recipe()
    one, other = (
        load_config(path),
        load_config(path, ["run_dir=x", "log_every=7", "data.threads=9", "ctx=cpu"]),
    )
    assert one.recipe() == other.recipe()
    assert one.recipe() != load_config(path, ["seed=1"]).recipe()


def test_every_recipe_in_the_repository_loads(root):
    recipes = sorted(path for path in (root / "configs").rglob("*.yaml") if path.parent.name != "clusters")
    assert len(recipes) >= 5
    for path in recipes:
        config = load_config(path)
        assert config.about.source or config.about.notes, f"{path} cites no source"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["optimizer.groups=[{match: head}]"], "optimizer.groups.0: changes nothing"),
        (["optimizer.groups=[{lr: 2.0}]"], "optimizer.groups.0.match: is required"),
        (["optimizer.groups=[{match: head, lr: -1.0}]"], "optimizer.groups.0.lr: should be greater"),
        (["optimizer.groups=[{match: head, rate: 1.0}]"], "optimizer.groups.0.rate: unknown key"),
        (
            ["optimizer.groups=[{match: head, until_epoch: 31.0}]"],
            "groups.0.until_epoch 31 is beyond the end",
        ),
        (["data.pad_mode=reflect", "data.augment=none"], "pad_mode reflect is for augment shift"),
        (["data.pad_mode=reflect", "data.pad=8"], "pad_mode reflect is for augment shift"),
        (["data.flip=alternating"], "flip alternating is for an augment that mirrors"),
        (["model.whitening=10", "model.pretrained=x"], "whitening does not go with pretrained"),
        (["model.logit_scale=0"], "model.logit_scale: should be greater"),
        (["loss.reduction=max"], "loss.reduction: should be"),
        (["eval_views=two"], "eval_views: should be"),
        (["optimizer.layer_decay=1.5"], "optimizer.layer_decay: should be less"),
        (["optimizer.lookahead.alpha=0.5"], "optimizer.lookahead: alpha is not used without every"),
        (["optimizer.lookahead.every=0"], "optimizer.lookahead.every: should be greater"),
        (
            ["optimizer.name=schedule_free_sgd", "optimizer.lookahead.every=5", "schedule.name=constant"],
            "optimizer.lookahead does not go with schedule_free_sgd",
        ),
    ],
)
def test_keys_of_techniques_that_cannot_be_are_named(root, overrides, words):
    with pytest.raises(ConfigError) as refused:
        load_config(root / "configs/digits.yaml", overrides)
    assert words in str(refused.value)
    assert refused.value.exit_code == 2
