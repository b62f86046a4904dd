# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the benchmarks share: their options, the end-to-end cases' library (namespaces, vblade,
# daemons), fio and the bare client, losses, medians, and the document that they write.
# shellcheck source=SCRIPTDIR/../e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
# shellcheck disable=SC2034 # used by the benchmarks
runs=5 seconds=2 image_mib=256 json='' check=no

# A benchmark may have options of its own, each with a value: own_usage, and own_option OPTION VALUE.
own_usage=${own_usage-[--check]}
usage() {
        echo "usage: tests/bench/$CASE [--quick] [--runs N] [--json FILE] $own_usage" >&2
        exit 2
}
while [ $# -gt 0 ]; do
        case $1 in
        --quick) runs=${quick_runs:-3} seconds=1 ;;
        --runs) runs=${2-} && shift ;;
        --json) json=${2-} && shift ;;
        --check) check=yes ;;
        *)
                declare -F own_option >/dev/null || usage
                own_option "$1" "${2-}" || usage
                shift
                ;;
        esac
        shift
done
[[ $runs =~ ^[1-9][0-9]?$ ]] || usage

progress() { echo "$*" >&2; }

# What hangs instead of crawling ends here.
bounded() { timeout -k 10 $((seconds + 60)) "$@"; }

# fio_mbps OPTION...: MB/s (10^6 bytes) of fio's work for $seconds.
fio_mbps() {
        bounded fio --name=bench --size="${image_mib}M" --time_based \
                --runtime="$seconds" --output-format=json --output="$W/fio.json" "$@" \
                >"$W/fio.err" 2>&1 || fail "fio: $(cat "$W/fio.err")"
        jq '.jobs[0] | (.read.bw_bytes + .write.bw_bytes) / 1e5 | round / 10' "$W/fio.json"
}

# fio_us: of that work, the microseconds that a request took, on average and 99 % of them at most.
fio_us() {
        jq -r '.jobs[0] | if .read.total_ios > 0 then .read else .write end |
                [.lat_ns.mean, .clat_ns.percentile["99.000000"]] | map(. / 1000 | round) | @tsv' "$W/fio.json"
}

# bare_build FILE: our bare client.
bare_build() { cc -O2 -D_GNU_SOURCE -o "$1" "$root/tests/bench/bare.c"; }

# bare_mbps OPTION...: MB/s of the client $bare, of which nothing is known but that it prints MBps=.
bare_mbps() {
        bounded "${IN_I[@]}" "$bare" -i "$IF" -s 7 -m 1 -t "$seconds" "$@" 2>"$W/bare.err" |
                grep -oE 'MBps=[0-9.]+' | cut -d= -f2
}

# drop NS IF RULE...: AoE frames that come in there and match are lost; without a rule none is.
drop() {
        local ns=$1 if=$2 rule

        shift 2
        rule="ether type 0x88a2 $* counter drop"
        [ $# -gt 0 ] || rule=
        nsenter --net="/run/netns/$ns" nft -f - <<<"table netdev $if {}
                delete table netdev $if
                table netdev $if {
                        chain in {
                                type filter hook ingress device $if priority 0;
                                $rule
                        }
                }"
}

lose() { # PER-MILLE, each way
        local rule=(numgen random mod 1000 lt "$1")

        [ "$1" != 0 ] || rule=()
        drop "$NSI" $IF "${rule[@]}"
        drop "$NST" at "${rule[@]}"
}

# In every jq program of a benchmark.
# shellcheck disable=SC2034
jq_median='def median: sort | if length % 2 == 1 then .[length / 2 | floor]
        else (.[length / 2 - 1] + .[length / 2]) / 2 end;'

# document ROWS [JQ-OPTION...]: lines "NAME WHO VALUE" on stdin -> the JSON document. ROWS is jq's
# program for its rows, in which all_of(NAME; WHO) are values and of(NAME; WHO) is their median, or
# null.
document() {
        local rows=$1

        shift
        jq -Rn --arg kernel "$(uname -r)" --arg version "$("$AOEFS" --version)" \
                --argjson cpus "$(nproc)" --argjson runs "$runs" --argjson seconds "$seconds" "$@" \
                "$jq_median"'
                def round2: . * 100 | round / 100;
                [inputs | split(" ") | {name: .[0], who: .[1], value: .[2] | tonumber}] as $all |
                def all_of($name; $who):
                        [$all[] | select(.name == $name and .who == $who) | .value];
                def of($name; $who): all_of($name; $who) | if . == [] then null
                        else median * 10 | round / 10 end;
                {version: $version, kernel: $kernel, cpus: $cpus, runs: $runs, seconds: $seconds,
                 rows: ['"$rows"']}'
}
