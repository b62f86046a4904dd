# SPDX-License-Identifier: MIT
"""Makes mutants of a C file: copies with one operator, limit or statement changed.

This is no C parser. It counts on what tests/lint/style has checked: a function's brace stands alone
in the first column, a binary operator has a space on both sides, and a unary one has none behind it.
CHECKs and functions X_check() are left alone: they are tests themselves.
"""
import re
from bisect import bisect
from collections import Counter
from dataclasses import dataclass

TOKEN = re.compile(
    r"""(?P<skip>\s+|/\*.*?\*/|//[^\n]*|^\#(?:[^\n]*\\\n)*[^\n]*)
      | (?P<literal>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\d[\w.]*)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<operator><<=|>>=|->|\+\+|--|<<|>>|&&|\|\||[-+*/%&|^<>=!]=|.)""",
    re.VERBOSE | re.DOTALL | re.MULTILINE)

COMPARISONS = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"),
               "==": ("!=",), "!=": ("==",)}
BINARY = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "<<": ">>", ">>": "<<",
          "&": "|", "|": "&", "&&": "||", "||": "&&"}
ANYWHERE = {"++": "--", "--": "++", "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=",
            "|=": "&=", "&=": "|=", "!": ""}
ASSIGNMENTS = ("=", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "<<=", ">>=")
TESTS = ("CHECK", "_Static_assert")
HEADS = ("if", "while", "for", "switch")
JUMPS = ("return", "break", "continue")
CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Change:
    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Mutant:
    name: str  # file:function: the line with {old -> new}: stays when lines move
    text: str  # of the whole file


def tokenize(text):
    return [Token(m.lastgroup, m.group(), m.start(), m.end())
            for m in TOKEN.finditer(text) if m.lastgroup != "skip"]


def closing_at(tokens, i):
    """The place of the bracket that closes the one at i."""
    depth = 0
    for j in range(i, len(tokens)):
        if tokens[j].text in CLOSING:
            depth += 1
        elif tokens[j].text in CLOSING.values():
            depth -= 1
            if depth == 0:
                return j
    raise ValueError(f"the bracket at {tokens[i].start} is never closed")


def functions(text, tokens):
    """The name of each function and the tokens between its braces."""
    i = begin = 0
    while i < len(tokens):
        if tokens[i].text == ";":
            begin = i + 1
        elif tokens[i].text == "{":
            end = closing_at(tokens, i)
            if text[tokens[i].start - 1] == "\n":
                name = next(a.text for a, b in zip(tokens[begin:i], tokens[begin + 1:i])
                            if a.kind == "name" and b.text == "(")
                yield name, tokens[i + 1:end]
                begin = end + 1
            i = end
        i += 1


def without_tests(tokens):
    """The tokens outside CHECK(...) and the like."""
    i = 0
    while i < len(tokens):
        if tokens[i].text in TESTS:
            i = closing_at(tokens, i + 1)
        else:
            yield tokens[i]
        i += 1


def is_binary(text, token):
    return text[token.start - 1].isspace() and text[token.end].isspace()


def change_operators(text, tokens, limits):
    for t in without_tests(tokens):
        news = ()
        if t.text in limits:
            news = (f"({t.text} + 1)",)
        elif t.kind == "operator" and t.text in ANYWHERE:
            news = (ANYWHERE[t.text],)
        elif t.kind == "operator" and is_binary(text, t):
            news = COMPARISONS.get(t.text) or (BINARY.get(t.text) or t.text,)
        for new in news:
            if new != t.text:
                yield Change(t.start, t.end, new)


