#include "shard/waiting.h"

#include "base/assert.h"
#include "base/hash.h"

#include <stdlib.h>

enum { HEADS_AT_START = 256 };

enum status waiting_table_init(struct waiting_table *self)
{
    *self = (struct waiting_table){.heads_count = HEADS_AT_START};
    self->heads = calloc(self->heads_count, sizeof(struct waiting *));
    return self->heads == NULL ? STATUS_MEMORY : STATUS_OK;
}

static void free_all(struct waiting_table *self, struct waiting *waiting)
{
    while (waiting->first != NULL) {
        struct waiter *waiter = waiting_pop(self, waiting);
        if (waiter->gathering != NULL && --waiter->gathering->remaining == 0) {
            free(waiter->gathering);
        }
        waiter_destroy(waiter);
    }
    while (waiting->flushers != NULL) {
        struct flusher *flusher = waiting->flushers;
        waiting->flushers = flusher->next;
        free(flusher);
    }
    if (waiting->image != NULL) {
        image_destroy(&waiting->image);
    }
    free(waiting->overlay);
    free(waiting);
}

void waiting_table_deinit(struct waiting_table *self)
{
    for (uint32_t i = 0; i < self->heads_count; i++) {
        struct waiting *waiting = self->heads == NULL ? NULL : self->heads[i];
        while (waiting != NULL) {
            struct waiting *next = waiting->hash_next;
            free_all(self, waiting);
            waiting = next;
        }
    }
    free(self->heads);
    *self = (struct waiting_table){0};
}

static struct waiting **head_of(const struct waiting_table *self, struct user_id user)
{
    return &self->heads[hash_user(user) & (self->heads_count - 1)];
}

struct waiting *waiting_find(const struct waiting_table *self, struct user_id user)
{
    struct waiting *waiting = *head_of(self, user);
    while (waiting != NULL && waiting->user.value != user.value) {
        waiting = waiting->hash_next;
    }
    return waiting;
}

/* Twice the heads. Without memory the chains get longer, and nothing else happens. */
static void grow(struct waiting_table *self)
{
    struct waiting_table larger = *self;
    larger.heads_count = 2 * self->heads_count;
    larger.heads = calloc(larger.heads_count, sizeof(struct waiting *));
    if (larger.heads == NULL) {
        return;
    }
    for (uint32_t i = 0; i < self->heads_count; i++) {
        while (self->heads[i] != NULL) {
            struct waiting *waiting = self->heads[i];
            self->heads[i] = waiting->hash_next;
            struct waiting **head = head_of(&larger, waiting->user);
            waiting->hash_next = *head;
            *head = waiting;
        }
    }
    free(self->heads);
    *self = larger;
}

struct waiting *waiting_acquire(struct waiting_table *self, struct user_id user)
{
    struct waiting *waiting = waiting_find(self, user);
    if (waiting != NULL) {
        return waiting;
    }
    waiting = calloc(1, sizeof *waiting);
    if (waiting == NULL) {
        return NULL;
    }
    if (self->users >= 2 * self->heads_count) {
        grow(self);
    }
    waiting->user = user;
    struct waiting **head = head_of(self, user);
    waiting->hash_next = *head;
    *head = waiting;
    self->users++;
    return waiting;
}

static void forget_write(struct waiting *waiting)
{
    if (waiting->write_place != NULL) {
        *waiting->write_place = waiting->write_next;
        if (waiting->write_next != NULL) {
            waiting->write_next->write_place = waiting->write_place;
        }
        waiting->write_place = NULL;
    }
}

void waiting_note_write(struct waiting_table *self, struct waiting *waiting)
{
    if (waiting->write_place != NULL) {
        return;
    }
    waiting->write_next = self->writes;
    waiting->write_place = &self->writes;
    if (self->writes != NULL) {
        self->writes->write_place = &waiting->write_next;
    }
    self->writes = waiting;
}

struct waiting *waiting_pop_write(struct waiting_table *self)
{
    struct waiting *waiting = self->writes;
    if (waiting != NULL) {
        forget_write(waiting);
    }
    return waiting;
}

void waiting_release(struct waiting_table *self, struct waiting *taken_waiting)
{
    ASSERT(taken_waiting->first == NULL);
    ASSERT(taken_waiting->flushers == NULL);
    struct waiting **place = head_of(self, taken_waiting->user);
    while (*place != taken_waiting) {
        place = &(*place)->hash_next;
    }
    *place = taken_waiting->hash_next;
    self->users--;
    forget_write(taken_waiting);
    if (taken_waiting->image != NULL) {
        image_destroy(&taken_waiting->image);
    }
    free(taken_waiting->overlay);
    free(taken_waiting);
}

enum status waiting_push(struct waiting_table *self, struct waiting *waiting,
                         const struct waiter *waiter)
{
    struct waiter *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        return STATUS_MEMORY;
    }
    *copy = *waiter;
    copy->next = NULL;
    if (command_copy(&waiter->command, &copy->command) != STATUS_OK) {
        free(copy);
        return STATUS_MEMORY;
    }
    if (waiting->last != NULL) {
        waiting->last->next = copy;
    } else {
        waiting->first = copy;
    }
    waiting->last = copy;
    self->commands++;
    return STATUS_OK;
}

struct waiter *waiting_pop(struct waiting_table *self, struct waiting *waiting)
{
    struct waiter *waiter = waiting->first;
    waiting->first = waiter->next;
    if (waiting->first == NULL) {
        waiting->last = NULL;
    }
    waiter->next = NULL;
    self->commands--;
    return waiter;
}

void waiter_destroy(struct waiter *taken_waiter)
{
    command_deinit(&taken_waiter->command);
    free(taken_waiter);
}

void waiting_queue_push(struct waiting_queue *self, struct waiting *waiting)
{
    waiting->queue_next = NULL;
    if (self->last != NULL) {
        self->last->queue_next = waiting;
    } else {
        self->first = waiting;
    }
    self->last = waiting;
}

void waiting_queue_push_first(struct waiting_queue *self, struct waiting *waiting)
{
    waiting->queue_next = self->first;
    self->first = waiting;
    if (self->last == NULL) {
        self->last = waiting;
    }
}

struct waiting *waiting_queue_pop(struct waiting_queue *self)
{
    struct waiting *waiting = self->first;
    if (waiting != NULL) {
        self->first = waiting->queue_next;
        if (self->first == NULL) {
            self->last = NULL;
        }
        waiting->queue_next = NULL;
    }
    return waiting;
}
