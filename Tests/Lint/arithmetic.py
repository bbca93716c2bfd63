#!/usr/bin/env python3
"""Finds what may trap on a number from outside: in Swift a trap ends the process, and in a master all of its children.

    arithmetic.py [--build DIRECTORY] SOURCES...      prints what it finds; exit status 1 where it finds something
    arithmetic.py --self-test                      compiles a sample, and checks what is found in it

It goes by what the compiler knows (the index of a debug build), so that `+` of two arrays is no finding, and `+` of two
Int32 is. Found are:

  * sums and differences of fixed widths and of Duration, and every product, quotient and remainder of integers
  * conversions to a narrower type, and to Int of what may be unsigned or a fraction
  * numbers of 64 bits read from text: who reads them bounds them
  * elements and slices by number, ranges, parts of a computed length, removals at an end
  * forced unwrapping, `try!`, `as!`, and calls that end the process on purpose

Sums and differences of Int are not found: an Int counts what lies in memory, or was bounded to 2^61 where it was read.

No finding is what shows on its line, or close above it within the function, why it cannot trap:

  * checked names instead of operators: `addingSaturated`, `clamping:`, `exactly:`, `first`, `popLast()` ...
  * numbers that stand in the text, and constants of C
  * an index into what was just measured (`.count`, `.indices`, `.isEmpty`), a slice at an index that was just found

Everything else carries `// bounded: WHY` on its line or on the line above.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

import indexstore

# Mangled names: Mangling.rst of Swift. Types of a fixed width but Int:
FIXED = ["s4Int8V", "s5Int16V", "s5Int32V", "s5Int64V", "s6Int128V", "Su", "s5UInt8V", "s6UInt16V", "s6UInt32V", "s6UInt64V"]
SUMS = {"1poi": "+", "1soi": "-", "2peoi": "+=", "2seoi": "-="}
PRODUCTS = {"1moi": "*", "1doi": "/", "1roi": "%", "2meoi": "*=", "2deoi": "/=", "2reoi": "%="}
DIVISIONS = {"1doi", "1roi", "2deoi", "2reoi"}
OPERATOR = re.compile(r"^s:(Si|Sz|SzsE|s13SignedNumericP|s17AdditiveArithmeticP|s8DurationV|%s)(%s|1sop)"
                      % ("|".join(FIXED), "|".join([*SUMS, *PRODUCTS])))
ELEMENT = re.compile(r"^s:(Sa|s10ArraySliceV|SR|Sr|Sw|SW|s4SpanV|s11MutableSpanV|s15ContiguousArrayV)\w*Sici[gsM]?$")
# Getters of what may be more than an Int holds: UInt, UInt64, Double, Float.
WIDE = re.compile(r"(Su|s6UInt64V|Sd|Sf)vg$")
WIDE_TYPES = {"Int", "Int64", "off_t", "time_t"}
PARTS = {"dropFirst(_:)", "dropLast(_:)", "prefix(_:)", "suffix(_:)", "reserveCapacity(_:)", "init(repeating:count:)"}
ENDS = {"removeFirst()", "removeLast()", "removeFirst(_:)", "removeLast(_:)"}
PLACES = {"remove(at:)", "insert(_:at:)", "swapAt(_:_:)", "removeSubrange(_:)", "replaceSubrange(_:with:)",
          "extracting(_:)", "index(_:offsetBy:)", "load(fromByteOffset:as:)", "loadUnaligned(fromByteOffset:as:)",
          "storeBytes(of:toByteOffset:as:)", "init(unsafeUninitializedCapacity:initializingWith:)", "abs(_:)",
          "stride(from:to:by:)", "init(uniqueKeysWithValues:)"}
FATAL = {"fatalError(_:file:line:)", "preconditionFailure(_:file:line:)", "precondition(_:_:file:line:)"}
FORCED = re.compile(r"(?<=[A-Za-z0-9_)\]])!(?![=A-Za-z])|\btry!|\bas!")
BOUNDED = re.compile(r"// bounded: [\w`]")
NUMBER = r"(?:-?0x[\dA-Fa-f_]+|-?[\d_][\d_.]*|\w+\([A-Z_]+\)|MemoryLayout\.size\(ofValue: \w+\)|\.zero|UInt8\(ascii: *\"[^\"]*\"\)|[A-Z][A-Z0-9_]{2,}(?:\.rawValue)?|MemoryLayout<\w+>\.\w+)"
CONSTANT = re.compile(rf"^\s*(?:unsafe )?{NUMBER}(?:\s*[-+*/|<]+\s*{NUMBER})*\s*$")
MEASURED = re.compile(r"\.(?:count|indices|isEmpty|first|last|endIndex)\b|enumerated\(\)")
FOUND = re.compile(r"\b(?:first|last)?[iI]ndex\(|\b(?:firstIndex|lastIndex|indices|endIndex|startIndex)\b|\.count\b|\bread\(|"
                   r"\breceive\(|\bwrite\(|\bsend\(|enumerated\(\)")
REACH = 14  # lines above within which a measure counts


def code_of(text):
    """The line without its comment, of the same length; texts in quotes are kept."""
    out, quoted, index = [], False, 0
    while index < len(text):
        if text[index] == "\\" and quoted:
            out.append(text[index:index + 2])
            index += 2
            continue
        if text[index] == '"':
            quoted = not quoted
        elif not quoted and text.startswith("//", index):
            break
        out.append(text[index])
        index += 1
    return "".join(out).ljust(len(text))


def unquoted(code):
    return re.sub(r'"(?:\\.|[^"\\])*"', lambda match: '"' + " " * (len(match.group()) - 2) + '"', code)


def argument_of(code, column, brackets="()"):
    """What stands in the first brackets at or behind the column, from 1 on."""
    start = code.find(brackets[0], column - 1)
    depth = 0
    for index in range(start, len(code)) if start >= 0 else []:
        depth += (code[index] == brackets[0]) - (code[index] == brackets[1])
        if depth == 0:
            return code[start + 1:index]
    return code[start + 1:] if start >= 0 else ""


def is_constant(text):
    return bool(CONSTANT.match(text)) or not text.strip()


def operands(code, column, width):
    """The words at both sides of an operator."""
    left = re.search(r"[\w.\[\]()]+\)?\s*$", code[:column - 1])
    right = re.match(r"\s*[\w.\[\]()]+", code[column - 1 + width:])
    return (left.group().strip("( ") if left else ""), (right.group().strip(") ") if right else "")


class File:
    def __init__(self, lines):
        self.lines = lines
        self.code = [code_of(line) for line in lines]

    def above(self, number):
        """The line itself and those above it, to the beginning of the function."""
        found = []
        for index in range(number - 1, max(-1, number - 1 - REACH), -1):
            found.append(self.code[index])
            if re.match(r"\s*((private|fileprivate|package|public|static|mutating|override) )*(func|init|subscript)\b", self.code[index]):
                break
        return found

    def measures(self, number, base):
        """Whether the code close above asks how long `base` is, or makes it of a length that shows."""
        base = base.split(".")[-1].split("(")[0] or base
        if not base:
            return False
        name = re.escape(base)
        shown = re.compile(rf"\b{name}(?:\(\))?\.(?:count|indices|isEmpty|utf8\.count|first\b|last\b)|"
                           rf"\b{name}\b[^=]*= \[[^\]]+\]|count: *{name}\.|in {name}\.indices|{name}\.enumerated")
        return any(shown.search(code) for code in self.above(number))

    def comes_from_search(self, number, text):
        """Whether every name in an index was found in, or counted of, something close above."""
        measured = re.sub(r"\w+(?:\.\w+)*\.(?:count|endIndex|startIndex|indices)\b", " ", text)
        names = [name for name in re.findall(r"\b[a-z]\w*", re.sub(r"\.\w+|\w+\(", " ", measured)) if name != "self"]
        for name in set(names):
            binding = re.compile(rf"(?:\b(?:let|var|for|case)\b[^=]*\b{name}\b[^=]*(?:=|in)|\b{name}\b[^=<>!]*[+-]?=|\((?:\w+, )*{name}(?:, \w+)*\) *=)(.*)")
            if not any(match and (FOUND.search(match.group(1)) or match.group(1).strip() and is_constant(match.group(1)))
                       for match in map(binding.search, self.above(number))):
                return False
        return True

    def is_accepted(self, number):
        above = self.lines[number - 2].strip() if number > 1 else ""
        return bool(BOUNDED.search(self.lines[number - 1])) or above.startswith("// bounded: ") and bool(BOUNDED.search(above))


def judge(file, line, column, usr, name, uses):
    """What may trap at this use of a symbol; None for nothing."""
    code = file.code[line - 1]
    rest = code[column - 1:]
    match = OPERATOR.match(usr)
    if match:
        kind, operator = match.groups()
        sign = SUMS.get(operator) or PRODUCTS.get(operator) or "-"
        left, right = operands(code, column, len(sign))
        if operator == "1sop":
            return None if re.match(r"-\s*[\d.]", rest) else "negation"
        if is_constant(left) and is_constant(right):
            return None
        if operator in DIVISIONS and re.match(r"\s*(?:[1-9][\d_]*\b|MemoryLayout<)", code[column - 1 + len(sign):]):
            return None
        if operator in SUMS and kind in ("Si", "Sz", "SzsE"):
            return None
        return f"`{sign}` of {readable(kind)}"
    argument = argument_of(code, column)
    if name in ("init(_:)", "init(_:radix:)") and "17FixedWidthIntegerPsE" in usr:
        kind = type_before(code, column)
        return f"{kind} read from text" if kind in ("Int", "Int64", "UInt64", "UInt") else None
    if name == "init(_:)" and re.match(r"s:(Si|Su|s\d+U?Int\d+V)y\w*(Sd|Sf)cfc$", usr):
        return "conversion of a fraction"
    if name == "init(_:)" and re.search(r"FixedWidthIntegerRzrlEyxqd__cSzRd__|SBRd__", usr):
        kind = type_before(code, column)
        if is_constant(argument) or re.fullmatch(r"[\w.]+\.count", argument) or ".init" in rest[:len(kind) + 6]:
            return None
        if kind in WIDE_TYPES:
            inner = range(column, column + len(argument) + len(kind) + 2)
            wide = any(WIDE.search(other) for (l, c), others in uses.items() if l == line and c in inner for other in others)
            return f"conversion to {kind} of what may not fit" if wide else None
        return f"conversion to {kind}"
    if ELEMENT.match(usr):
        base = re.search(r"[\w.)\]]+$", code[:column - 1])
        index = argument_of(code, column, "[]")
        if base and file.measures(line, base.group()) or index and not is_constant(index) and file.comes_from_search(line, index):
            return None
        return "element by number"
    if usr.startswith(("s:SLsE3zzl", "s:SLsE3zzz")) and rest.startswith(("...", "..<")):
        left, right = re.search(r"[^\[({:,=]*$", code[:column - 1]).group(), re.match(r"[^\])}:,{]*", rest[3:]).group().split(" where ")[0]
        left = left.split(" in ")[-1].replace("case", "")
        if "ascii" in left + right or re.search(r"\"", left + right) or is_constant(left) and is_constant(right):
            return None
        if "[" in code[:column] and file.comes_from_search(line, f"{left} {right}"):
            return None
        if re.search(r"^\s*(?:\d+|\.zero)\s*$", left) and file.comes_from_search(line, right) and right.strip():
            return None
        if re.match(r"\s*0\s*$", left) and re.match(r"\s*max\(0,", right):
            return None
        return "range or slice"
    if name in FATAL:
        return f"`{name.split('(')[0]}`"
    # Only the standard library's: what others call by these names is their own.
    if not re.match(r"s:[sS]", usr) or re.search(r"9DaemonKit|4Unix|11Supervision|9daemonctl", usr):
        return None
    if re.match(r"s:(SD|Sh|SS)", usr) and name != "init(uniqueKeysWithValues:)" and name not in PARTS | ENDS:
        return None
    if name in PARTS:
        length = argument.rsplit("count:", 1)[-1] if "count:" in argument else argument
        if is_constant(length) or re.fullmatch(r"\s*(?:Self\.|self\.)?[\w.]*(?:count|longest\w*|most\w*|limit|batch)(?:\(\))?\s*", length) \
                or re.match(r"\s*(?:Swift\.)?max\(0,", length) or re.match(r"[^?]*\? \d+ : \d+$", length.strip()):
            return None
        return f"`{name}`"
    if name in ENDS:
        base = re.search(r"([\w.]+)\.$", code[:column - 1])
        return None if base and file.measures(line, base.group(1)) else f"`{name}`"
    if name in PLACES:
        if "Offset" in name and is_constant(argument.split("as:")[0].split("Offset:")[-1].strip(", ")):
            return None
        if name == "extracting(_:)" and file.comes_from_search(line, argument):
            return None
        return f"`{name}`"
    return None


def type_before(code, column):
    """The type whose initializer is at the column: the name there, or the one before the parenthesis."""
    here = re.match(r"([\w.]+)\(", code[column - 1:])
    if here:
        return here.group(1)
    before = re.search(r"([\w.]+)$", code[:column - 1])
    return before.group(1).split(".")[0] if before else "?"


def readable(kind):
    return {"Si": "Int", "Su": "UInt", "Sz": "BinaryInteger"}.get(kind, re.sub(r"^s\d+|[VP]$", "", kind))


def findings(text, references):
    """(line, what) of everything in a file that may trap."""
    file = File(text.split("\n"))
    uses, found = {}, set()
    for line, column, usr, _ in references:
        uses.setdefault((line, column), []).append(usr)
    for line, column, usr, name in references:
        if line <= len(file.lines):
            what = judge(file, line, column, usr, name, uses)
            if what:
                found.add((line, what))
    for line, code in enumerate(file.code, 1):
        found.update((line, f"`{match.group()}`") for match in FORCED.finditer(unquoted(code)))
    return sorted(finding for finding in found if not file.is_accepted(finding[0]))


def search(build, sources):
    """Prints the findings, and returns their number and that of the files looked at."""
    index = indexstore.Index(os.path.join(build, "index", "store"), indexstore.library())
    records = index.files()
    count = looked = 0
    for source in map(os.path.realpath, sources):
        for directory, _, names in sorted(os.walk(source)):
            for path in sorted(os.path.join(directory, name) for name in names if name.endswith(".swift")):
                if path not in records:
                    # Of another system: this one's compiler has not seen it.
                    if "+Darwin" not in path:
                        print(f"{os.path.relpath(path)}: not in the index; build first")
                        count += 1
                    continue
                looked += 1
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                for line, what in findings(text, index.references(records[path])):
                    count += 1
                    print(f"{os.path.relpath(path)}:{line}: {what}: {text.splitlines()[line - 1].strip()}")
    return count, looked


def self_test():
    """Lines of the sample that end in `// trap` must be found, and no others."""
    sample = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sample.swift")
    with tempfile.TemporaryDirectory() as directory:
        command = ["swiftc", "-index-store-path", f"{directory}/store", "-module-name", "Sample", "-c", sample, "-o", f"{directory}/s.o"]
        subprocess.run(command, check=True)
        index = indexstore.Index(f"{directory}/store", indexstore.library())
        with open(sample, encoding="utf-8") as file:
            text = file.read()
        found = {line for line, _ in findings(text, index.references(index.files()[sample]))}
    wanted = {number for number, line in enumerate(text.split("\n"), 1) if line.endswith("// trap")}
    for line in sorted(found ^ wanted):
        print(f"sample.swift:{line}: {'not found' if line in wanted else 'found for nothing'}: {text.splitlines()[line - 1].strip()}")
    print(f"sample.swift: {len(wanted)} traps, {len(found & wanted)} found")
    return 0 if found == wanted and wanted else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default=".build/debug")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("sources", nargs="*")
    options = parser.parse_args()
    if not indexstore.library():
        print("skipped: no libIndexStore beside swift")
        return 0
    if options.self_test:
        return self_test()
    count, looked = search(options.build, options.sources)
    print(f"{looked} files, {count} findings")
    return 1 if count or not looked else 0


if __name__ == "__main__":
    sys.exit(main())
