# SPDX-License-Identifier: MIT
# The shape of C files, for tests/lint/style: lengths, and statics declared ahead. A function's
# brace stands alone in the first column; its signature begins after the last line that ended
# something.

function check_file() {
        if (lines > file_max)
                printf "%s:%d: a file of %d lines, at most %d\n", file, file_max + 1, lines, file_max
}

function check_function() {
        if (FNR - open + 1 > function_max)
                printf "%s:%d: a function of %d lines, at most %d\n",
                       file, open, FNR - open + 1, function_max
}

function check_declaration() {
        if (declaration ~ /\) *;$/ && declaration !~ /\( *\*/)
                printf "%s:%d: a static function declared ahead: move it up\n", file, at
}

FNR == 1 {
        if (file)
                check_file()
        file = FILENAME
        begin = 1
        open = at = 0
}

{ lines = FNR }

/^[{]$/ { open = begin }

/^}$/ && open {
        check_function()
        open = 0
}

/^static [^={;(]*\(/ && !/^static [^(]*__attribute__\(/ {
        declaration = ""
        at = FNR
}

at { declaration = declaration $0 }

at && /[{;=]/ {
        check_declaration()
        at = 0
}

/^$|^#|[;}]$|\*\/$/ && !open { begin = FNR + 1 }

END {
        if (file)
                check_file()
}
