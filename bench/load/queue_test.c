#include "load/queue.h"

#include "base/splitmix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* Commands are numbered as they come, so three numbers are all of the model. */
static void it_is_a_line_of_numbers(void **state)
{
    (void)state;
    enum { CAPACITY = 7 };
    uint64_t seed = 5;
    uint64_t oldest = 0;
    uint64_t unsent = 0;
    uint64_t next = 0;
    struct queue queue;
    printf("seed %llu\n", (unsigned long long)seed);
    assert_true(queue_init(&queue, CAPACITY));
    for (int turn = 0; turn < 10000; turn++) {
        switch (splitmix_draw(&seed) % 16) {
        case 0:
            assert_int_equal(queue_remove_unsent(&queue), next - unsent);
            next = unsent;
            break;
        case 1:
        case 2:
        case 3:
        case 4:
        case 5:
            if (unsent < next) {
                queue_note_sent(&queue);
                unsent++;
            }
            break;
        case 6:
        case 7:
        case 8:
        case 9:
        case 10:
            if (oldest < unsent) {
                queue_remove_oldest(&queue);
                oldest++;
            }
            break;
        default:
            if (queue_insert(&queue, &(struct command){.seed = next})) {
                next++;
                assert_true(next - oldest <= CAPACITY);
            } else {
                assert_int_equal(next - oldest, CAPACITY);
            }
        }
        const struct command *first = queue_find_oldest(&queue);
        const struct command *waiting = queue_find_unsent(&queue);
        assert_int_equal(queue.count, next - oldest);
        assert_int_equal(queue_count_on_their_way(&queue), unsent - oldest);
        assert_int_equal(first != NULL, oldest < unsent);
        assert_int_equal(waiting != NULL, unsent < next);
        assert_true(first == NULL || first->seed == oldest);
        assert_true(waiting == NULL || waiting->seed == unsent);
    }
    queue_deinit(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_a_line_of_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
