import json
import sys
from pathlib import Path

import pytest
import yaml

from gluonlab.cli.main import run as run_command_line
from gluonlab.cli.simulate import format_duration

pytestmark = pytest.mark.filterwarnings("ignore:.* deprecated - use:DeprecationWarning")

ROOT = Path(__file__).parent.parent.parent
GOYAL = ROOT / "configs/imagenet/resnet50_goyal_8k.yaml"
P100 = ROOT / "configs/clusters/dgx1_p100.yaml"
CLUSTERS = sorted((ROOT / "configs/clusters").glob("*.yaml"))


@pytest.fixture
def simulate(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gluonlab", "simulate", *map(str, arguments)])
        code = run_command_line()
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


@pytest.fixture
def cluster_file(tmp_path):
    def write(change):
        tree = yaml.safe_load(P100.read_text())
        change(tree)
        path = tmp_path / "cluster.yaml"
        path.write_text(yaml.safe_dump(tree))
        return path

    return write


def test_a_table_with_time_notes_and_changes(simulate):
    code, out, _ = simulate(GOYAL, "--cluster", P100, "--gpus", "8,256,1024", "--what-if")
    assert code == 0
    header, _, *rows = out.splitlines()[2:7]
    assert header.split()[:4] == ["GPUs", "batch", "images/s", "efficiency"]
    assert [row.split()[0] for row in rows] == ["8", "256", "1,024"]
    assert "1024 GPUs: global batch 32,768, not the recipe's 8,192" in out
    assert "all-reduce during backward" in out


def test_json_keeps_the_recipe_and_adds_up(simulate):
    code, out, _ = simulate(GOYAL, "--cluster", P100, "--gpus", "1,64", "--json", "-")
    assert code == 0
    one, many = json.loads(out)["rows"]
    assert many["passes_per_update"] == 4
    assert many["steps"] == 14075
    parts = ("compute", "communication", "straggler", "optimizer", "input")
    assert sum(many[f"{part}_seconds"] for part in parts) == pytest.approx(many["sec_per_step"])
    assert many["images_per_sec"] == pytest.approx(8192 / many["sec_per_step"])
    assert many["efficiency"] == pytest.approx(many["images_per_sec"] / 64 / one["images_per_sec"])
    assert one["efficiency"] == 1
    assert many["epochs_to_759"]["least"] < many["epochs_to_759"]["mean"] == 42


def test_weak_scaling_gives_each_gpu_one_worker_batch(simulate):
    code, out, _ = simulate(GOYAL, "--cluster", P100, "--gpus", "8,16", "--weak", "--json", "-")
    assert code == 0
    assert [row["global_batch_size"] for row in json.loads(out)["rows"]] == [256, 512]


def test_goyals_hour(simulate):
    """256 P100 took 60 minutes, with all-reduce during backward."""
    code, out, _ = simulate(GOYAL, "--cluster", P100, "--gpus", "256", "--json", "-")
    assert code == 0
    assert json.loads(out)["rows"][0]["train_seconds"] / 60 == pytest.approx(60, rel=0.2)


def test_the_example_of_the_documentation(simulate, monkeypatch):
    monkeypatch.chdir(ROOT)
    block = (ROOT / "docs/simulate.md").read_text().split("```\n")[1]
    command, _, expected = block.partition("\n")
    code, out, _ = simulate(*command.split()[3:])
    assert code == 0
    assert out == expected


def test_a_plot_is_written(simulate, tmp_path):
    assert simulate(GOYAL, "--cluster", P100, "--gpus", "8,64", "--plot", tmp_path / "a.svg")[0] == 0
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize("path", CLUSTERS, ids=lambda path: path.stem)
def test_every_cluster_file_can_be_asked(simulate, path):
    gpus = 2 if path.stem == "this_machine" else 256
    code, out, err = simulate(GOYAL, "--cluster", path, "--gpus", gpus, "schedule.base_lr=0.2", "--json", "-")
    assert code == 0, err
    assert 0.2 < json.loads(out)["rows"][0]["efficiency"] < 1


def test_another_network_is_scaled_by_arithmetic_and_said(simulate):
    code, out, err = simulate(GOYAL, "--cluster", P100, "--gpus", "8", "model.name=resnet101_v1b")
    assert code == 0, err
    assert "resnet101_v1b is not measured: resnet50_v1b with 1.91 times its multiply-adds" in out
    code, _, err = simulate(ROOT / "configs/digits.yaml", "--cluster", P100, "--gpus", "4")
    assert code == 2
    assert "SIM03" in err
    assert "add a measured rate" in err


def test_contention_of_a_network_comes_before_that_of_the_machine(simulate, cluster_file):
    def contention(network):
        def crowd(tree):
            tree["contention_fraction"] = 0.5
            for row in tree["device"]["throughput"]:
                row["contention_fraction"] = network

        code, out, err = simulate(GOYAL, "--cluster", cluster_file(crowd), "--gpus", "8", "--json", "-")
        assert code == 0, err
        row = json.loads(out)["rows"][0]
        return row["contention_seconds"] / row["compute_seconds"]

    assert contention(0.1) == pytest.approx(0.1)
    assert contention(None) == pytest.approx(0.5)


def test_this_machine_on_the_digits_as_measured(simulate):
    """Two processes were measured at 4,278 images/s; the rate of one is half of that."""
    arguments = (ROOT / "configs/digits.yaml", "--cluster", ROOT / "configs/clusters/this_machine.yaml")
    code, out, err = simulate(*arguments, "--gpus", "2", "--json", "-")
    assert code == 0, err
    assert json.loads(out)["rows"][0]["images_per_sec"] == pytest.approx(4278, rel=0.15)


def test_all_problems_of_a_cluster_file_are_told(simulate, cluster_file):
    def spoil(tree):
        del tree["device"]["memory_gigabytes_per_second"]
        tree["network"]["gigabits_per_second"] = -50
        tree["communication"]["algorithm"] = "carrier_pigeon"
        tree["inside_node"]["latency_microsecond"] = 5

    code, _, err = simulate(GOYAL, "--cluster", cluster_file(spoil), "--gpus", "8")
    assert code == 2
    assert len(err.splitlines()) == 4
    for key, what in {
        "CFG17": "device.memory_gigabytes_per_second: is required",
        "CFG07": "network.gigabits_per_second: should be greater than 0, got -50",
        "CFG09": "communication.algorithm",
        "CFG04": "did you mean latency_microseconds?",
    }.items():
        assert key in err
        assert what in err


def test_gpus_that_do_not_fill_nodes_are_refused_all_at_once(simulate):
    code, _, err = simulate(GOYAL, "--cluster", P100, "--gpus", "12,8,20,3")
    assert code == 2
    assert [line.split()[0] for line in err.splitlines()] == ["error[SIM01]", "error[SIM01]", "error[CFG08]"]


def test_a_batch_outside_the_curve_is_said_and_far_outside_refused(simulate):
    code, out, _ = simulate(GOYAL, "--cluster", P100, "--gpus", "8", "worker_batch_size=64")
    assert code == 0
    assert "batch 64 is extrapolated: measured are 1 to 32 images" in out
    code, _, err = simulate(GOYAL, "--cluster", P100, "--gpus", "8", "worker_batch_size=256")
    assert code == 2
    assert "SIM02" in err
    assert "between 1 and 128 can be estimated" in err


@pytest.mark.parametrize(
    ("change", "code", "what"),
    [
        (lambda tree: tree.update(device={**tree["device"], "throughput": []}), "CFG06", "throughput"),
        (
            lambda tree: tree["device"].update(throughput=tree["device"]["throughput"][:1]),
            "CFG10",
            "one batch",
        ),
        (lambda tree: tree["device"].update(pass_overhead_milliseconds=1e6), "SIM03", "longer than"),
        (lambda tree: tree.pop("network"), "SIM01", "no network section"),
    ],
    ids=["no rate", "one rate", "overhead too long", "one node only"],
)
def test_what_a_cluster_file_lacks_is_named(simulate, cluster_file, change, code, what):
    exit_code, _, err = simulate(GOYAL, "--cluster", cluster_file(change), "--gpus", "16")
    assert exit_code == 2
    assert f"error[{code}]" in err
    assert what in err


def test_a_precision_without_rates_and_a_bad_list_are_refused(simulate):
    code, _, err = simulate(GOYAL, "--cluster", P100, "--gpus", "8", "precision=float16", "ctx=gpu")
    assert (code, "SIM03" in err, "measured: float32" in err) == (2, True, True)
    for gpus in ("8,x", "0", ""):
        assert simulate(GOYAL, "--cluster", P100, "--gpus", gpus)[0] == 2


def test_durations():
    cases = {90: "90 s", 510: "8.5 min", 3000: "50 min", 3720: "1 h 02 min", 200_000: "2 d 07 h"}
    assert {seconds: format_duration(seconds) for seconds in cases} == cases
