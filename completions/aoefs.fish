# SPDX-License-Identifier: MIT
# Completion of aoefs for fish.

function __aoefs_mounts
    string match -r '^\S+ \S+ fuse\.aoefs ' </proc/mounts | while read -l _source point _rest
        # \040 is a blank there
        printf '%b\n' (string replace -a '\\' '\\0' -- $point)
    end
end

# What running mounts show; a mount that does not answer costs a second.
function __aoefs_devices
    for point in (__aoefs_mounts)
        timeout 1 ls $point 2>/dev/null | string match -r '^e\d+\.\d+$'
    end
end

function __aoefs_interfaces
    ls /sys/class/net
end

function __aoefs_blocks
    string match -r '^nbd.*' (ls /sys/block) | string replace -r '^' /dev/
end

function __aoefs_columns
    string split ' ' 'ADDRESS SIZE MODEL SERIAL MACS INTERFACES PAYLOAD STATE REASON FIRMWARE BUFFERS CONFIG'
end

function __aoefs_keys
    string split ' ' 'ro allow_other uid= gid= mode= on_loss=fail on_loss=wait timeout= memory= window= payload= only= deny= shared max_read= cache=none cache=read nbd= fsname='
end

# The parts of a list before the last comma, in front of each line of a command's output.
function __aoefs_list
    set -l before (commandline -ct | string replace -r '^(-o|-i|--[a-z_]+=)' '' | string match -r '^.*,')
    set -q before[1]; or set before '' # a product with an empty list is empty
    $argv[1] | while read -l word
        echo $before$word
    end
end

function __aoefs_no_command
    not __fish_seen_subcommand_from list mount nbd umount wait
end

complete -c aoefs -f
complete -c aoefs -n __aoefs_no_command -s h -l help -d 'Show the commands'
complete -c aoefs -n __aoefs_no_command -l version -d 'Show the version'
complete -c aoefs -n __aoefs_no_command -a list -d 'Show the devices that answer now'
complete -c aoefs -n __aoefs_no_command -a mount -d 'Mount every device as a file'
complete -c aoefs -n __aoefs_no_command -a nbd -d 'Serve devices as NBD exports'
complete -c aoefs -n __aoefs_no_command -a umount -d 'Write everything and unmount'
complete -c aoefs -n __aoefs_no_command -a wait -d 'Wait until a device answers'

complete -c aoefs -n '__fish_seen_subcommand_from list mount nbd umount wait' -s h -l help -d 'Show the options'

complete -c aoefs -n '__fish_seen_subcommand_from list mount nbd wait' -s i -l interface -x -a '(__aoefs_list __aoefs_interfaces)' -d 'Use these interfaces'
complete -c aoefs -n '__fish_seen_subcommand_from list mount nbd wait' -l config -r -F -d 'Config file'
complete -c aoefs -n '__fish_seen_subcommand_from list mount nbd wait' -s q -l quiet -d 'No warnings'
complete -c aoefs -n '__fish_seen_subcommand_from list mount nbd wait' -s v -l verbose -d 'Say more'

complete -c aoefs -n '__fish_seen_subcommand_from list wait' -a '(__aoefs_devices)'
complete -c aoefs -n '__fish_seen_subcommand_from list' -l json -d 'Print JSON'
complete -c aoefs -n '__fish_seen_subcommand_from list' -l noheadings -d 'No line of headings'
complete -c aoefs -n '__fish_seen_subcommand_from list' -l bytes -d 'Sizes as exact numbers'
complete -c aoefs -n '__fish_seen_subcommand_from list' -s o -l output -x -a '(__aoefs_list __aoefs_columns)' -d 'Print these columns'
complete -c aoefs -n '__fish_seen_subcommand_from list' -l timeout -x -d 'Take no longer than this'

complete -c aoefs -n '__fish_seen_subcommand_from wait' -l timeout -x -d 'Give up after this time'

complete -c aoefs -n '__fish_seen_subcommand_from umount' -a '(__aoefs_mounts)'
complete -c aoefs -n '__fish_seen_subcommand_from umount' -l force -d 'First fail what waits for silent targets'

complete -c aoefs -n '__fish_seen_subcommand_from mount' -a '(__fish_complete_directories)'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -s o -l options -x -a '(__aoefs_list __aoefs_keys)' -d 'Options as mount(8) gives them'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -s f -l foreground -d 'Stay in the foreground'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -s d -l debug -d 'Print every FUSE message'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -s P -l pidfile -r -F -d 'Write the process number of the worker'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -l ro -d 'Refuse all writes'
complete -c aoefs -n '__fish_seen_subcommand_from mount' -l allow_other -d 'Let other users in'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -l uid -x -a '(__fish_complete_users)' -d 'Owner of the files'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -l gid -x -a '(__fish_complete_groups)' -d 'Group of the files'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -l mode -x -d 'Permissions of the files'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -l on_loss -x -a 'fail wait' -d 'What a request without an answer does'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -l timeout -x -d 'When it fails'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -l memory -x -d 'Memory for requests'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -l window -x -d 'Most frames in flight a path'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -l payload -x -d 'Most data a frame'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -l only -x -a '(__aoefs_list __aoefs_devices)' -d 'Use these devices only'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -l deny -x -a '(__aoefs_list __aoefs_devices)' -d 'Never use these devices'
complete -c aoefs -n '__fish_seen_subcommand_from mount nbd' -l shared -d 'Write although another aoefs does'
complete -c aoefs -n '__fish_seen_subcommand_from mount' -l max_read -x -d 'Largest read of the kernel'
complete -c aoefs -n '__fish_seen_subcommand_from mount' -l fsname -x -d 'Source in /proc/mounts'
complete -c aoefs -n '__fish_seen_subcommand_from mount' -l cache -x -a 'none read' -d 'What the kernel keeps of the disks'
complete -c aoefs -n '__fish_seen_subcommand_from mount' -l nbd -r -F -d 'Serve NBD clients at this socket, too'

complete -c aoefs -n '__fish_seen_subcommand_from nbd' -a '(__aoefs_devices; __aoefs_blocks)'
complete -c aoefs -n '__fish_seen_subcommand_from nbd' -l socket -r -F -d 'Serve at this Unix socket'
complete -c aoefs -n '__fish_seen_subcommand_from nbd' -l run -x -d 'Start, run this command, stop'
complete -c aoefs -n '__fish_seen_subcommand_from nbd' -l attach -d 'Make block devices of the devices'
complete -c aoefs -n '__fish_seen_subcommand_from nbd' -l detach -x -a '(__aoefs_blocks)' -d 'Flush and take one away again'
complete -c aoefs -n '__fish_seen_subcommand_from nbd' -l status -d 'Print what is attached'
complete -c aoefs -n '__fish_seen_subcommand_from nbd' -l json -d 'Print it as JSON'
