"""ResNet-50 on 1 and 2 processes of one thread, each with its own batch (weak scaling): Horovod and kvstore.

python -m benchmarks.speed.resnet50_scaling -o benchmarks/results/bench/resnet50_scaling.json
"""

from benchmarks.speed.bench_command import run_bench

if __name__ == "__main__":
    plan = ("--batch", "3", "--rounds", "2", "--steps", "2", "--backend", "mpi,kvstore")
    run_bench(__doc__, "scaling", "resnet50_v1b", *plan)
