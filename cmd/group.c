/* cmd/group.c: few groups, so the search for one is linear. */
#include "cmd/group.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Equal texts may be at several addresses. */
static bool is_same_text(const struct ps_view *ps, uint32_t one, uint32_t other)
{
    const struct texts *texts = &ps->snapshot->texts;
    return one == other ||
           strcmp(asyncp_texts_get(texts, one), asyncp_texts_get(texts, other)) == 0;
}

bool group_is_alike(const struct ps_view *ps, const struct row *one, const struct row *other)
{
    return one->loop == other->loop && one->state == other->state &&
           one->cannot_cancel == other->cannot_cancel && one->requests == other->requests &&
           is_same_text(ps, one->name, other->name) && is_same_text(ps, one->where, other->where) &&
           is_same_text(ps, one->call, other->call) &&
           lines_agree(ps->lines, ps->snapshot, one, other);
}

void group_add(const struct ps_view *ps, struct group *groups, size_t *count, const struct row *row)
{
    size_t at = ps->each ? *count : 0;
    while (at < *count && !group_is_alike(ps, groups[at].first, row))
        at++;
    if (at == *count)
        groups[(*count)++] = (struct group){
            .first = row, .since_ns = row->since_ns, .same_object = true};
    groups[at].count++;
    groups[at].same_object &= row->object == groups[at].first->object;
    if (row->since_ns < groups[at].since_ns)
        groups[at].since_ns = row->since_ns;
}

void group_show_ids(char *shown, size_t size, const struct group *group)
{
    int length = snprintf(shown, size, "#%" PRIu64, group->first->id);
    if (group->count > 1 && length > 0 && (size_t)length < size)
        snprintf(shown + length, size - (size_t)length, " and %zu more", group->count - 1);
}
