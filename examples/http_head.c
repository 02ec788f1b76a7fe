/*
 * http_head.c: divides a head into lines, and lines into parts, by zero bytes.
 */
#include "http_head.h"
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Methods and field names are tokens. */
static bool is_token(const char *text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) {
        bool is_letter = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z');
        if (!is_letter && !(text[i] >= '0' && text[i] <= '9') && strchr(others, text[i]) == NULL)
            return false;
    }
    return size > 0;
}

/* Cuts off the next line, without its end. NULL: no end, or an invalid byte. */
static char *cut_line(char **rest, const char *end)
{
    char *line = *rest;
    for (char *at = line; at < end; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '\n' || (byte == '\r' && at + 1 < end && at[1] == '\n')) {
            *rest = at + (byte == '\r' ? 2 : 1);
            *at = 0;
            return line;
        }
        if ((byte < ' ' && byte != '\t') || byte == 127)
            return NULL;
    }
    return NULL;
}

/* Cuts off a part that ends with a space. */
static char *cut_part(char **rest)
{
    char *part = *rest, *space = strchr(part, ' ');
    if (space == NULL)
        return NULL;
    *space = 0;
    *rest = space + 1;
    return part;
}

static int parse_request_line(struct http_head *head, char *line)
{
    static const char version[] = "HTTP/";
    head->method = cut_part(&line);
    head->target = head->method != NULL ? cut_part(&line) : NULL;
    if (head->target == NULL || head->target[0] == 0 || strpbrk(head->target, "\t") != NULL ||
        !is_token(head->method) || strncmp(line, version, strlen(version)) != 0)
        return 400;
    line += strlen(version);
    if (strlen(line) != 3 || line[0] < '0' || line[0] > '9' || line[1] != '.' || line[2] < '0' ||
        line[2] > '9')
        return 400;
    head->minor = line[2] - '0';
    return line[0] == '1' ? 0 : 505;
}

static int parse_field(struct http_head *head, char *line)
{
    char *colon = strchr(line, ':');
    if (colon == NULL)
        return 400;
    *colon = 0;
    if (!is_token(line))
        return 400;
    if (head->field_count == HTTP_MAX_FIELDS)
        return 431;
    char *value = colon + 1 + strspn(colon + 1, " \t");
    size_t size = strlen(value);
    while (size > 0 && (value[size - 1] == ' ' || value[size - 1] == '\t'))
        value[--size] = 0;
    head->fields[head->field_count++] = (struct http_field){line, value};
    return 0;
}

int http_head_parse(struct http_head *head, char *text, size_t size)
{
    const char *end = text + size;
    char *rest = text, *line;
    head->method = head->target = NULL;
    head->minor = 0;
    head->field_count = 0;
    while (rest < end && (*rest == '\n' || (*rest == '\r' && rest + 1 < end && rest[1] == '\n')))
        rest++;
    line = cut_line(&rest, end);
    int status = line != NULL ? parse_request_line(head, line) : 400;
    while (status == 0) {
        line = cut_line(&rest, end);
        if (line == NULL)
            return 400;
        if (*line == 0)
            return 0;
        status = parse_field(head, line);
    }
    return status;
}

const char *http_head_value(const struct http_head *head, const char *name, size_t *count)
{
    const char *value = NULL;
    size_t found = 0;
    for (size_t i = 0; i < head->field_count; i++) {
        if (strcasecmp(head->fields[i].name, name) != 0)
            continue;
        value = found++ == 0 ? head->fields[i].value : value;
    }
    if (count != NULL)
        *count = found;
    return value;
}
