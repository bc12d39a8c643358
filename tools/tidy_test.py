#!/usr/bin/env python3
"""Plants each kind of breach in a small house and expects tidy.py to find that one and no other."""

import pathlib
import subprocess
import tempfile
import unittest

import tidy

FLOORS = "# The building.\nmodule(base)\nmodule(cache ON base LIBRARIES uv)\nmodule(shard ON cache)\n"
TABLE = (
    "| module | the question it answers | stands on |\n|---|---|---|\n"
    "| base | what is certain? | |\n| cache | who is in memory? | base |\n| shard | what happens? | cache |\n"
)
HEADER = """/* Who goes next? */
#ifndef CACHE_LRU_H
#define CACHE_LRU_H

#include "base/thing.h"

#include <stdbool.h>

struct lru {
    struct thing *head; /* not new: free() is not called */
};

void lru_init(struct lru *self);
void lru_deinit(struct lru *self);
bool lru_remove(struct lru *self, struct thing **out_thing);

static inline bool lru_is_empty(const struct lru *self)
{
    return self->head == 0;
}

#endif
"""
THING = "#ifndef BASE_THING_H\n#define BASE_THING_H\nstruct thing {\n    int value;\n};\n#endif\n"
SOURCE = '#include "cache/lru.h"\n\nvoid lru_init(struct lru *self)\n{\n    self->head = 0;\n}\n'


class HouseTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        self.put("src/CMakeLists.txt", FLOORS)
        self.put("ARCHITECTURE.md", TABLE)
        self.put("src/base/thing.h", THING)
        self.put("src/cache/lru.h", HEADER)
        self.put("src/cache/lru.c", SOURCE)

    def put(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def found(self):
        house = tidy.House(self.root)
        return [str(breach) for check in tidy.CHECKS for breach in check(house)]

    def expect(self, path, *parts):
        found = self.found()
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(path + ":"), found)
        for part in parts:
            self.assertIn(part, found[0])

    def plant(self, old, new, path="src/cache/lru.h", text=HEADER):
        self.assertIn(old, text)
        self.put(path, text.replace(old, new, 1))


