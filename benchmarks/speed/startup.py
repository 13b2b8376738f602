"""From the command to the end of ResNet-50's first update, by part.

python -m benchmarks.speed.startup -o benchmarks/results/bench/startup.json
"""

from benchmarks.speed.bench_command import run_bench

if __name__ == "__main__":
    run_bench(__doc__, "startup", "resnet50_v1b")
