#include "memory/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STEPS = 20000, CONTENT_MAX = 10000, PIECE_MAX = 700 };

/* The slow, obvious model: the content always stands at the front. */
struct model {
    char bytes[CONTENT_MAX];
    size_t size;
};

static void expect_model(const struct buffer *buffer, const struct model *model)
{
    const struct slice content = buffer_peek(buffer);
    assert_int_equal(content.size, model->size);
    assert_int_equal(buffer_peek_size(buffer), model->size);
    if (model->size > 0) {
        assert_memory_equal(content.bytes, model->bytes, model->size);
        assert_ptr_equal(buffer_get_bytes(buffer), content.bytes);
    }
    assert_true(buffer->end <= buffer->capacity);
}

static size_t fill(struct model *model, size_t size)
{
    const size_t left = CONTENT_MAX - model->size;
    size = size < left ? size : left;
    for (size_t i = 0; i < size; i++) {
        model->bytes[model->size + i] = (char)rand();
    }
    return size;
}

static void append(struct buffer *buffer, struct model *model, size_t size)
{
    size = fill(model, size);
    const struct slice bytes = {.bytes = model->bytes + model->size, .size = size};
    assert_int_equal(buffer_append(buffer, bytes), STATUS_OK);
    model->size += size;
}

/* Asks for more than it uses, as a reader of a socket does. */
static void reserve(struct buffer *buffer, struct model *model, size_t size)
{
    size = fill(model, size);
    const size_t reserved = size + (size_t)rand() % PIECE_MAX;
    char *to = buffer_reserve(buffer, reserved);
    assert_non_null(to);
    assert_true(buffer->capacity - buffer->end >= reserved);
    if (size > 0) {
        memcpy(to, model->bytes + model->size, size);
    }
    buffer_extend(buffer, size);
    model->size += size;
}

static void consume(struct buffer *buffer, struct model *model, size_t size)
{
    size = size < model->size ? size : model->size;
    buffer_consume(buffer, size);
    memmove(model->bytes, model->bytes + size, model->size - size);
    model->size -= size;
}

static void shrink(struct buffer *buffer, const struct model *model, size_t capacity_max)
{
    const size_t before = buffer->capacity;
    buffer_shrink(buffer, capacity_max);
    const size_t most = model->size > capacity_max ? model->size : capacity_max;
    assert_int_equal(buffer->capacity, before < most ? before : most);
}

static void buffer_behaves_like_its_model(void **state)
{
    srand(*(const unsigned *)*state);
    static struct model model;
    model.size = 0;
    struct buffer buffer;
    buffer_init(&buffer);
    for (int step = 0; step < STEPS; step++) {
        const size_t size = (size_t)rand() % PIECE_MAX;
        switch (rand() % 8) {
        case 0:
        case 1:
            append(&buffer, &model, size);
            break;
        case 2:
        case 3:
            reserve(&buffer, &model, size);
            break;
        case 4:
            if (rand() % 10 == 0) {
                shrink(&buffer, &model, size * 4);
            }
            break;
        case 5:
            consume(&buffer, &model, rand() % 10 == 0 ? model.size : size);
            break;
        default:
            consume(&buffer, &model, size);
            break;
        }
        expect_model(&buffer, &model);
    }
    buffer_deinit(&buffer);
    assert_int_equal(buffer.capacity, 0);
}

static void empty_buffer_takes_no_memory(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    assert_int_equal(buffer_append(&buffer, (struct slice){0}), STATUS_OK);
    buffer_shrink(&buffer, 0);
    assert_null(buffer_get_bytes(&buffer));
    assert_int_equal(buffer_append(&buffer, slice_from_text("a")), STATUS_OK);
    buffer_shrink(&buffer, 0);
    assert_int_equal(buffer.capacity, 1);
    buffer_consume(&buffer, 1);
    buffer_shrink(&buffer, 0);
    assert_int_equal(buffer.capacity, 0);
    assert_null(buffer.bytes);
}

/* NULL means that there is no memory, and nothing else. */
static void reserving_nothing_is_no_failure(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    assert_non_null(buffer_reserve(&buffer, 0));
    buffer_deinit(&buffer);
}

/* A connection that is answered for ever keeps the capacity that its largest answer needed. */
static void consumed_room_is_used_again(void **state)
{
    (void)state;
    struct buffer buffer;
    char piece[100] = {0};
    const struct slice bytes = {.bytes = piece, .size = sizeof piece};
    buffer_init(&buffer);
    assert_int_equal(buffer_append(&buffer, bytes), STATUS_OK);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(buffer_append(&buffer, bytes), STATUS_OK);
        buffer_consume(&buffer, sizeof piece);
    }
    assert_int_equal(buffer_peek_size(&buffer), sizeof piece);
    assert_true(buffer.capacity <= 1024);
    buffer_deinit(&buffer);
}

static void growth_doubles(void **state)
{
    (void)state;
    struct buffer buffer;
    const size_t size = 1000000;
    int moves = 0;
    size_t capacity = 0;
    buffer_init(&buffer);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(buffer_append(&buffer, slice_from_text("x")), STATUS_OK);
        moves += buffer.capacity != capacity;
        capacity = buffer.capacity;
    }
    assert_true(moves <= 16);
    assert_true(buffer.capacity <= 2 * (size + 1));
    buffer_deinit(&buffer);
}

static void refused_memory_changes_nothing(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    assert_int_equal(buffer_append(&buffer, slice_from_text("kept")), STATUS_OK);
    assert_null(buffer_reserve(&buffer, SIZE_MAX));
    assert_null(buffer_reserve(&buffer, BUFFER_SIZE_MAX));
    const struct slice huge = {.bytes = "", .size = SIZE_MAX - 4};
    assert_int_equal(buffer_append(&buffer, huge), STATUS_MEMORY);
    assert_true(slice_equal(buffer_peek(&buffer), slice_from_text("kept")));
    buffer_deinit(&buffer);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(buffer_behaves_like_its_model, &seed),
        cmocka_unit_test(empty_buffer_takes_no_memory),
        cmocka_unit_test(reserving_nothing_is_no_failure),
        cmocka_unit_test(consumed_room_is_used_again),
        cmocka_unit_test(growth_doubles),
        cmocka_unit_test(refused_memory_changes_nothing),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
