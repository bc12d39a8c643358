#!/usr/bin/env python3
"""The habits of the house that compilers do not see. Prints each breach as path:line: text; exits 1 if there is one.

Reads src/, replay/, bench/load/ and tests/sim/ and, for mutable globals, the object files of the lint preset.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
from dataclasses import dataclass

FILE_LINES_MAX = 600
FILE_LINES_WARN = 500
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100

# Each says in another word what the closed list has one word for.
SYNONYMS = {
    "new": "create", "construct": "create", "ctor": "init", "setup": "init",
    "alloc": "acquire or create", "allocate": "acquire or create", "malloc": "acquire or create",
    "free": "release or destroy", "delete": "remove or destroy", "dealloc": "release or destroy",
    "deallocate": "release or destroy", "dispose": "destroy", "destruct": "destroy", "dtor": "deinit",
    "cleanup": "deinit", "teardown": "deinit", "fini": "deinit", "finalize": "deinit", "finalise": "deinit",
    "uninit": "deinit", "kill": "destroy", "ref": "acquire", "unref": "release", "retain": "acquire",
    "obtain": "acquire", "grab": "acquire", "unacquire": "release", "lookup": "find", "search": "find",
    "erase": "remove", "serialize": "encode", "deserialize": "decode", "marshal": "encode",
    "unmarshal": "decode",
}  # fmt: skip
# Who makes it says, in the same module, who ends it. (What owns nothing has an init only.)
PAIRS = {"create": "destroy", "open": "close", "acquire": "release"}
# After one of these a synonym is no verb: ring_count_free.
OTHER_VERBS = {"count", "is", "has", "can", "find", "get", "set", "read", "write", "peek"}
UNFINISHED = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|X" + "XX)\\b")
MUTABLE_SECTION = re.compile(r"^(\.data(?!\.rel\.ro)|\.bss|\.tdata|\.tbss|\*COM\*)")


@dataclass(frozen=True, order=True)
class Breach:
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


def blank(match):
    """As many lines as before, so that line numbers stay."""
    return " " + "\n" * match.group().count("\n")


def without_comments(text):
    return re.sub(r'//[^\n]*|/\*.*?\*/|("(?:\\.|[^"\\\n])*")', lambda m: m.group(1) or blank(m), text, flags=re.S)


def without_preprocessor(text):
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", blank, text, flags=re.M)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class House:
    """The source tree under one root, each file read once."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.files = {}
        for top in ("src", "replay", "bench/load", "tests/sim"):
            for path in sorted((self.root / top).rglob("*.[ch]")):
                self.files[path.relative_to(self.root).as_posix()] = path.read_text()
        self.bare = {path: without_comments(text) for path, text in self.files.items()}
        self.floors = read_floors(self.root / "src" / "CMakeLists.txt")

    def headers(self):
        return [path for path in self.files if path.endswith(".h")]

    def breaches_by(self, pattern, text, paths=None):
        for path in self.files if paths is None else paths:
            for match in re.finditer(pattern, self.bare[path]):
                yield Breach(path, line_of(self.bare[path], match.start()), text)


def read_floors(path):
    """Module to the modules it names, in the order of the file."""
    text = re.sub(r"#[^\n]*", "", path.read_text())
    floors = {}
    for words in re.findall(r"\bmodule\(([^)]*)\)", text):
        name, *rest = words.split()
        part, lower = "", []
        for word in rest:
            if word in ("ON", "LIBRARIES"):
                part = word
            elif part == "ON":
                lower.append(word)
        floors[name] = lower
    return floors


def stands_on(floors, module):
    """The module, what it names, and what that stands on."""
    found = {module}
    for lower in floors[module]:
        found |= stands_on(floors, lower)
    return found


def check_floors(house):
    for path in house.files:
        top, module = path.split("/")[:2]
        if top == "replay":
            # The program that compares must not share the server's rules.
            allowed = {"replay", "base"}
        elif top == "bench":
            # Nor must the program that measures.
            allowed = {module, "base"}
        elif top == "tests":
            # The simulator owns the world of all of the server.
            allowed = {module, *house.floors}
        elif module in house.floors:
            allowed = stands_on(house.floors, module)
        else:
            yield Breach(path, 1, f"src/CMakeLists.txt declares no module {module}")
            continue
        for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*"([^"]*)"', house.bare[path], re.M):
            folder, _, name = match.group(1).partition("/")
            line = line_of(house.bare[path], match.start())
            if not name:
                yield Breach(path, line, f'include "{folder}" with its module in front')
            elif folder not in allowed:
                yield Breach(path, line, f"{top if top == 'replay' else module} does not stand on {folder}")


