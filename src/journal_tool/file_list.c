#include "journal_tool/file_list.h"

#include "journal/segment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct taking {
    struct file_list *list;
    const char *folder; /* NULL: the name is a path. */
    uint32_t from;
    bool has_failed; /* Without memory. */
};

static void take(struct taking *taking, const char *name)
{
    struct file_list_item item = {.from = taking->from, .is_of_folder = taking->folder != NULL};
    const char *slash = strrchr(name, '/');
    item.has_name =
        segment_parse_name(slash == NULL ? name : slash + 1, &item.set, &item.log, &item.number);
    if (taking->folder != NULL && !item.has_name) {
        return;
    }
    const size_t folder_size = taking->folder == NULL ? 0 : strlen(taking->folder);
    const size_t size = folder_size + strlen(name) + 2;
    item.path = malloc(size);
    if (item.path == NULL) {
        taking->has_failed = true;
        return;
    }
    if (taking->folder == NULL) {
        memcpy(item.path, name, strlen(name) + 1);
    } else {
        const bool has_slash = folder_size > 0 && taking->folder[folder_size - 1] == '/';
        (void)snprintf(item.path, size, "%s%s%s", taking->folder, has_slash ? "" : "/", name);
    }
    const enum status status = VEC_PUSH(&taking->list->items, item);
    if (status != STATUS_OK) {
        free(item.path);
        taking->has_failed = true;
    }
}

static void take_name(void *to, const char *name)
{
    take(to, name);
}

static int compare_numbers(uint64_t one, uint64_t other)
{
    return one < other ? -1 : one > other;
}

/* Of one folder; files that were named stay where they are. */
static int compare(const void *one, const void *other)
{
    const struct file_list_item *a = one;
    const struct file_list_item *b = other;
    int order = compare_numbers(a->from, b->from);
    order = order != 0 ? order : compare_numbers(a->set, b->set);
    order = order != 0 ? order : compare_numbers(a->log, b->log);
    return order != 0 ? order : compare_numbers(a->number, b->number);
}

enum status file_list_init(struct file_list *self, const struct files *files,
                           const struct options *options, const char **out_path,
                           struct files_result *out_result)
{
    VEC_INIT(&self->items);
    enum status status = STATUS_OK;
    for (int i = 0; i < options->paths_count && status == STATUS_OK; i++) {
        const char *path = options->paths[i];
        struct taking taking = {.list = self, .folder = path, .from = (uint32_t)i};
        *out_path = path;
        *out_result = files->ops->list(files->self, path, take_name, &taking);
        if (out_result->number == ENOTDIR) {
            *out_result = (struct files_result){.status = STATUS_OK};
            taking.folder = NULL;
            take(&taking, path);
        }
        status = taking.has_failed ? STATUS_MEMORY : out_result->status;
    }
    if (status != STATUS_OK) {
        file_list_deinit(self);
        return status;
    }
    if (self->items.count > 0) {
        qsort(self->items.items, self->items.count, sizeof self->items.items[0], compare);
    }
    return STATUS_OK;
}

void file_list_deinit(struct file_list *self)
{
    for (uint32_t i = 0; i < self->items.count; i++) {
        free(self->items.items[i].path);
    }
    VEC_DEINIT(&self->items);
}
