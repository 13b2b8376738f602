#!/usr/bin/env bash
# Sets everything up and runs the main job: pack the digits that ship with gluonlab into record files, train
# a small ResNet on them with 2 Horovod processes, validate, write a report.
#
# usage: scripts/quickstart.sh [key=value ...]      for example: scripts/quickstart.sh seed=3
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
called_in=$PWD
cd "$root"
"$root/scripts/install.sh" cpu
gluonlab=${GLUONLAB_VENV:-$root/.venv}/bin/gluonlab
run=runs/quickstart

echo "[quickstart] packing the digits into data/digits"
"$gluonlab" data pack digits data/digits
rm -rf "$run"
from_records=(data.name=record data.train=data/digits/train.rec data.val=data/digits/val.rec)
if "${gluonlab%/*}/python" -c 'import horovod' 2>/dev/null; then
    echo "[quickstart] training with 2 processes over Horovod"
    "$gluonlab" launch -n 2 configs/digits.yaml "${from_records[@]}" run_dir="$run" "$@"
else
    echo "[quickstart] training in one process, because Horovod is not installed (see the warning above)"
    "$gluonlab" train configs/digits.yaml "${from_records[@]}" run_dir="$run" "$@"
fi
"$gluonlab" report "$run"

shown=$(printf '%q' "${gluonlab#"$root"/}")
[ "$called_in" = "$root" ] || there="
  cd $(printf '%q' "$root")"
cat <<END

Open $run/report.html in a browser. Next:${there:-}
  $shown evaluate $run
  $shown schedule configs/imagenet/resnet50_goyal_8k.yaml
  $shown train configs/cifar10/resnet20.yaml --dry-run
END
