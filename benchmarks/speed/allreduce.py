"""Sums over 2 processes, 1 KB to 100 MB, through MPI; --backend gloo, kvstore or torch for those.

python -m benchmarks.speed.allreduce -o benchmarks/results/bench/allreduce_mpi.json
"""

from benchmarks.speed.bench_command import run_bench

if __name__ == "__main__":
    run_bench(__doc__, "allreduce", "-n", "2", "--rounds", "6")
