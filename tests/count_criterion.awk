# SPDX-License-Identifier: MIT
# Sums criterion's summaries in the output of ctest -V, one an executable, as "passed failed". An
# executable that ended badly without blaming a test, or well without a summary, is one failure.

function number_after(word) {
        match($0, word ": [0-9]+")
        return substr($0, RSTART + length(word) + 2, RLENGTH - length(word) - 2) + 0
}

/^[0-9]+: .*Synthesis: Tested:/ {
        id = $1 + 0
        summed[id] = 1
        blamed[id] = number_after("Failing") + number_after("Crashing")
        passed += number_after("Passing")
        failed += blamed[id]
}

/ Test +#[0-9]+:.*( Passed |\*\*\*)/ {
        match($0, /#[0-9]+/)
        id = substr($0, RSTART + 1, RLENGTH - 1) + 0
        if (/\*\*\*/ ? !blamed[id] : !summed[id])
                failed++
}

END { print passed + 0, failed + 0 }
