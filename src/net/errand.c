#include "net/errand.h"

#include "base/assert.h"
#include "net/net_internal.h"

#include <stdlib.h>

enum { TURN_CONNECTIONS = 128 }; /* That an errand looks at in a turn. */

void errand_mailbox_init(struct errand_mailbox *self)
{
    *self = (struct errand_mailbox){0};
    pthread_mutex_init(&self->lock, NULL);
}

static void destroy(struct errand *errand)
{
    if (errand->kind == ERRAND_LIST) {
        buffer_deinit(&errand->found.lines);
    }
    free(errand);
}

static void destroy_all(struct errand *errand)
{
    while (errand != NULL) {
        struct errand *next = errand->next;
        destroy(errand);
        errand = next;
    }
}

void errand_mailbox_deinit(struct errand_mailbox *self)
{
    destroy_all(self->first);
    self->first = NULL;
    pthread_mutex_destroy(&self->lock);
}

static void post(struct loop *to, struct errand *errand)
{
    struct errand_mailbox *mailbox = &to->mailbox;
    pthread_mutex_lock(&mailbox->lock);
    errand->next = mailbox->first;
    mailbox->first = errand;
    atomic_store_explicit(&mailbox->has_mail, true, memory_order_release);
    pthread_mutex_unlock(&mailbox->lock);
    loop_wake(to);
}

static struct errand *take_all(struct errand_mailbox *mailbox)
{
    if (!atomic_load_explicit(&mailbox->has_mail, memory_order_acquire)) {
        return NULL;
    }
    pthread_mutex_lock(&mailbox->lock);
    struct errand *first = mailbox->first;
    mailbox->first = NULL;
    atomic_store_explicit(&mailbox->has_mail, false, memory_order_relaxed);
    pthread_mutex_unlock(&mailbox->lock);
    return first;
}

static void run_on(struct errand *errand, struct connection *client)
{
    switch (errand->kind) {
    case ERRAND_LIST:
        errand->has_failed |= client_print(client, &errand->found.lines) != STATUS_OK;
        break;
    case ERRAND_KILL:
        errand->found.killed++;
        if (client->id == errand->asker_id) {
            errand->is_asker_meant = true;
        } else {
            connection_close(client);
        }
        break;
    }
}

static void run_some(struct loop *loop, struct errand *errand)
{
    const uint32_t rest = loop->connections_capacity - errand->next_number;
    const uint32_t count = rest < TURN_CONNECTIONS ? rest : TURN_CONNECTIONS;
    for (uint32_t i = 0; i < count; i++) {
        struct connection *client = loop->connections[errand->next_number++];
        if (client != NULL && client_is_meant(client, &errand->filter)) {
            run_on(errand, client);
        }
    }
    errand->is_done = count == rest;
}

static void add(struct errand_findings *findings, const struct errand *errand)
{
    findings->has_failed |= errand->has_failed;
    switch (errand->kind) {
    case ERRAND_LIST:
        if (buffer_peek_size(&errand->found.lines) > 0 &&
            buffer_append(&findings->lines, buffer_peek(&errand->found.lines)) != STATUS_OK) {
            findings->has_failed = true;
        }
        break;
    case ERRAND_KILL:
        findings->killed += errand->found.killed;
        findings->is_asker_killed |= errand->is_asker_meant;
        break;
    }
}

/* Of each loop one, in a list. NULL without memory. */
static struct errand *create_all(const struct connection *asker, enum errand_kind kind,
                                 const struct client_filter *filter)
{
    struct errand *first = NULL;
    for (uint32_t i = 0; i < asker->lent_loop->lent_net->threads; i++) {
        struct errand *errand = calloc(1, sizeof *errand);
        if (errand == NULL) {
            destroy_all(first);
            return NULL;
        }
        errand->next = first;
        errand->kind = kind;
        errand->asker_loop = asker->lent_loop->number;
        errand->asker_number = asker->number;
        errand->asker_id = asker->id;
        errand->filter = *filter;
        first = errand;
    }
    return first;
}

enum status errand_begin(struct connection *asker, enum errand_kind kind,
                         const struct client_filter *filter)
{
    struct net *net = asker->lent_loop->lent_net;
    ASSERT(asker->findings == NULL);
    struct errand_findings *findings = calloc(1, sizeof *findings);
    struct errand *rest = findings == NULL ? NULL : create_all(asker, kind, filter);
    if (rest == NULL) {
        free(findings);
        return STATUS_MEMORY;
    }
    asker->findings = findings;
    findings->waiting = net->threads;
    for (uint32_t i = 0; i < net->threads; i++) {
        struct errand *errand = rest;
        rest = errand->next;
        post(&net->loops[i], errand);
    }
    return STATUS_OK;
}

bool errand_is_over(const struct connection *asker)
{
    return asker->findings->waiting == 0;
}

void errand_end(struct connection *asker)
{
    if (asker->findings != NULL) {
        buffer_deinit(&asker->findings->lines);
        free(asker->findings);
        asker->findings = NULL;
    }
}

static void take_back(const struct loop *loop, const struct errand *errand)
{
    struct connection *asker = errand->asker_number < loop->connections_capacity
                                   ? loop->connections[errand->asker_number]
                                   : NULL;
    if (asker != NULL && asker->id == errand->asker_id) {
        ASSERT(asker->findings != NULL && asker->findings->waiting > 0);
        add(asker->findings, errand);
        asker->findings->waiting--;
    }
}

void errands_turn(struct loop *loop)
{
    struct errand *rest = take_all(&loop->mailbox);
    while (rest != NULL) {
        struct errand *errand = rest;
        rest = errand->next;
        if (errand->is_done) {
            take_back(loop, errand);
            destroy(errand);
            continue;
        }
        run_some(loop, errand);
        post(errand->is_done ? &loop->lent_net->loops[errand->asker_loop] : loop, errand);
    }
}
