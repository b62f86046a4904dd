# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of aoefs for bash, with or without the package bash-completion. Bash cuts words at "=",
# so that --on_loss=fa comes as three of them.

_aoefs_commands='list mount nbd umount wait'
_aoefs_serve_keys='ro uid= gid= mode= on_loss= timeout= memory= window= payload= only= deny= shared'
_aoefs_keys="$_aoefs_serve_keys allow_other max_read= cache= nbd= fsname="
_aoefs_columns='ADDRESS SIZE MODEL SERIAL MACS INTERFACES PAYLOAD STATE REASON FIRMWARE BUFFERS
        CONFIG'

# The options of a command, those with a value ending in "=".
_aoefs_options() {
        local probe='-i --interface= --config= -q --quiet -v --verbose -h --help' key

        case $1 in
        list) echo "--json --noheadings --bytes -o --output= --timeout= $probe" ;;
        wait) echo "--timeout= $probe" ;;
        umount) echo '--force -h --help' ;;
        mount)
                echo "-o --options= -f --foreground -d --debug -P --pidfile= $probe"
                for key in $_aoefs_keys; do echo "--$key"; done
                ;;
        nbd)
                echo "-o --options= -f --foreground -d --debug -P --pidfile= $probe"
                echo '--socket= --run= --attach --detach= --status --json'
                for key in $_aoefs_serve_keys; do echo "--$key"; done
                ;;
        *) echo '-h --help --version' ;;
        esac
}

_aoefs_mounts() {
        local point

        while read -r _ point type _; do
                [[ $type == fuse.aoefs ]] && printf '%b\n' "${point//\\/\\0}"
        done </proc/mounts
}

# What running mounts show; a mount that does not answer costs a second.
_aoefs_devices() {
        local point

        _aoefs_mounts | while read -r point; do
                timeout 1 ls "$point" 2>/dev/null
        done | grep -xE 'e[0-9]+\.[0-9]+' | sort -u
}

# The block devices of NBD.
_aoefs_blocks() {
        local block

        for block in /sys/block/nbd*; do
                [[ -e $block ]] && echo "/dev/${block##*/}"
        done
}

_aoefs_interfaces() {
        ls /sys/class/net
}

# Completes the last part of a list with commas: the parts before it are kept.
_aoefs_reply_list() {
        local words=$1 cur=$2 before='' word

        [[ $cur == *,* ]] && before=${cur%,*},
        for word in $words; do
                [[ $word == "${cur##*,}"* ]] && COMPREPLY+=("$before$word")
        done
        compopt -o nospace 2>/dev/null || true # not within readline: a test
}

# Lines that begin with what is typed.
_aoefs_reply() {
        local word

        while read -r word; do
                [[ $word && $word == "$2"* ]] && COMPREPLY+=("$word")
        done <<<"$1"
        [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] || return 0
        compopt -o nospace 2>/dev/null || true
}

_aoefs_reply_words() {
        _aoefs_reply "${1//[[:space:]]/$'\n'}" "$2"
}

_aoefs_reply_files() {
        mapfile -t COMPREPLY < <(compgen -A "$1" -- "$2")
        compopt -o filenames 2>/dev/null || true
}

# The value of an option or key: command, name without dashes, what is typed. 1: it has none.
_aoefs_value() {
        case ${1/#nbd/mount}:$2 in # mount's options are nbd's
        umount:* | *:h) return 1 ;;
        *:i | *:interface) _aoefs_reply_list "$(_aoefs_interfaces)" "$3" ;;
        *:config | *:P | *:pidfile | mount:nbd | mount:socket) _aoefs_reply_files file "$3" ;;
        list:o | list:output) _aoefs_reply_list "$_aoefs_columns" "$3" ;;
        mount:o | mount:options) _aoefs_reply_list "$_aoefs_keys" "$3" ;;
        mount:on_loss) _aoefs_reply_list 'fail wait' "$3" ;;
        mount:cache) _aoefs_reply_list 'none read' "$3" ;;
        mount:uid) _aoefs_reply_files user "$3" ;;
        mount:gid) _aoefs_reply_files group "$3" ;;
        mount:only | mount:deny) _aoefs_reply_list "$(_aoefs_devices)" "$3" ;;
        mount:detach) _aoefs_reply "$(_aoefs_blocks)" "$3" ;;
        mount:run) _aoefs_reply_files command "$3" ;;
        *:timeout | mount:mode | mount:memory | mount:window | mount:payload | mount:max_read | \
                mount:fsname) ;;
        *) return 1 ;;
        esac
}

# A value behind "=": of --name=, or of a key in the list of -o.
_aoefs_after_equals() {
        local command=$1 left=$2 cur=$3

        if [[ $left == --* ]]; then
                _aoefs_value "$command" "${left#--}" "$cur"
        elif [[ $cur == *,* ]]; then
                _aoefs_reply_list "$_aoefs_keys" "$cur"
        else
                _aoefs_value "$command" "${left##*,}" "$cur"
        fi
        return 0
}

_aoefs() {
        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
        local command=${COMP_WORDS[1]}

        COMPREPLY=()
        if ((COMP_CWORD == 1)); then
                _aoefs_reply_words "$_aoefs_commands $(_aoefs_options '')" "$cur"
                return
        fi
        if [[ $cur == = ]]; then
                _aoefs_after_equals "$command" "$prev" ''
                return
        fi
        if [[ $prev == = ]]; then
                _aoefs_after_equals "$command" "${COMP_WORDS[COMP_CWORD - 2]}" "$cur"
                return
        fi
        if [[ $prev == -* ]] && _aoefs_value "$command" "${prev##*-}" "$cur"; then
                return
        fi
        if [[ $cur == -* ]]; then
                _aoefs_reply_words "$(_aoefs_options "$command")" "$cur"
                return
        fi
        case $command in
        list | wait) _aoefs_reply "$(_aoefs_devices)" "$cur" ;;
        nbd) _aoefs_reply "$(_aoefs_devices; _aoefs_blocks)" "$cur" ;;
        umount)
                _aoefs_reply "$(_aoefs_mounts)" "$cur"
                compopt -o filenames 2>/dev/null || true
                ;;
        *) _aoefs_reply_files directory "$cur" ;;
        esac
}

complete -F _aoefs aoefs
