"""One update of ResNet-50's 161 tensors with each rule.

python -m benchmarks.speed.optimizer -o benchmarks/results/bench/optimizer.json
"""

from benchmarks.speed.bench_command import run_bench

if __name__ == "__main__":
    run_bench(__doc__, "optimizer", "resnet50_v1b", "--rounds", "6")
