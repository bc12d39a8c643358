#include "store/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PIECES = 500, BYTES_MAX = 300 };

static uint8_t byte_of(uint32_t piece, uint32_t at)
{
    return (uint8_t)(piece * 31 + at * 7);
}

static uint32_t fill(struct image *image, uint32_t sizes[static PIECES])
{
    uint32_t total = 0;
    for (uint32_t piece = 0; piece < PIECES; piece++) {
        const enum image_piece_kind kind = piece == 0        ? IMAGE_RECORD
                                           : rand() % 4 == 0 ? IMAGE_ERASURE
                                                             : IMAGE_LEAF;
        sizes[piece] = kind == IMAGE_ERASURE ? 0 : (uint32_t)rand() % BYTES_MAX;
        total += sizes[piece];
        const struct channel_key fence = {.id = piece, .type = (uint8_t)(piece % 3)};
        uint8_t *bytes = image_insert(image, kind, fence, sizes[piece]);
        assert_non_null(bytes);
        for (uint32_t i = 0; i < sizes[piece]; i++) {
            bytes[i] = byte_of(piece, i);
        }
    }
    return total;
}

static void check(const struct image *image, const uint32_t sizes[static PIECES])
{
    assert_int_equal(image_count_pieces(image), PIECES);
    for (uint32_t piece = 0; piece < PIECES; piece++) {
        const struct image_piece got = image_get_piece(image, piece);
        const struct slice bytes = image_get_bytes(image, piece);
        assert_int_equal(got.fence.id, piece);
        assert_int_equal(got.fence.type, piece % 3);
        assert_int_equal(got.size, sizes[piece]);
        assert_int_equal(bytes.size, sizes[piece]);
        for (uint32_t i = 0; i < sizes[piece]; i++) {
            assert_int_equal((uint8_t)bytes.bytes[i], byte_of(piece, i));
        }
    }
}

static void an_image_gives_back_what_was_put_in_however_much_was_expected(void **state)
{
    srand(*(const unsigned *)*state);
    for (int round = 0; round < 20; round++) {
        struct image *image = NULL;
        uint32_t sizes[PIECES];
        const uint32_t pieces = (uint32_t)rand() % (2 * PIECES);
        const uint32_t bytes = (uint32_t)rand() % (PIECES * BYTES_MAX);
        assert_int_equal(image_create(&image, (struct user_id){77}, pieces, bytes), STATUS_OK);
        const uint32_t total = fill(image, sizes);
        check(image, sizes);
        assert_int_equal(image_get_user(image).value, 77);
        assert_true(image_get_size(image) >= total + PIECES * sizeof(struct image_piece));
        image_destroy(&image);
        assert_null(image);
    }
}

static void what_was_expected_takes_one_block(void **state)
{
    (void)state;
    struct image *image = NULL;
    assert_int_equal(image_create(&image, (struct user_id){1}, 2, 100), STATUS_OK);
    const uint64_t size = image_get_size(image);
    assert_non_null(image_insert(image, IMAGE_RECORD, (struct channel_key){0}, 60));
    assert_non_null(image_insert(image, IMAGE_LEAF, (struct channel_key){.id = 1}, 40));
    assert_int_equal(image_get_size(image), size);
    assert_non_null(image_insert(image, IMAGE_ERASURE, (struct channel_key){.id = 2}, 0));
    assert_true(image_get_size(image) > size);
    image_destroy(&image);
}

static void an_image_stays_whole_when_it_would_grow_too_large(void **state)
{
    (void)state;
    struct image *image = NULL;
    assert_int_equal(image_create(&image, (struct user_id){1}, 0, 0), STATUS_OK);
    uint8_t *bytes = image_insert(image, IMAGE_RECORD, (struct channel_key){0}, 1);
    assert_non_null(bytes);
    *bytes = 42;
    assert_null(image_insert(image, IMAGE_LEAF, (struct channel_key){.id = 1}, UINT32_MAX));
    assert_int_equal(image_count_pieces(image), 1);
    assert_int_equal(image_get_bytes(image, 0).bytes[0], 42);
    image_destroy(&image);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(an_image_gives_back_what_was_put_in_however_much_was_expected,
                                  &seed),
        cmocka_unit_test(what_was_expected_takes_one_block),
        cmocka_unit_test(an_image_stays_whole_when_it_would_grow_too_large),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