def declarations(house, path):
    """(line, name, parameters) of each function that a header declares or defines."""
    text = without_preprocessor(house.bare[path])
    # Bodies of functions are in column 0 (the layout that clang-format keeps), those of types end with a semicolon.
    text = re.sub(r"^\{.*?^\}", blank, text, flags=re.S | re.M)
    text = re.sub(r"(?<=[\w)])[ \t]*\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", blank, text)
    text = re.sub(r"__attribute__\(\(.*?\)\)|THREAD_ATTRIBUTE\([^()]*\([^()]*\)\)", " ", text)
    pattern = re.compile(r"^[A-Za-z_][\w \t\n*]*?[ \t\n*](\w+)\(((?:[^()]|\([^()]*\))*)\)", re.M)
    for match in pattern.finditer(text):
        yield line_of(text, match.start(1)), match.group(1), match.group(2)


def check_words(house):
    declared = {}
    for path in house.headers():
        for line, name, parameters in declarations(house, path):
            declared.setdefault(path.rpartition("/")[0], {})[name] = (path, line)
            words = name.split("_")
            for at, word in enumerate(words):
                if word in SYNONYMS and not OTHER_VERBS.intersection(words[:at]):
                    text = f"{name}: the house's word for {word} is {SYNONYMS[word]}"
                    yield Breach(path, line, text)
            for parameter in re.findall(
                r"\*[ \t\n]*(?:const[ \t\n]*)?\*[ \t\n]*(\w+)", parameters
            ):
                if parameter != "argv" and not parameter.startswith(("taken_", "out_")):
                    text = f"{name}: {parameter} is a T **: taken_{parameter} or out_{parameter}"
                    yield Breach(path, line, text)
    for names in declared.values():
        yield from check_pairs(names)


def check_pairs(declared):
    """What a module creates, opens or acquires it also destroys, closes or releases."""
    for name, (path, line) in declared.items():
        words = name.split("_")
        for at, word in enumerate(words):
            if at > 0 and word in PAIRS and not OTHER_VERBS.intersection(words[:at]):
                other = "_".join([*words[:at], PAIRS[word]])
                if not any(known == other or known.startswith(other + "_") for known in declared):
                    yield Breach(path, line, f"{name} is declared without {other}")


def check_umbrellas(house):
    for path in house.headers():
        rest = without_preprocessor(house.bare[path])
        macros = re.findall(r"^[ \t]*#[ \t]*define[ \t]+\w+\(|^[ \t]*#[ \t]*define[ \t]+\w+[ \t]+\S", house.bare[path], re.M)
        if not rest.strip() and not macros:
            yield Breach(path, 1, "an umbrella header: it only includes others")


def check_guards(house):
    for path in house.headers():
        module, name = path.split("/")[-2:]
        guard = re.sub(r"\W", "_", f"{module}_{name}").upper()
        if not re.match(rf"\s*#ifndef {guard}\n#define {guard}\n.*#endif\s*\Z", house.bare[path], re.S):
            yield Breach(path, 1, f"the include guard is {guard}")


def check_typedefs(house):
    yield from house.breaches_by(r"\btypedef\s+(struct|union|enum)\b", "no typedef of a struct, union or enum")


def check_lengths(house):
    for path, text in house.files.items():
        lines = text.splitlines()
        if len(lines) > FILE_LINES_MAX:
            yield Breach(path, len(lines), f"{len(lines)} lines, {FILE_LINES_MAX} at most")
        elif len(lines) > FILE_LINES_WARN:
            print(f"{path}: {len(lines)} lines: mostly it should be {FILE_LINES_WARN}", file=sys.stderr)
        start = None
        for number, line in enumerate(lines, 1):
            # The table of statuses has a sentence a line.
            if len(line) > LINE_COLUMNS_MAX and not re.match(r'\s*X\(.*"\)\s*\\?$', line):
                yield Breach(path, number, f"{len(line)} columns, {LINE_COLUMNS_MAX} at most")
            if line == "{":
                start = number
            elif line == "}" and start is not None:
                if number - start + 1 > FUNCTION_LINES_MAX:
                    yield Breach(path, start, f"a function of {number - start + 1} lines, {FUNCTION_LINES_MAX} at most")
                start = None


