#include "replay/command.h"

#include "replay/array.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct command *command_create(void)
{
    size_t capacity = 0;
    struct command *self = array_reserve(NULL, &capacity, sizeof *self, 1);
    self->arguments_count = 0;
    return self;
}

void command_destroy(struct command *self)
{
    free(self);
}

void command_start(struct command *self, const char *lent_name)
{
    self->arguments_count = 0;
    command_insert_word(self, lent_name);
}

void command_insert_word(struct command *self, const char *lent_word)
{
    assert(self->arguments_count < COMMAND_ARGUMENTS_MAX);
    self->arguments[self->arguments_count] = lent_word;
    self->sizes[self->arguments_count] = strlen(lent_word);
    self->arguments_count++;
}

void command_insert_number(struct command *self, uint64_t number)
{
    assert(self->arguments_count < COMMAND_ARGUMENTS_MAX);
    char *text = self->numbers[self->arguments_count];
    snprintf(text, COMMAND_NUMBER_SIZE, "%" PRIu64, number);
    command_insert_word(self, text);
}