class TidyTest(HouseTest):
    def test_a_clean_house_has_no_breach(self):
        self.assertEqual(self.found(), [])

    def test_include_from_above(self):
        self.put("src/base/thing.c", '#include "cache/lru.h"\n')
        self.expect("src/base/thing.c:1", "base does not stand on cache")

    def test_include_of_what_a_lower_floor_stands_on(self):
        self.put("src/shard/shard.c", '#include "base/thing.h"\n')
        self.assertEqual(self.found(), [])

    def test_include_of_a_library_is_no_floor(self):
        self.put("src/shard/shard.c", '#include "uv/thing.h"\n')
        self.expect("src/shard/shard.c:1", "shard does not stand on uv")

    def test_include_without_module(self):
        self.put("src/cache/lru.c", '\n#include "lru.h"\n')
        self.expect("src/cache/lru.c:2", "module in front")

    def test_include_in_a_comment_is_none(self):
        self.put("src/base/thing.c", '/*\n#include "cache/lru.h"\n*/\n')
        self.assertEqual(self.found(), [])

    def test_undeclared_module(self):
        self.put("src/attic/box.c", "\n")
        self.expect("src/attic/box.c:1", "no module attic")

    def test_replay_shares_base_only(self):
        self.put("replay/main.c", '#include "base/thing.h"\n#include "cache/lru.h"\n')
        self.expect("replay/main.c:2", "replay does not stand on cache")

    def test_load_shares_base_only(self):
        self.put("bench/load/main.c", '#include "base/thing.h"\n#include "load/mix.h"\n#include "cache/lru.h"\n')
        self.expect("bench/load/main.c:3", "load does not stand on cache")

    def test_simulator_stands_on_the_server_only(self):
        self.put("tests/sim/disk.c", '#include "shard/shard.h"\n#include "sim/disk.h"\n#include "replay/wire.h"\n')
        self.expect("tests/sim/disk.c:3", "sim does not stand on replay")

    def test_each_synonym(self):
        for word in tidy.SYNONYMS:
            with self.subTest(word):
                self.plant("bool lru_remove(", f"bool lru_{word}(")
                self.expect("src/cache/lru.h:15", f"lru_{word}", tidy.SYNONYMS[word])

    def test_synonym_over_two_lines(self):
        self.plant("bool lru_remove(", "struct thing *\nlru_new(")
        self.expect("src/cache/lru.h:16", "lru_new")

    def test_synonym_defined_inline(self):
        self.plant("lru_is_empty", "lru_lookup")
        self.expect("src/cache/lru.h:17", "lru_lookup")

    def test_each_pair(self):
        for first, last in tidy.PAIRS.items():
            with self.subTest(first):
                self.plant("bool lru_remove(", f"bool item_{first}(")
                self.expect("src/cache/lru.h:15", f"without item_{last}")
                self.plant("bool lru_remove(", f"void item_{last}(void);\nbool item_{first}_small(")
                self.assertEqual(self.found(), [])

    def test_what_is_free_is_counted(self):
        self.plant("bool lru_remove(", "bool lru_count_free(")
        self.assertEqual(self.found(), [])

    def test_moved_pointer_without_its_word(self):
        self.plant("**out_thing", "**thing")
        self.expect("src/cache/lru.h:15", "taken_thing or out_thing")
        self.plant("**out_thing", "**taken_thing")
        self.assertEqual(self.found(), [])

    def test_umbrella(self):
        self.put("src/cache/all.h", '#ifndef CACHE_ALL_H\n#define CACHE_ALL_H\n#include "cache/lru.h"\n#endif\n')
        self.expect("src/cache/all.h:1", "umbrella")

    def test_header_of_macros_is_no_umbrella(self):
        self.put("src/cache/size.h", "#ifndef CACHE_SIZE_H\n#define CACHE_SIZE_H\n#define SIZE_MAX_KB 4\n#endif\n")
        self.assertEqual(self.found(), [])

    def test_guard(self):
        self.put("src/cache/lru.h", HEADER.replace("CACHE_LRU_H", "LRU_H"))
        self.expect("src/cache/lru.h:1", "CACHE_LRU_H")

    def test_typedef(self):
        self.put("src/cache/lru.c", SOURCE + "typedef struct lru lru_t;\n")
        self.expect("src/cache/lru.c:7", "typedef")

    def test_long_file(self):
        self.put("src/cache/lru.c", "\n" * tidy.FILE_LINES_MAX)
        self.assertEqual(self.found(), [])
        self.put("src/cache/lru.c", "\n" * (tidy.FILE_LINES_MAX + 1))
        self.expect("src/cache/lru.c", "601 lines")

    def test_long_line(self):
        self.put("src/cache/lru.c", "/*" + "x" * 96 + "*/\n")
        self.assertEqual(self.found(), [])
        self.put("src/cache/lru.c", "/*" + "x" * 97 + "*/\n")
        self.expect("src/cache/lru.c:1", "101 columns")

    def test_long_function(self):
        for lines, breaches in ((tidy.FUNCTION_LINES_MAX, 0), (tidy.FUNCTION_LINES_MAX + 1, 1)):
            self.put("src/cache/lru.c", "static void walk(void)\n{\n" + "\n" * (lines - 2) + "}\n")
            self.assertEqual(len(self.found()), breaches, lines)

    def test_unfinished(self):
        for word in ("TO" + "DO", "FIX" + "ME"):
            self.put("src/cache/lru.c", f"/* {word} */\n")
            self.expect("src/cache/lru.c:1", word)

    def test_table_without_a_floor(self):
        self.put("ARCHITECTURE.md", TABLE.replace("| shard | what happens? | cache |\n", ""))
        self.expect("ARCHITECTURE.md:1", "has the floors base cache;")

    def test_table_with_another_stand(self):
        self.put("ARCHITECTURE.md", TABLE.replace("what happens? | cache |", "what happens? | base |"))
        self.expect("ARCHITECTURE.md:5", "shard stands on cache")

    def test_header_that_needs_another_first(self):
        self.plant("#include <stdbool.h>\n", "#include <stddef.h>\n")
        found = self.found()
        self.assertEqual(len(found), 2, found)
        self.assertIn("alone with gcc", found[0])
        self.assertIn("alone with clang-19", found[1])


class GlobalsTest(HouseTest):
    """The same house, compiled."""

    def globals_of(self, source, compiler="gcc"):
        self.put("src/cache/lru.c", source)
        built = self.root / "build/src/CMakeFiles/cache.dir/cache/lru.c.o"
        built.parent.mkdir(parents=True, exist_ok=True)
        flags = ["-O1", "-g", "-fPIC", f"-I{self.root}/src"]
        subprocess.run([compiler, *flags, "-c", self.root / "src/cache/lru.c", "-o", built], check=True)
        return [str(breach) for breach in tidy.check_globals(tidy.House(self.root), self.root / "build")]

    def test_each_kind(self):
        walk = "int walk(void)\n{\n    return ++NAME;\n}\n"
        for declaration in (
            "int count;",
            "int count = 1;",
            "static int count;",
            "static int count = 1;",
            "_Thread_local int count;",
            "static _Thread_local int count = 1;",
            "static _Atomic int count;",
            "__attribute__((common)) int count;",
        ):
            for compiler in ("gcc", "clang-19"):
                with self.subTest(declaration, compiler=compiler):
                    found = self.globals_of(declaration + "\n" + walk.replace("NAME", "count"), compiler)
                    self.assertEqual(found, ["src/cache/lru.c:1: count is a mutable global"])

    def test_static_in_a_function(self):
        found = self.globals_of("int walk(void)\n{\n    static int count;\n    return ++count;\n}\n")
        self.assertEqual(len(found), 1, found)
        self.assertIn("count", found[0])

    def test_constants_are_none(self):
        for compiler in ("gcc", "clang-19"):
            source = 'const int count = 3;\nconst char *const names[] = {"a", "b"};\n'
            self.assertEqual(self.globals_of(source + SOURCE, compiler), [])

    def test_without_object(self):
        found = [str(breach) for breach in tidy.check_globals(tidy.House(self.root), self.root / "build")]
        self.assertEqual(len(found), 1, found)
        self.assertIn("no object file", found[0])


if __name__ == "__main__":
    unittest.main()