def statements(tokens):
    """Pairs of first and last token: heads up to ")", simple statements up to ";"."""
    i = 0
    while i < len(tokens):
        first = i
        if tokens[i].text in ("{", "}", ";", "else", "do"):
            i += 1
            continue
        if tokens[i].text in ("case", "default"):
            while tokens[i].text != ":":
                i += 1
            i += 1
            continue
        if tokens[i + 1].text == "(":
            end = closing_at(tokens, i + 1)
            if tokens[i].text in HEADS or tokens[end + 1].text == "{" or \
                    tokens[end + 1].kind == "name":  # a loop that is a macro
                yield first, end
                i = end + 1
                continue
        while tokens[i].text != ";":
            i = closing_at(tokens, i) + 1 if tokens[i].text in CLOSING else i + 1
        yield first, i


def is_deletable(first, second):
    """Whether a statement that begins so is a call, an assignment or a jump without a value."""
    if first.text in TESTS:
        return False
    if first.kind == "operator":
        return True
    if first.text in JUMPS:
        return second.text == ";"
    return second.text in ("(", "->", ".", "[", "++", "--", *ASSIGNMENTS)


def is_mutated_otherwise(condition):
    """A lone comparison or "!x", whose operator is negated anyhow."""
    depth = 0
    outer = []
    for t in condition:
        depth -= t.text in CLOSING.values()
        if depth == 0:
            outer.append(t.text)
        depth += t.text in CLOSING
    if "&&" in outer or "||" in outer:
        return False
    return outer[0] == "!" or any(text in COMPARISONS for text in outer)


def change_statements(tokens):
    for first, last in statements(tokens):
        condition = tokens[first + 2:last]
        if tokens[last].text == ";":
            if is_deletable(tokens[first], tokens[first + 1]):
                yield Change(tokens[first].start, tokens[last].end, ";")
        elif tokens[first].text in ("if", "while") and not is_mutated_otherwise(condition):
            start, end = condition[0].start, condition[-1].end
            yield Change(start, end, "!(...)")


def choice_start(tokens, i):
    """Where the condition of the "?" at i begins."""
    depth = 0
    while i > 0:
        before = tokens[i - 1].text
        depth += before in CLOSING.values()
        if depth == 0 and (before in ("?", ":", ",", ";", "return", "{", *CLOSING, *ASSIGNMENTS)):
            break
        depth -= before in CLOSING
        i -= 1
    return i


def change_choices(tokens):
    for i, t in enumerate(tokens):
        condition = tokens[choice_start(tokens, i):i]
        if t.text == "?" and not is_mutated_otherwise(condition):
            yield Change(condition[0].start, condition[-1].end, "!(...)")


def limits_of(texts):
    """The names of limits that count something: one more of a duration is no difference."""
    found = set()
    for text in texts:
        for name, value in re.findall(r"^#define (\w+_(?:MAX|MIN|SAFE))\s((?:.*\\\n)*.*)", text,
                                      re.MULTILINE):
            if "NSEC_" not in value:
                found.add(name)
    return found


def words(text):
    return " ".join(re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).split())


def name_of(file, function, text, lines, change):
    """What identifies a mutant: its lines, whatever the layout, with the change in braces."""
    begin = lines[bisect(lines, change.start) - 1]
    end = text.index("\n", change.end)
    old = text[change.start:change.end]
    change_words = f"{{{words(old)} -> {change.new}}}"
    line = words(f"{text[begin:change.start]}{change_words}{text[change.end:end]}")
    return f"{file}:{function}: {line}"


def mutants(file, text, limits):
    """All mutants of the text of that file, in order; equal lines of a function are numbered."""
    lines = [0] + [m.end() for m in re.finditer("\n", text)]
    seen = Counter()
    for function, tokens in functions(text, tokenize(text)):
        if function.endswith("_check"):
            continue
        changes = [*change_operators(text, tokens, limits), *change_statements(tokens),
                   *change_choices(tokens)]
        for c in sorted(changes, key=lambda c: (c.start, c.end)):
            name = name_of(file, function, text, lines, c)
            seen[name] += 1
            if seen[name] > 1:
                name += f" #{seen[name]}"
            new = c.new.replace("...", text[c.start:c.end])
            yield Mutant(name, text[:c.start] + new + text[c.end:])