def check_unfinished(house):
    others = [path for top in ("tools", "tests", "cmake", "docs", "bench") for path in (house.root / top).rglob("*")]
    texts = dict(house.files)
    for path in others:
        if path.suffix in (".py", ".sh", ".md", ".cmake", ".txt") and path.is_file():
            texts[path.relative_to(house.root).as_posix()] = path.read_text()
    for path, text in texts.items():
        for match in UNFINISHED.finditer(text):
            yield Breach(path, line_of(text, match.start()), f"unfinished: {match.group()}")


def check_table(house):
    """ARCHITECTURE.md has the floors of src/CMakeLists.txt, in the same order."""
    path = house.root / "ARCHITECTURE.md"
    rows = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 3 and re.fullmatch(r"\w+", cells[0]) and cells[2] != "stands on":
            rows[cells[0]] = (number, cells[2].split())
    if list(rows) != list(house.floors):
        yield Breach("ARCHITECTURE.md", 1, f"has the floors {' '.join(rows)}; src/CMakeLists.txt {' '.join(house.floors)}")
        return
    for module, (number, lower) in rows.items():
        if lower != house.floors[module]:
            text = f"{module} stands on {' '.join(house.floors[module]) or 'nothing'} in src/CMakeLists.txt"
            yield Breach("ARCHITECTURE.md", number, text)


def check_alone(house):
    """Each header compiles with nothing in front of it."""

    def compile_alone(job):
        compiler, path = job
        flags = ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Isrc", "-Itests", "-Ibench", "-I."]
        command = [compiler, *flags, "-fsyntax-only", "-x", "c", path]
        if compiler.startswith("clang"):
            # A header is the main file here, so what it offers looks unused.
            command[-4:-4] = ["-Wno-unused-function", "-Wno-unused-const-variable"]
        return path, compiler, subprocess.run(command, cwd=house.root, capture_output=True, text=True)

    jobs = [(compiler, path) for path in house.headers() for compiler in ("gcc", "clang-19")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, compiler, done in pool.map(compile_alone, jobs):
            if done.returncode != 0:
                yield Breach(path, 1, f"does not compile alone with {compiler}:\n{done.stderr.rstrip()}")


def check_globals(house, objects):
    """State lives in a struct that someone passes, never in a file."""
    for path in house.files:
        if not path.endswith(".c") or path.endswith(("_test.c", "_fuzz.c")):
            continue
        top, *rest = path.split("/")
        found = list((objects / top).glob(f"CMakeFiles/*.dir/{'/'.join(rest)}.o"))
        if top in ("tests", "bench"):
            folder, name = path.rsplit("/", 1)
            found = list((objects / folder).glob(f"CMakeFiles/*.dir/{name}.o"))
        if not found:
            yield Breach(path, 1, f"has no object file under {objects}")
        for built in found:
            listing = subprocess.run(["objdump", "-t", built], capture_output=True, text=True, check=True).stdout
            # address, seven flags, section, size, name
            for flags, section, name in re.findall(r"^[0-9a-f]+ (.{7}) (\S+)\s[0-9a-f]+\s+(?:\.\w+ )?(\S+)$", listing, re.M):
                if "d" not in flags and MUTABLE_SECTION.match(section):
                    yield Breach(path, 1, f"{name} is a mutable global")


CHECKS = (
    check_floors, check_words, check_umbrellas, check_guards, check_typedefs, check_lengths, check_unfinished,
    check_table, check_alone,
)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--objects", type=pathlib.Path, help="build folder whose object files are looked into")
    options = parser.parse_args()
    house = House(options.root)
    breaches = [breach for check in CHECKS for breach in check(house)]
    breaches += check_globals(house, options.objects or options.root / "build" / "lint")
    for breach in sorted(breaches):
        print(breach)
    print(f"{len(house.files)} files, {len(house.floors)} floors, {len(breaches)} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
