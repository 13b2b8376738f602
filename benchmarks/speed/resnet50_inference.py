"""ResNet-50's logits at batch 1 and 8 by each inference engine of float32.

python -m benchmarks.speed.resnet50_inference -o benchmarks/results/bench/resnet50_inference.json
"""

from benchmarks.speed.bench_command import run_bench

if __name__ == "__main__":
    engines = ("--inference", "--engine", "mxnet,fused,onnxruntime")
    plan = ("--batch", "1,8", "--warmup", "2", "--blocks", "6")
    run_bench(__doc__, "throughput", "resnet50_v1b", *engines, *plan)
