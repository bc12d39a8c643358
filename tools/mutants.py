#!/usr/bin/env python3
"""The judge of the judge: inverts each rule in the server, one at a time, and shows that a test fails for it.

Works on a copy of the sources in build/mutants. A mutant is first shown to the unit tests, and where these pass, to the
random sequences of all commands against the plain model, and to the tests of the change feed. One that survives is a
rule that no test holds.
"""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPY = ROOT / "build" / "mutants"
UNIT_TESTS = [
    "readstate/rules_test",
    "readstate/rules_options_test",
    "readstate/rules_tombstone_test",
    "readstate/rules_model_test",
    "readstate/leaf_ack_test",
    "cache/cache_purge_test",
    "shard/shard_forget_test",
    "shard/shard_feed_test",
    "shard/shard_recover_test",
    "shard/breaker_test",
    "shard/hot_list_test",
    "shard/hot_file_test",
    "shard/shard_warm_test",
    "shard/shard_warm_join_test",
    "cache/cache_hot_test",
    "server/warm_save_test",
    "journal/entry_test",
    "journal/segment_test",
    "journal/segment_reader_test",
    "journal/log_reader_test",
    "journal/journal_test",
    "journal/recovery_test",
    "net/feed_test",
    "net/feed_queue_test",
    "net/feed_text_test",
    "store/store_memory_test",
]
SEQUENCES = ["integration/test_rules.py", "integration/test_feed.py"]
TEST_S = 300

RULES = "src/readstate/rules.c"
CHANGE = "src/shard/shard_change.c"
READ = "src/shard/shard_read.c"
PURGE = "src/cache/cache_purge.c"
FORGET = "src/shard/shard_forget.c"
SHARD_FEED = "src/shard/shard_feed.c"
FEED = "src/net/feed.c"
FEED_TURN = "src/net/feed_turn.c"
RECOVER = "src/shard/shard_recover.c"
SHARD_JOURNAL = "src/shard/shard_journal.c"
JOURNAL = "src/journal/journal.c"
ENTRY = "src/journal/entry.c"
LOG_READER = "src/journal/log_reader.c"
BREAKER = "src/shard/breaker.c"
LRU = "src/cache/lru.c"
CACHE_HOT = "src/cache/cache_hot.c"
WARM = "src/shard/shard_warm.c"
HOT_LIST = "src/shard/hot_list.c"
HOT_FILE = "src/shard/hot_file.c"
WARM_SAVE = "src/server/warm_save.c"
WARM_READ = "src/server/warm_read.c"

