"""ResNet-50's logits at batch 1 and 8 by each inference engine of float32.

python benchmarks/resnet50_inference.py -o benchmarks/results/bench/resnet50_inference.json
"""

from bench_command import run_bench

if __name__ == "__main__":
    engines = ("--inference", "--engine", "mxnet,fused,onnxruntime")
    run_bench(__doc__, "throughput", "resnet50_v1b", *engines, "--batch", "1,8", "--blocks", "6")
