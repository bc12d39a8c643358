/* What waits, against arrays: each user's commands come out as they went in. */
#include "shard/waiting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { USERS = 2000, STEPS = 40000 };

struct model {
    uint64_t pushed[USERS]; /* The sequence of the next command, */
    uint64_t popped[USERS]; /* and of the next to come out. */
    uint32_t users;
    uint64_t commands;
};

static struct user_id user_of(uint32_t number)
{
    return (struct user_id){number + 1};
}

static void push(struct waiting_table *table, struct model *model, uint32_t number)
{
    model->users += waiting_find(table, user_of(number)) == NULL;
    struct waiting *waiting = waiting_acquire(table, user_of(number));
    assert_non_null(waiting);
    const struct channel_key keys[] = {{.id = 1 + model->pushed[number]}, {.id = 7}};
    const struct waiter waiter = {.command = {.kind = COMMAND_GET,
                                              .user = user_of(number),
                                              .count = 2,
                                              .channels = keys,
                                              .token = {.sequence = model->pushed[number]}}};
    assert_int_equal(waiting_push(table, waiting, &waiter), STATUS_OK);
    model->pushed[number]++;
    model->commands++;
}

static void pop(struct waiting_table *table, struct model *model, uint32_t number)
{
    struct waiting *waiting = waiting_find(table, user_of(number));
    assert_non_null(waiting);
    struct waiter *waiter = waiting_pop(table, waiting);
    assert_int_equal(waiter->command.token.sequence, model->popped[number]);
    /* The list is a copy: what was lent is long gone. */
    assert_int_equal(waiter->command.channels[0].id, 1 + model->popped[number]);
    assert_null(waiter->next);
    waiter_destroy(waiter);
    model->popped[number]++;
    model->commands--;
    if (waiting->first == NULL) {
        assert_int_equal(model->popped[number], model->pushed[number]);
        waiting_release(table, waiting);
        model->users--;
    }
}

static void commands_come_out_as_they_went_in(void **state)
{
    srand(*(const unsigned *)*state);
    struct waiting_table table;
    assert_int_equal(waiting_table_init(&table), STATUS_OK);
    struct model *model = calloc(1, sizeof *model);
    for (int step = 0; step < STEPS; step++) {
        const uint32_t number = (uint32_t)rand() % USERS;
        if (model->pushed[number] == model->popped[number] || rand() % 3 == 0) {
            push(&table, model, number);
        } else {
            pop(&table, model, number);
        }
        assert_int_equal(table.users, model->users);
        assert_int_equal(table.commands, model->commands);
    }
    assert_true(model->users > USERS / 4);
    /* What still waits is freed with the table. */
    waiting_table_deinit(&table);
    free(model);
}

static void a_queue_is_first_in_first_out(void **state)
{
    (void)state;
    struct waiting nodes[4] = {0};
    struct waiting_queue queue = {0};
    assert_null(waiting_queue_pop(&queue));
    for (int round = 0; round < 2; round++) {
        waiting_queue_push(&queue, &nodes[1]);
        waiting_queue_push(&queue, &nodes[2]);
        waiting_queue_push_first(&queue, &nodes[0]);
        waiting_queue_push(&queue, &nodes[3]);
        for (int i = 0; i < 4; i++) {
            assert_ptr_equal(waiting_queue_pop(&queue), &nodes[i]);
        }
        assert_null(waiting_queue_pop(&queue));
    }
    waiting_queue_push_first(&queue, &nodes[2]);
    waiting_queue_push(&queue, &nodes[3]);
    assert_ptr_equal(waiting_queue_pop(&queue), &nodes[2]);
    assert_ptr_equal(waiting_queue_pop(&queue), &nodes[3]);
    assert_null(queue.last);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    printf("seed %u\n", seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(commands_come_out_as_they_went_in, &seed),
        cmocka_unit_test(a_queue_is_first_in_first_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