# (what it does wrong, file, what stands there once, what stands there instead)
MUTANTS = [
    ("an ack may move last_read back", RULES, "if (message.value <= state->last_read) {\n        return RULE_UNCHANGED;", "if (message.value == state->last_read) {\n        return RULE_UNCHANGED;"),
    ("an ack leaves the floor", RULES, "    state->floor = max_u64(state->floor, message.value);\n", "    state->floor = max_u64(state->floor, state->floor);\n"),
    ("an acked mention stays", RULES, "state->mentions[read].message <= message.value", "state->mentions[read].message < message.value"),
    ("counted mentions never end", RULES, "if (message.value >= state->counted_to) {", "if (message.value > state->counted_to + 1000000) {"),
    ("a retried mention counts twice", RULES, "if (at < state->mentions_kept && state->mentions[at].message == message.value) {\n        return", "if (at > state->mentions_kept) {\n        return"),
    ("a mention that was read counts", RULES, "if (message.value <= max_u64(state->floor, state->counted_to)) {", "if (message.value <= state->counted_to) {"),
    ("a mention below what is counted counts", RULES, "if (message.value <= max_u64(state->floor, state->counted_to)) {", "if (message.value <= state->floor) {"),
    ("a mention that is pushed out is lost", RULES, "state->counted < MENTIONS_MAX) {\n        state->counted++;", "state->counted < MENTIONS_MAX) {\n        state->counted += 0;"),
    ("counted_to stays where it was", RULES, "    state->counted_to = max_u64(state->counted_to, mention.message);", "    (void)mention;"),
    ("a withdrawn mention that is pushed out counts", RULES, "if (!mention.withdrawn && state->counted", "if (state->counted"),
    ("an unmention forgets the id", RULES, "    state->mentions[at].withdrawn = 1;", "    remove_lowest_mentions(state, at + 1);"),
    ("a manual ack goes forward only", RULES, "    if (message.value >= state->last_read) {\n        return rules_ack(state, message);", "    if (message.value + 1 > 0) {\n        return rules_ack(state, message);"),
    ("MENTIONS is added to what is known", RULES, "state->counted = mentions > known ? mentions - known : 0;", "state->counted = mentions;"),
    ("the lowest day stays", RULES, "options->viewed > state->viewed_days", "options->viewed < state->viewed_days"),
    ("the highest flags win", RULES, "options->has_flags && options->flags != state->flags", "options->has_flags && options->flags > state->flags"),
    ("the last pin wins", RULES, "state->deleted || pin_ms <= state->pin_ms", "state->deleted || pin_ms == state->pin_ms"),
    ("a pin makes a state of a tombstone", RULES, "if (state->deleted || pin_ms <= state->pin_ms) {\n        return RULE_UNCHANGED;\n    }", "if (pin_ms <= state->pin_ms) {\n        return RULE_UNCHANGED;\n    }\n    state->deleted = false;"),
    ("options act on a tombstone that stays", RULES, "if (state->deleted && message.value <= state->floor) {", "if (state->deleted && message.value < state->floor) {"),
    ("a join on a tombstone only acks", RULES, "    end_tombstone(state);\n    /* An ack of a new", "    /* An ack of a new"),
    ("a tombstone forgets the known ids", RULES, "floor = max_u64(floor, state->mentions[state->mentions_kept - 1].message);", "floor = max_u64(floor, state->floor);"),
    ("a tombstone forgets the message named with it", RULES, "max_u64(max_u64(state->floor, state->counted_to), newest.value)", "max_u64(state->floor, state->counted_to)"),
    ("leaving again with a higher message changes nothing", RULES, "if (!live && floor == state->floor) {", "if (!live) {"),
    ("an ack in the packed bytes goes back", "src/readstate/leaf.c", "if (message.value <= bytes_read_uint(read_at, read_width)) {", "if (message.value == bytes_read_uint(read_at, read_width)) {"),
    ("an ack in the packed bytes keeps the state's version", "src/readstate/leaf.c", "    bytes_write_uint(version_at, version_width, version);\n", ""),
    ("an ack in the packed bytes takes no version of the user", "src/shard/shard_run.c", "        user->version++;\n", ""),
    ("what changes nothing takes a version", CHANGE, "changed.visibly = effect == RULE_CHANGED || is_new;", "changed.visibly = effect != RULE_CHANGED_HIDDEN || is_new;"),
    ("max-channels is one more", CHANGE, ">= subject->shard->limits.max_channels) {", "> subject->shard->limits.max_channels) {"),
    ("tombstones count as channels", CHANGE, "if (!changed.was_live && changed.is_live &&\n        subject_count_live(subject) >=", "if (!changed.was_live && changed.is_live &&\n        subject_count_live(subject) + (subject->block == BLOCK_NONE ? 0 : cache_get(&subject->shard->cache, subject->block)->tombstones) >="),
    ("IFVERSION sees tombstones", CHANGE, "return version == (view.deleted ? 0 : view.version);", "return version == view.version;"),
    ("IFVERSION is not looked at", CHANGE, "options != NULL && options->has_version &&", "options != NULL && options->has_version && options->commits &&"),
    ("a bulk takes a version a state", CHANGE, "change_state(subject, &change, pair->channel, version);", "change_state(subject, &change, pair->channel, version + i);"),
    ("a channel named twice in a bulk counts twice", CHANGE, "changed.visibly && changed.version_before != version", "changed.visibly"),
    ("a bulk beyond max-channels is applied in part", CHANGE, "status = fresh > 0 && live + fresh > limit ? STATUS_LIMIT : STATUS_OK;", "status = STATUS_OK;"),
    ("a leave says 1 for a tombstone", CHANGE, "leaves ? changed.was_live : changed.mentions", "leaves ? changed.version_before > 0 : changed.mentions"),
    ("the author counts as risen", CHANGE, "changed.visibly && !waiter->target.acks", "changed.visibly"),
    ("a tombstone's version is answered", CHANGE, "    if (changed.is_live) {\n        changed.version = state.version;", "    if (place.there) {\n        changed.version = state.version;"),
    ("the newest tombstone goes first", PURGE, "? a->version < b->version", "? a->version > b->version"),
    ("of one version the highest channel goes first", PURGE, "channel_key_compare(a->channel, b->channel) < 0", "channel_key_compare(a->channel, b->channel) > 0"),
    ("purged_to is forgotten", PURGE, "        user->purged_to = tombstone->version;\n", "        user->purged_to += 0;\n"),
    ("a list since does not ask what was purged", READ, "user->purged_to <= command->since_version &&", "command->since_version >= 0 &&"),
    ("a list since a version of the future is one of changes", READ, "command->since_version <= user->version;", "command->since_version <= user->version + 5;"),
    ("a list since leaves out tombstones", READ, "views[i].version > since) {", "views[i].version > since && !views[i].deleted) {"),
    ("a list since gives that version too", READ, "views[i].version > since) {", "views[i].version >= since) {"),
    ("a full list shows tombstones", READ, "full ? !views[i].deleted :", "full ? views[i].version > 0 :"),
    ("a forgotten user keeps the epoch", FORGET, "    self->generations[hash_slot_of_user(subject.id)] = generation;\n", ""),
    ("a forgotten user's writes are not waited for", FORGET, "if (user_is(user, USER_WRITING)) {", "if (false) {"),
    ("what waits behind a forgetting acts on the old user", FORGET, "    (void)answer(&subject, waiter, erased);\n    waiter_destroy(waiter);\n    shard_pump(self, waiting);", "    shard_pump(self, waiting);\n    (void)answer(&subject, waiter, erased);\n    waiter_destroy(waiter);"),
    ("a user whom the store failed to erase is not written again", FORGET, "    cache_mark_all_dirty(&self->cache, block);\n", "    cache_mark_dirty(&self->cache, block);\n"),
    ("readers are not told of a forgetting", FORGET, "        shard_publish_forgetting(&subject);\n", ""),
    ("a forgetting is told under the last version", SHARD_FEED, ".version = user->version + 1,", ".version = user->version,"),
    ("a change is told under the version before", SHARD_FEED, ".version = user->version,\n                                            .readers", ".version = user->version - 1,\n                                            .readers"),
    ("a change of many states ends with its first part", SHARD_FEED, "        publish(self, false);\n", "        publish(self, true);\n"),
    ("a subscribed user is evicted", "src/cache/cache.c", "(USER_LOADING | USER_LEAVING | USER_SUBSCRIBED | USER_PARTIAL)) == 0;", "(USER_LOADING | USER_LEAVING | USER_PARTIAL)) == 0;"),
    ("a forgetting is done before the journal has it", FORGET, "    if (self->config.lent_journal != NULL) {\n        sync_journal", "    if (self->config.lent_journal == NULL) {\n        sync_journal"),
    ("who could not be forgotten keeps the epoch", "src/shard/shard_save.c", "        user->incarnation = shard_get_next_generation(self, user);\n", ""),
    ("a write that does not end is waited for", "src/shard/shard_flush.c", "self->store_answered_ms >= WRITE_TIMEOUT_MS;", "self->store_answered_ms == UINT64_MAX;"),
    ("an unsubscribed user stays in memory", FEED_TURN, "if (feed_find_audience(self, command.user) == NULL) {", "if (feed_find_audience(self, command.user) != NULL) {"),
    ("a reader is told before its confirmation", FEED, "        if (!answers_is_out(&connection->answers, question->number)) {\n            return;\n        }\n", ""),
    ("a gap in the feed is not seen", FEED, "mark.version == subscription->told.version + 1;", "mark.version > subscription->told.version;"),
    ("who has fallen behind stays there", FEED, "if (!self->is_queued && feed_may_catch_up(self)) {", "if (self->is_queued && feed_may_catch_up(self)) {"),
    ("what was lost before the answer is not looked for", FEED, "if (subscription->has_lost || feed_is_newer", "if (feed_is_newer"),
    ("who is up to date is not told of a loss", FEED_TURN, "    if (subscription->state == SUBSCRIPTION_LIVE && !subscription->lent_subscriber->is_gone) {\n        feed_fall_behind", "    if (subscription->state == SUBSCRIPTION_ASKED && !subscription->lent_subscriber->is_gone) {\n        feed_fall_behind"),
    ("a message outlives its subscription", FEED, "        feed_queue_filter(&subscriber->queue, connection->texts_sending, is_read, connection);\n", ""),
    ("all that is there is told as a change", FEED_TURN, "reply->full ? CAUSE_FORGET : CAUSE_MERGED", "reply->full ? CAUSE_MERGED : CAUSE_MERGED"),
    ("a merged message is told under the old version", FEED_TURN, "    feed_settle(subscription, told);\n", "    feed_settle(subscription, subscription->told);\n"),
    ("a queue of messages has no bound", "src/net/feed_queue.c", "(self->count > 0 && self->bytes + size > FEED_QUEUE_BYTES_MAX)", "(self->count > 0 && self->bytes + size > SIZE_MAX - 1)"),
    ("a store keeps no generation", "src/store/store_memory.c", "*of_slot < generation ? (uint32_t)generation : *of_slot;", "*of_slot;"),
    ("a badge counts states without mentions", READ, ".states = totals.mentioned_states}", ".states = totals.live_states}"),
    ("a user named twice changes twice", "src/net/request.c", "self->targets[self->slots[slot] - 1].user.value == user.value", "self->targets[self->slots[slot] - 1].user.value == 0"),
    ("a message mentions its author", "src/net/request.c", "if (user.value != author.value) {", "if (user.value != 0) {"),
    ("an older entry overwrites what is newer", RECOVER, "leaf_get_version(place->leaf, place->row) > version", "leaf_get_version(place->leaf, place->row) > version + 1000000"),
    ("what is recovered counts as written", RECOVER, "    self->cache.eras[overlay->era]++;\n    self->merging", "    self->merging"),
    ("a recovered tombstone that had gone stays", RECOVER, "        cache_purge(&self->cache, &block, overlay->tombstones);\n", ""),
    ("a user that is merged stays parked", RECOVER, "    dirty_unpark(&self->cache.dirty, *block);\n    if (tombstones", "    if (tombstones"),
    ("a segment goes while changes from before it are unwritten", SHARD_JOURNAL, "while (self->has_ended_history && is_recovered(self) && number + 1", "while (self->has_ended_history && number + 1"),
    ("a segment goes with unwritten changes in it", SHARD_JOURNAL, "self->cache.eras[shard_era_of(number + 1)] == 0", "self->cache.eras[shard_era_of(number + 1)] <= 1"),
    ("a recovery ends while it goes on", SHARD_JOURNAL, "const bool is_recovering = self->journal_segment == 0;", "const bool is_recovering = false;"),
    ("a bulk of acks is not journaled", CHANGE, "    if (at_all) {\n        journal_pairs(subject, command);\n    }\n", "    (void)at_all;\n"),
    ("a failed write is of the newest era", "src/cache/cache_save.c", "        cache_age(self, block, user->era_writing);\n", ""),
    ("what is carried over stays in its old era", "src/cache/cache.c", "        user->era = self->era;\n    }\n    if (user_is(user, USER_WRITING)) {", "    }\n    if (user_is(user, USER_WRITING)) {"),
    ("an entry's checksum is not chained", ENTRY, "    bytes_write_u32(seed + 4, before);", "    bytes_write_u32(seed + 4, 0 * before);"),
    ("a checksum does not know its segment", ENTRY, "    bytes_write_u32(seed, key);", "    bytes_write_u32(seed, 0 * key);"),
    ("damage on the same boot is a torn end", LOG_READER, "if (is_here(self) && evidence.is_begun) {", "if (is_here(self) && evidence.is_begun && offset == UINT64_MAX) {"),
    ("damage of what was synced is a torn end", LOG_READER, "(synced->synced_segment == number && synced->synced_offset > offset)", "(synced->synced_segment == number && synced->synced_offset > offset + 1000000000)"),
    ("a breaker never opens", BREAKER, "self->failures < BREAKER_FAILURES)", "self->failures < BREAKER_FAILURES + 1000000)"),
    ("a breaker lets all through when its time is over", BREAKER, "        self->state = BREAKER_HALF_OPEN;\n", "        self->ends_ms = now_ms;\n"),
    ("a walk stays at a user who is touched", LRU, "    if (UNLIKELY(self->cursor == block)) {", "    if (UNLIKELY(self->cursor == block && to == block)) {"),
    ("a walk's mark stays at a user who is touched", LRU, "    if (UNLIKELY(self->mark == block)) {", "    if (UNLIKELY(self->mark == block && to == block)) {"),
    ("a walk stays at a block that has moved", LRU, "    move_walk(self, from, block);\n", "    (void)from;\n"),
    ("who is used during a walk is not given again", LRU, "    self->cursor = self->newest;\n    self->walks_to_mark = true;", "    self->cursor = self->mark;\n    self->walks_to_mark = true;"),
    ("users without states are listed", CACHE_HOT, "    if (user->version > 0) {", "    if (user->version >= 0) {"),
    ("readers' users are not listed", CACHE_HOT, "user_is(user, USER_SUBSCRIBED) || user_is(user, USER_PARTIAL)", "user_is(user, USER_PARTIAL)"),
    ("a warm user is as hot as others", CACHE_HOT, "    lru_insert_oldest(&self->lru, block);", "    lru_insert_newest(&self->lru, block);"),
    ("the hottest are left out of a full list", HOT_LIST, "    if (self->back == self->capacity) {", "    if (hot_list_is_full(self)) {"),
    ("a warm load sends somebody away", "src/shard/shard_queue.c", "    return shard_is_warm_load(waiting) ? shard_find_warm_room(self, bytes)", "    return self == NULL ? shard_find_warm_room(self, bytes)"),
    ("a full cache is asked for more", WARM, "                          cache_count_users(&self->cache) < users_max;", "                          cache_count_users(&self->cache) <= users_max;"),
    ("warm loads know no bytes", WARM, "cache_count_bytes(&self->cache) + self->reserved_bytes + bytes <=\n                              self->limits.cache_bytes &&", "bytes > 0 &&"),
    ("a warm user is loaded twice", WARM, "           waiting_find(&self->waiting, user) != NULL ||\n", ""),
    ("warm loads know no rate", WARM, "            warm->earned -= WARM_PRICE;\n", ""),
    ("warm loads do not give way to clients", WARM, "clients_wait ? WARM_LOADS_BESIDE_CLIENTS : WARM_LOADS_MAX", "clients_wait ? WARM_LOADS_MAX : WARM_LOADS_MAX"),
    ("warm loads go on behind one that is late", WARM, " && self->loads_late == 0 &&", " &&"),
    ("a warm load may be far ahead of another", WARM, "warm->begun - warm->done < most", "warm->under_way < most"),
    ("a hot file's ids have no checksum", HOT_FILE, "                          self->checksum == self->head.checksum &&", "                         "),
    ("a hot file of a later version is damaged", HOT_FILE, "    if (version > HOT_FILE_VERSION) {", "    if (version > HOT_FILE_VERSION + 100) {"),
    ("a list takes the room that is to stay free", WARM_SAVE, " + self->reserve_bytes) {", ") {"),
    ("a list is renamed before it is synced", WARM_SAVE, "        result = files->ops->sync(files->self, writer->file);\n", "        result = (struct files_result){.status = STATUS_OK};\n"),
    ("what follows the ids is not told", WARM_READ, "    if (self->size > 0) {\n        return STATUS_BUSY;", "    if (self->size > 0 && self->check.count < self->check.head.count) {\n        return STATUS_BUSY;"),
]  # fmt: skip


