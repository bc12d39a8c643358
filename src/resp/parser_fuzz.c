/* Any bytes, whole, in random pieces and byte by byte: the answers are those of the model. */
#include "base/assert.h"
#include "resp/parser.h"
#include "resp/parser_model.h"
#include "resp/parser_play.h"

enum { SETUP_SIZE = 4 };

/* NOLINTNEXTLINE(readability-identifier-naming): the fuzzer asks for this name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 16;
}

static void play_in_pieces(const struct model *model, struct slice stream, uint32_t room,
                           size_t piece_size_max, uint32_t seed)
{
    struct play play;
    play_init(&play, &model->limits, room, stream);
    size_t end = 0;
    do {
        const size_t left = stream.size - end;
        const size_t piece =
            piece_size_max <= 1 ? piece_size_max : 1 + next_random(&seed) % piece_size_max;
        end += piece == 0 || piece > left ? left : piece;
        play_feed(&play, end);
    } while (end < stream.size);
    ASSERT(slice_equal(buffer_peek(&play.log), buffer_peek(&model->log)));
    play_deinit(&play);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < SETUP_SIZE) {
        return 0;
    }
    const struct resp_limits limits = {
        .arguments_max = 1U + data[0],
        .argument_size_max = data[1] < 128 ? data[1] : 4096,
    };
    const uint32_t room = 1U + data[2] % limits.arguments_max;
    const struct slice stream = {.bytes = (const char *)data + SETUP_SIZE,
                                 .size = size - SETUP_SIZE};
    struct model model;
    model_init(&model, &limits);
    for (size_t i = 0; i < stream.size; i++) {
        model_push(&model, stream.bytes[i]);
    }
    play_in_pieces(&model, stream, limits.arguments_max, 0, 0);
    play_in_pieces(&model, stream, room, 0, 0);
    play_in_pieces(&model, stream, room, 1, 0);
    play_in_pieces(&model, stream, room, 2U + data[3] % 32, data[3]);
    model_deinit(&model);
    return 0;
}
