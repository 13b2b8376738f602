"""ResNet-50 on a synthetic batch, as the synthetic benchmarks of other frameworks have it.

python -m benchmarks.speed.resnet50_synthetic -o benchmarks/results/bench/resnet50_synthetic.json
"""

from benchmarks.speed.bench_command import run_bench

if __name__ == "__main__":
    plan = ("--batch", "4,8", "--warmup", "2", "--blocks", "6", "--steps", "4")
    run_bench(__doc__, "throughput", "resnet50_v1b", *plan)
