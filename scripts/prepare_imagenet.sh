#!/usr/bin/env bash
# Makes verified record files of ImageNet (ILSVRC 2012) from the official archives. The disk space it needs is said
# before anything is written. Interrupted, the same command goes on where it was.
#
# usage: scripts/prepare_imagenet.sh ARCHIVES OUT [--any] [option of "gluonlab data pack" ...]
#   ARCHIVES  folder with ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar and ILSVRC2012_bbox_val_v3.tgz, which
#             tells the classes of the validation images
#   OUT       folder for train.rec, val.rec and their indexes; OUT/images is removed when they are written
#   --any     archives of another content than the official ones: no checksums, any number of images
# example: scripts/prepare_imagenet.sh ~/Downloads data/imagenet --resize 480 --encoding jpeg --quality 90
set -euo pipefail
export LC_ALL=C # classes are numbered in the order of their names

fail() {
    echo "error[$1] prepare_imagenet: $2" >&2
    exit "$3"
}
say() { echo "[prepare_imagenet] $*"; }

[ $# -ge 2 ] || fail CLI01 "usage: scripts/prepare_imagenet.sh ARCHIVES OUT [--any] [option of data pack ...]" 2
archives=$1 out=$2
shift 2
is_official=yes
if [ "${1:-}" = --any ]; then
    is_official=no
    shift
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
gluonlab=${GLUONLAB_VENV:-$root/.venv}/bin/gluonlab
[ -x "$gluonlab" ] || fail ENV10 "$gluonlab is missing; run $(printf %q "$root/scripts/install.sh")" 8

train=$archives/ILSVRC2012_img_train.tar val=$archives/ILSVRC2012_img_val.tar boxes=$archives/ILSVRC2012_bbox_val_v3.tgz
for file in "$train" "$val" "$boxes"; do
    [ -f "$file" ] || fail DAT01 "$file: no such file; image-net.org has it after registration" 3
done
images=$out/images

check_space() { # images unpacked, and records that are as large if nothing is resized
    mkdir -p "$out"
    local tars there needed free
    tars=$(stat -c %s "$train" "$val" | awk '{ sum += $1 } END { printf "%.0f", sum }')
    there=$(du -s --block-size=1 "$out" | cut -f1)
    needed=$((2 * tars - there))
    [ "$needed" -ge 0 ] || needed=0
    free=$(df --output=avail --block-size=1 "$out" | tail -n 1)
    say "needs up to $((needed / 1000000)) MB in $out ($((free / 1000000)) MB are free), half of it until it is done"
    [ "$free" -ge "$needed" ] || fail IO01 "$out: $((needed / 1000000)) MB are needed, $((free / 1000000)) MB free" 4
}

check_sum() { # FILE MD5, as image-net.org publishes it; remembered beside the result
    local mark
    mark=$out/.checked-$2-$(stat -c %s-%Y "$1")
    if [ -f "$mark" ]; then return; fi
    say "checksum of $1"
    [ "$(md5sum <"$1" | cut -d' ' -f1)" = "$2" ] || fail DAT44 "$1: not the published MD5 $2; fetch it again" 3
    touch "$mark"
}

unpack() { # ARCHIVE FOLDER: a folder that is there is whole
    if [ -d "$2" ]; then return; fi
    rm -rf "$2.part"
    mkdir -p "$2.part"
    tar -xf "$1" -C "$2.part" --no-same-owner --no-same-permissions || fail DAT04 "$1: damaged" 3
    mv "$2.part" "$2"
}

unpack_train() { # an archive of one archive for each class
    local classes class
    classes=$(tar -tf "$train") || fail DAT04 "$train: damaged" 3
    if grep -qvE '^n[0-9]{8}\.tar$' <<<"$classes"; then fail DAT21 "$train: holds more than archives of classes" 3; fi
    mkdir -p "$images/train"
    for class in $classes; do
        if [ -d "$images/train/${class%.tar}" ]; then continue; fi
        tar -xf "$train" -C "$images" --no-same-owner --occurrence=1 "$class" || fail DAT04 "$train: damaged" 3
        # outside train/ until it is whole
        unpack "$images/$class" "$images/${class%.tar}"
        mv "$images/${class%.tar}" "$images/train/"
        rm "$images/$class"
    done
}

# lines "name class", from <filename> and <name> of each annotation; two classes of an image would be two lines
classes_of_val() {
    find "$images/boxes" -name '*.xml' -print0 | sort -z | xargs -0 awk '
        FNR == 1 { file = FILENAME; sub(/.*\//, "", file); sub(/\.xml$/, "", file) }
        match($0, /<name>n[0-9]+<\/name>/) { print file, substr($0, RSTART + 6, RLENGTH - 13) }' | sort -u
}

sort_val() { # into folders of their classes
    if [ -d "$images/val" ]; then return; fi
    unpack "$val" "$images/unsorted"
    unpack "$boxes" "$images/boxes"
    rm -rf "$images/val.part"
    mkdir -p "$images/val.part"
    classes_of_val >"$images/val.classes"
    local twice name class
    twice=$(cut -d' ' -f1 "$images/val.classes" | uniq -d | head -n 1)
    [ -z "$twice" ] || fail DAT13 "$boxes: $twice has several classes" 3
    [ "$(wc -l <"$images/val.classes")" = "$(find "$images/unsorted" -type f | wc -l)" ] ||
        fail DAT12 "$boxes: not one class for each image of $val" 3
    while read -r name class; do
        [ -d "$images/train/$class" ] || fail DAT12 "$boxes: $name has class $class, which $train lacks" 3
        mkdir -p "$images/val.part/$class"
        # a link, so that an interruption leaves the images where they were
        ln "$images/unsorted/$name.JPEG" "$images/val.part/$class/" || fail DAT01 "$val: no $name.JPEG" 3
    done <"$images/val.classes"
    mv "$images/val.part" "$images/val"
    rm -rf "$images/unsorted" "$images/boxes"
}

check_count() { # FOLDER COUNT
    local count
    count=$(find "$1" -type f | wc -l)
    [ "$count" = "$2" ] || fail DAT15 "$1: $count images, not $2" 3
}

if [ -f "$out/.done" ]; then
    say "$out is ready"
    exit 0
fi
check_space
if [ "$is_official" = yes ]; then
    check_sum "$train" 1d675b47d978889d74fa0da5fadfb00e
    check_sum "$val" 29b22e2961454d5413ddabcf34fc5622
fi
say "unpacking"
mkdir -p "$images"
unpack_train
sort_val
if [ "$is_official" = yes ]; then
    check_count "$images/train" 1281167
    check_count "$images/val" 50000
fi
say "packing; every image is decoded once"
ls "$images/train" >"$out/classes.txt"
for split in train val; do
    if [ -f "$out/$split.classes.txt" ]; then continue; fi # written last
    "$gluonlab" data pack "$images/$split" "$out" --split "$split" --labels "$out/classes.txt" "$@"
done
"$gluonlab" data verify "$out/train.rec" "$out/val.rec" --classes "$(wc -l <"$out/classes.txt")"
touch "$out/.done"
rm -rf "$images"
if [ "$is_official" = yes ]; then
    say "next: $(printf '%q ' "$gluonlab" train "$root/configs/imagenet/resnet50_goyal_8k.yaml" \
        "data.train=$out/train.rec" "data.val=$out/val.rec")"
else
    say "next: $(printf '%q ' "$gluonlab" data stats "$out/train.rec")"
fi