def run(*command, **options):
    command = [str(part) for part in command]
    try:
        return subprocess.run(command, capture_output=True, text=True, **options)
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(command, 1, late.stdout, late.stderr)


def prepare():
    COPY.mkdir(parents=True, exist_ok=True)
    for name in ("src", "cmake", "replay"):
        shutil.copytree(ROOT / name, COPY / name, dirs_exist_ok=True)
    for name in ("CMakeLists.txt", "CMakePresets.json"):
        shutil.copy2(ROOT / name, COPY / name)
    # A mutant may leave something unused.
    configured = run("cmake", "--preset", "dev", "-DCMAKE_C_FLAGS=-w", cwd=COPY)
    if configured.returncode != 0:
        sys.exit(configured.stderr)


def build(*targets):
    done = run("ninja", "-C", COPY / "build/dev", *targets)
    return done.returncode == 0, done.stdout


def find_failing_unit_test():
    built, output = build(*(test.replace("/", "_") for test in UNIT_TESTS))
    if not built:
        sys.exit(f"a mutant must compile:\n{output[-3000:]}")
    for test in UNIT_TESTS:
        if run(COPY / "build/dev/bin" / test, timeout=TEST_S).returncode != 0:
            return test
    return None


def find_failing_sequence():
    built, output = build("readstates-server")
    if not built:
        sys.exit(f"a mutant must compile:\n{output[-3000:]}")
    environment = os.environ | {"READSTATES_BIN": str(COPY / "build/dev/bin"), "READSTATES_HUNT": "1"}
    for test in SEQUENCES:
        command = [ROOT / "build/venv/bin/python3", "-m", "pytest", "-q", "-x", test]
        if run(*command, cwd=ROOT / "tests", env=environment, timeout=TEST_S).returncode != 0:
            return test
    return None


def try_mutant(mutant):
    _, name, old, new = mutant
    path = COPY / name
    source = (ROOT / name).read_text()
    if source.count(old) != 1:
        sys.exit(f"{name}: stands there {source.count(old)} times, once is wanted: {old}")
    path.write_text(source.replace(old, new))
    try:
        return find_failing_unit_test() or find_failing_sequence()
    finally:
        path.write_text(source)


def main():
    wanted = sys.argv[1:]
    chosen = [mutant for mutant in MUTANTS if not wanted or any(word in mutant[0] for word in wanted)]
    prepare()
    survivors = []
    for number, mutant in enumerate(chosen, 1):
        killer = try_mutant(mutant)
        print(f"{number:2}/{len(chosen)}  {mutant[0]:60} {killer or 'SURVIVES'}", flush=True)
        if killer is None:
            survivors.append(mutant[0])
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} found")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
