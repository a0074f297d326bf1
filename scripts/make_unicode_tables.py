#!/usr/bin/env python3
"""Writes lib/io/unicode_tables.cpp: the classes, lower cases, combining classes and canonical decompositions that tokenizers need.

    scripts/make_unicode_tables.py > lib/io/unicode_tables.cpp && clang-format -i lib/io/unicode_tables.cpp
"""

import unicodedata

CODES = range(0x110000)
WIDTH = 108


def ranges_of(value):
    """[first, last, value] of the runs of equal values that are not 0."""
    runs = []
    for code in CODES:
        own = value(chr(code))
        if own and runs and runs[-1][1] == code - 1 and runs[-1][2] == own:
            runs[-1][1] = code
        elif own:
            runs.append([code, code, own])
    return runs


def decompositions():
    """[code, first, second or 0] of the canonical ones."""
    found = []
    for code in CODES:
        text = unicodedata.decomposition(chr(code))
        if text and not text.startswith("<"):
            parts = [int(part, 16) for part in text.split()]
            found.append([code, parts[0], parts[1] if len(parts) > 1 else 0])
    return found


def table(kind, name, items):
    lines, line = [f"const {kind} {name}[] = {{"], "   "
    for item in items:
        if len(line) + 2 + len(item) > WIDTH:
            lines.append(line)
            line = "   "
        line += f" {item},"
    return "\n".join([*lines, line + "};", f"const std::size_t {name}Count = {len(items)};", ""])


def rows(items):
    return ["{" + ", ".join(f"0x{number:X}" for number in item) + "}" for item in items]


def main():
    major = {}
    for code in CODES:
        major[chr(code)] = unicodedata.category(chr(code))[0]
    letters = [run[:2] for run in ranges_of(lambda c: major[c] == "L")]
    numbers = [run[:2] for run in ranges_of(lambda c: major[c] == "N")]
    marks = [run[:2] for run in ranges_of(lambda c: unicodedata.category(c) == "Mn")]
    punctuation = [run[:2] for run in ranges_of(lambda c: major[c] == "P")]
    controls = [run[:2] for run in ranges_of(lambda c: major[c] == "C")]
    lower = [[code, ord(chr(code).lower()[0])] for code in CODES if chr(code).lower() != chr(code)]
    split = decompositions()
    never = [c for c, a, b in split if b and unicodedata.normalize("NFC", chr(a) + chr(b)) != chr(c)]
    print(f"// Made by scripts/make_unicode_tables.py from the Unicode Character Database {unicodedata.unidata_version}.")
    print('#include "io/unicode.h"\n\nnamespace arzoo::io::unicode {\n')
    print(table("Range", "kLetters", rows(letters)))
    print(table("Range", "kNumbers", rows(numbers)))
    print(table("Range", "kMarks", rows(marks)))
    print(table("Range", "kPunctuation", rows(punctuation)))
    print(table("Range", "kControls", rows(controls)))
    print(table("LowerCase", "kLowerCases", rows(lower)))
    print(table("CombiningRange", "kCombining", rows(ranges_of(unicodedata.combining))))
    print(table("Decomposition", "kDecompositions", rows(split)))
    print(table("char32_t", "kNeverComposed", [f"0x{code:X}" for code in never]))
    print("}  // namespace arzoo::io::unicode")


if __name__ == "__main__":
    main()
