# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the benchmarks share: their options, the end-to-end cases' library (namespaces, vblade,
# daemons), fio, and medians.
# shellcheck source=SCRIPTDIR/../e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
# shellcheck disable=SC2034 # used by the benchmarks
runs=5 seconds=2 image_mib=256 json='' check=no

usage() {
        echo "usage: tests/bench/$CASE [--quick] [--runs N] [--json FILE] [--check]" >&2
        exit 2
}
while [ $# -gt 0 ]; do
        case $1 in
        --quick) runs=3 seconds=1 ;;
        --runs) runs=${2-} && shift ;;
        --json) json=${2-} && shift ;;
        --check) check=yes ;;
        *) usage ;;
        esac
        shift
done
[[ $runs =~ ^[1-9][0-9]?$ ]] || usage

progress() { echo "$*" >&2; }

# fio_mbps OPTION...: MB/s (10^6 bytes) of fio's work for $seconds.
fio_mbps() {
        fio --name=bench --size="${image_mib}M" --time_based \
                --runtime="$seconds" --output-format=json --output="$W/fio.json" "$@" \
                >"$W/fio.err" 2>&1 || fail "fio: $(cat "$W/fio.err")"
        jq '.jobs[0] | (.read.bw_bytes + .write.bw_bytes) / 1e5 | round / 10' "$W/fio.json"
}

# In every jq program of a benchmark.
# shellcheck disable=SC2034
jq_median='def median: sort | if length % 2 == 1 then .[length / 2 | floor]
        else (.[length / 2 - 1] + .[length / 2]) / 2 end;'
