/*
 * file_server.c: serves a folder over HTTP/1.1: `file_server -p 8000 folder`, then any browser.
 * Ctrl-C finishes the current requests. GET and HEAD, with one byte range; requests may be
 * pipelined. Files outside the folder are not served, whatever the path or a link says. -t: seconds
 * for sending a request, and for receiving a piece of a file, before the client is disconnected
 * (30); -c: maximal number of connections (1000); -q: no log line per request.
 */
#define _GNU_SOURCE
#include "http_head.h"
#include <asyncio.h>
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

enum { MAX_HEAD = 8 * 1024, PIECE = 1 << 20 };

struct site {
    int folder;
    double limit_s; /* for a request, and for each piece of an answer */
    bool quiet;
};

struct request {
    struct http_head head;
    char *target; /* points into the head, without a leading slash; NULL: invalid */
    bool is_head, keep_alive;
    char path[MAX_HEAD + sizeof "index.html" + 1]; /* decoded, relative to the folder */
};

struct answer {
    int status, file; /* file is -1 without a file */
    off_t first, size, whole;
    struct timespec modified;
};

static const char *const phrases[] = {[200] = "OK",
                                      [206] = "Partial Content",
                                      [301] = "Moved Permanently",
                                      [304] = "Not Modified",
                                      [400] = "Bad Request",
                                      [403] = "Forbidden",
                                      [404] = "Not Found",
                                      [405] = "Method Not Allowed",
                                      [408] = "Request Timeout",
                                      [413] = "Content Too Large",
                                      [416] = "Range Not Satisfiable",
                                      [431] = "Request Header Fields Too Large",
                                      [500] = "Internal Server Error",
                                      [505] = "HTTP Version Not Supported"};

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {{".html", "text/html; charset=utf-8"},
                                           {".css", "text/css"},
                                           {".js", "text/javascript"},
                                           {".txt", "text/plain; charset=utf-8"},
                                           {".json", "application/json"},
                                           {".svg", "image/svg+xml"},
                                           {".png", "image/png"},
                                           {".jpg", "image/jpeg"},
                                           {".gif", "image/gif"},
                                           {".ico", "image/x-icon"},
                                           {".pdf", "application/pdf"},
                                           {".wasm", "application/wasm"}};
    const char *ending = strrchr(path, '.');
    for (size_t i = 0; ending != NULL && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(ending, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

/* ---- requests: functions return an HTTP status for an error; 0: no error ---- */

/* Decodes the path, without the query after a ?. */
static int decode(const char *target, char *path)
{
    char *out = path;
    for (; *target != 0 && *target != '?'; target++) {
        char hex[3] = {'%', 0, 0};
        *out = *target;
        if (*target == '%') {
            if (!isxdigit((unsigned char)target[1]) || !isxdigit((unsigned char)target[2]))
                return 400;
            memcpy(hex, target + 1, 2);
            *out = (char)strtol(hex, NULL, 16);
            target += 2;
        }
        if (*out == 0)
            return 400;
        out += out > path || *out != '/'; /* drops leading slashes: the path is relative */
    }
    *out = 0;
    if (out == path)
        strcpy(path, "./");
    return 0;
}

/* Skips the scheme and host that a proxy gets, and leading slashes. NULL: no path. */
static char *target_of(char *text)
{
    if (strncasecmp(text, "http://", 7) == 0)
        text += 7 + strcspn(text + 7, "/");
    return *text == '/' ? text + strspn(text, "/") : NULL;
}

/* Reads the fields about the connection and the body. */
static int read_fields(struct request *request)
{
    const struct http_head *head = &request->head;
    size_t hosts, lengths;
    const char *length = http_head_value(head, "Content-Length", &lengths);
    http_head_value(head, "Host", &hosts);
    if (hosts > 1 || (hosts == 0 && head->minor > 0))
        return 400;
    request->keep_alive = head->minor > 0;
    for (size_t i = 0; i < head->field_count; i++) {
        const char *value = head->fields[i].value;
        if (strcasecmp(head->fields[i].name, "Connection") == 0)
            request->keep_alive = strcasestr(value, "close") == NULL &&
                                  (request->keep_alive || strcasestr(value, "keep-alive") != NULL);
    }
    bool has_body = http_head_value(head, "Transfer-Encoding", NULL) != NULL || lengths > 1 ||
                    (lengths == 1 && strcmp(length, "0") != 0);
    request->is_head = strcmp(head->method, "HEAD") == 0;
    if (!request->is_head && strcmp(head->method, "GET") != 0)
        return 405;
    return has_body ? 413 : 0;
}

static int parse(char *text, size_t size, struct request *request)
{
    int status = http_head_parse(&request->head, text, size);
    if (status != 0)
        return status;
    if ((request->target = target_of(request->head.target)) == NULL)
        return 400;
    status = read_fields(request);
    return status != 0 ? status : decode(request->target, request->path);
}

/* ---- files ---- */

/* Opens a path below the folder; the kernel refuses links that lead out of it. */
static int open_beneath(int folder, const char *path)
{
    enum { BENEATH = 0x08, NO_MAGIC_LINKS = 0x02 };
    struct {
        uint64_t flags, mode, resolve;
    } how = {O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, BENEATH | NO_MAGIC_LINKS};
    long file = syscall(SYS_openat2, folder, path, &how, sizeof how);
    return file < 0 ? -errno : (int)file;
}

static int status_of(int error)
{
    switch (error) {
    case -EACCES:
    case -EPERM:
    case -EXDEV: /* out of the folder */
    case -ELOOP:
    case -ENXIO: /* a socket, say */
        return 403;
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
        return 404;
    default:
        return 500;
    }
}

/* Finds the requested file; for a folder its index.html. */
static int find_file(const struct site *site, struct request *request, struct answer *answer)
{
    struct stat about;
    size_t length = strlen(request->path);
    answer->file = open_beneath(site->folder, request->path);
    if (answer->file >= 0 && fstat(answer->file, &about) == 0 && S_ISDIR(about.st_mode)) {
        if (request->path[length - 1] != '/')
            return 301;
        close(answer->file);
        strcpy(request->path + length, "index.html");
        answer->file = open_beneath(site->folder, request->path);
    }
    if (answer->file < 0)
        return status_of(answer->file);
    if (fstat(answer->file, &about) < 0 || !S_ISREG(about.st_mode))
        return 403;
    answer->modified = about.st_mtim;
    answer->size = answer->whole = about.st_size;
    return 200;
}

static const char *date_of(time_t time, char text[40])
{
    struct tm parts;
    strftime(text, 40, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&time, &parts));
    return text;
}

static bool is_unchanged(const struct request *request, const struct answer *answer)
{
    struct tm parts = {0};
    const char *since = http_head_value(&request->head, "If-Modified-Since", NULL);
    return since != NULL && strptime(since, "%a, %d %b %Y %H:%M:%S GMT", &parts) != NULL &&
           answer->modified.tv_sec <= timegm(&parts);
}

/* bytes=FIRST-LAST, FIRST- or -COUNT. Other values, and several ranges, are ignored. */
static int choose_range(const struct request *request, struct answer *answer)
{
    char *end, date[40];
    const char *range = http_head_value(&request->head, "Range", NULL);
    const char *if_range = http_head_value(&request->head, "If-Range", NULL);
    bool changed = if_range != NULL &&
                   strcmp(if_range, date_of(answer->modified.tv_sec, date)) != 0;
    if (range == NULL || changed || strncmp(range, "bytes=", 6) != 0)
        return 200;
    range += 6;
    bool from_end = *range == '-';
    if (!isdigit((unsigned char)range[from_end]))
        return 200;
    long long first = strtoll(range + from_end, &end, 10), last = LLONG_MAX - 1;
    if (from_end)
        first = first < answer->whole ? answer->whole - first : 0;
    else if (*end++ != '-')
        return 200;
    else if (isdigit((unsigned char)*end))
        last = strtoll(end, &end, 10);
    if (*end != 0 || (last < first && !from_end && end[-1] != '-'))
        return 200;
    if (first >= answer->whole)
        return 416;
    answer->first = first;
    answer->size = (last < answer->whole ? last + 1 : answer->whole) - first;
    return 206;
}

static void prepare(const struct site *site, struct request *request, struct answer *answer)
{
    answer->status = find_file(site, request, answer);
    if (answer->status == 200)
        answer->status = is_unchanged(request, answer) ? 304 : choose_range(request, answer);
}

/* ---- answers ---- */

static void write_head(async_stream *stream, const struct request *request,
                       const struct answer *answer, long long size)
{
    char date[40];
    bool has_file = answer->status == 200 || answer->status == 206;
    async_stream_printf(stream, "HTTP/1.1 %d %s\r\nDate: %s\r\n", answer->status,
                        phrases[answer->status], date_of(time(NULL), date));
    if (answer->status != 304)
        async_stream_printf(stream, "Content-Length: %lld\r\n", size);
    if (has_file || answer->status == 304)
        async_stream_printf(stream, "Last-Modified: %s\r\n",
                            date_of(answer->modified.tv_sec, date));
    if (has_file)
        async_stream_printf(stream, "Content-Type: %s\r\nAccept-Ranges: bytes\r\n",
                            type_of(request->path));
    if (answer->status == 206)
        async_stream_printf(stream, "Content-Range: bytes %lld-%lld/%lld\r\n",
                            (long long)answer->first, (long long)answer->first + size - 1,
                            (long long)answer->whole);
    if (answer->status == 416)
        async_stream_printf(stream, "Content-Range: bytes */%lld\r\n", (long long)answer->whole);
    if (answer->status == 301) /* one leading slash: two would name another host */
        async_stream_printf(stream, "Location: /%.*s/\r\n", (int)strcspn(request->target, "?"),
                            request->target);
    if (answer->status == 405)
        async_stream_printf(stream, "Allow: GET, HEAD\r\n");
    async_stream_printf(stream, "%s\r\n", request->keep_alive ? "" : "Connection: close\r\n");
}

/* Sends in pieces, so that the time limit is one of speed and not of size. */
static int send_file(async_stream *stream, const struct site *site, const struct answer *answer)
{
    off_t at = answer->first, end = answer->first + answer->size;
    while (at < end) {
        size_t piece = end - at < PIECE ? (size_t)(end - at) : PIECE;
        int sent = async_timeout(site->limit_s,
                                 async_stream_sendfile(stream, answer->file, at, piece));
        if (sent <= 0)
            return sent < 0 ? sent : -EIO; /* the file has become shorter */
        at += sent;
    }
    return 0;
}

static int send_answer(async_stream *stream, const struct site *site, struct request *request,
                       struct answer *answer)
{
    char text[64];
    if (answer->status == 200 || answer->status == 206) {
        write_head(stream, request, answer, answer->size);
        return request->is_head ? 0 : send_file(stream, site, answer);
    }
    int size = snprintf(text, sizeof text, "%d %s\n", answer->status, phrases[answer->status]);
    write_head(stream, request, answer, size);
    return request->is_head || answer->status == 304
               ? 0
               : async_stream_write(stream, text, (size_t)size);
}

static void log_answer(async_stream *stream, const struct request *request,
                       const struct answer *answer)
{
    char peer[64], line[256] = "- /", shown[512];
    async_stream_peer(stream, peer, sizeof peer);
    if (request->target != NULL)
        snprintf(line, sizeof line, "%s /%s", request->head.method, request->target);
    async_printable(shown, sizeof shown, line, strlen(line)); /* removes terminal sequences */
    printf("%s \"%s\" %d %lld\n", peer, shown, answer->status, (long long)answer->size);
}

/* Reads and answers a request. Returns 1; 0 if the connection shall be closed; -errno. */
static int answer_one(async_stream *stream, const struct site *site)
{
    char head[MAX_HEAD];
    struct request request = {0};
    struct answer answer = {.file = -1};
    int size = async_timeout(site->limit_s,
                             async_stream_readuntil(stream, head, MAX_HEAD, "\n\r\n", "\n\n"));
    if (size < 0 && size != -ETIMEDOUT && size != -EMSGSIZE && size != -ENODATA)
        return size;
    answer.status = size == -ETIMEDOUT ? 408 : size == -EMSGSIZE ? 431 : size < 0 ? 400 : 0;
    if (answer.status == 0)
        answer.status = parse(head, (size_t)size, &request);
    if (answer.status == 0)
        prepare(site, &request, &answer);
    else
        request.keep_alive = false; /* the start of the next request is unknown */
    int result = send_answer(stream, site, &request, &answer);
    if (!site->quiet)
        log_answer(stream, &request, &answer);
    if (answer.file >= 0)
        close(answer.file);
    ASYNC_TRY(result);
    return request.keep_alive;
}

/* Reads until the end: a close with unread input would reset the connection and lose the answer. */
static int drain_input(async_stream *stream)
{
    const char *ignored;
    int size;
    ASYNC_TRY(async_stream_write_eof(stream));
    while ((size = async_stream_borrow(stream, &ignored)) > 0)
        continue;
    return size;
}

static int serve(async_stream *stream, void *argument)
{
    const struct site *site = argument;
    const char *next;
    int result;
    do {
        result = async_timeout(site->limit_s, async_stream_peek(stream, &next, 1));
        if (result <= 0) /* the end, or the timeout of an idle connection */
            return result == -ECANCELED ? result : 0;
        if ((result = answer_one(stream, site)) > 0)
            result = async_timeout(site->limit_s, async_stream_drain(stream)) < 0 ? -EPIPE : 1;
    } while (result > 0);
    if (result == 0)
        result = async_timeout(site->limit_s, drain_input(stream));
    if (result == -ECANCELED || result == -ETIMEDOUT)
        async_stream_abort(stream);
    return async_is_disconnect(result) ? 0 : result;
}

static int amain(struct site site, int port, size_t connections)
{
    async_auto_wait_server *server = NULL;
    async_server_options options = {.max_connections = connections, .backlog = 1024};
    ASYNC_TRY(async_start_server(&server, serve, &site, NULL, port, &options));
    printf("serving at port %d\n", async_server_port(server));
    fflush(stdout);
    int result = async_server_serve_forever(server);
    if (result != -ECANCELED)
        return result;
    async_task_uncancel(async_current_task()); /* Ctrl-C: current requests may finish */
    async_server_close_clients(server);
    async_ignore(async_timeout(3, async_server_wait_closed(server)));
    return -ECANCELED;
}
async_fn(amain, struct site, int, size_t);

int main(int count, char **arguments)
{
    struct site site = {.limit_s = 30};
    size_t connections = 1000;
    int port = 8000, option;
    while ((option = getopt(count, arguments, "p:t:c:q")) != -1)
        if (option == 'p')
            port = atoi(optarg);
        else if (option == 't')
            site.limit_s = atof(optarg);
        else if (option == 'c')
            connections = strtoul(optarg, NULL, 10);
        else if (option == 'q')
            site.quiet = true;
        else
            return 2;
    site.folder = optind == count - 1 ? open(arguments[optind], O_PATH | O_DIRECTORY | O_CLOEXEC)
                                      : -1;
    if (site.folder < 0) {
        fprintf(stderr, "usage: %s [-p port] [-t seconds] [-c connections] [-q] folder\n",
                arguments[0]);
        return 2;
    }
    int file = open_beneath(site.folder, ".");
    if (file < 0) {
        fprintf(stderr, "%s: openat2 (Linux 5.6): %s\n", arguments[optind], strerror(-file));
        return 1;
    }
    close(file);
    return async_main(amain, site, port, connections);
}
