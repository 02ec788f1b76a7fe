/*
 * base/text.c: sentences about errors, and the plain meaning of each code as a constant. The names are our
 * own table: glibc's strerrorname_np is not everywhere, and a name costs one line.
 */
#include "base/text.h"
#include <asyncio/base.h>
#include <stdio.h>

struct sentence *asyncp_sentence_new(const async_allocator *memory, int code, const char *format,
                                     va_list arguments)
{
    char text[SENTENCE_SIZE];
    int length = vsnprintf(text, sizeof text, format, arguments);
    if (length < 0)
        return NULL;
    size_t size = (size_t)length < sizeof text ? (size_t)length : asyncp_text_whole(text, sizeof text - 1);
    size_t bytes = async_printable(NULL, 0, text, size) + 1;
    if (bytes > sizeof text)
        bytes = sizeof text;
    struct sentence *sentence = memory_resize(memory, NULL, 0, sizeof *sentence + bytes);
    if (sentence == NULL)
        return NULL;
    sentence->code = code;
    sentence->size = sizeof *sentence + bytes;
    async_printable(sentence->text, bytes, text, size);
    return sentence;
}

void asyncp_sentence_free(const async_allocator *memory, struct sentence *sentence)
{
    if (sentence != NULL && !sentence_is_constant(sentence))
        memory_free(memory, sentence, sentence->size);
}

struct sentence *asyncp_sentence_copy(const async_allocator *memory, const struct sentence *sentence)
{
    if (sentence_is_constant(sentence))
        return sentence_handed_on(sentence);
    struct sentence *copy = memory_resize(memory, NULL, 0, sentence->size);
    return copy != NULL ? memcpy(copy, sentence, sentence->size) : NULL;
}

static size_t bucket_of(const char *text)
{
    size_t hash = 5381;
    for (; *text != 0; text++)
        hash = hash * 33 + (unsigned char)*text;
    return hash % TEXT_BUCKETS;
}

const char *asyncp_text_keep(struct text_table *table, const char *text)
{
    struct shown_text **bucket = &table->buckets[bucket_of(text)];
    for (struct shown_text *shown = *bucket; shown != NULL; shown = shown->next)
        if (strcmp(shown->text, text) == 0)
            return shown->text;
    size_t length = strlen(text) + 1;
    size_t size = sizeof(struct shown_text) + length;
    if (table->bytes + size > TEXT_TABLE_LIMIT)
        return NULL;
    struct shown_text *shown = memory_resize(&table->memory, NULL, 0, size);
    if (shown == NULL)
        return NULL;
    shown->next = *bucket;
    shown->size = size;
    memcpy(shown->text, text, length);
    *bucket = shown;
    table->bytes += size;
    return shown->text;
}

void asyncp_text_close(struct text_table *table)
{
    for (size_t i = 0; i < TEXT_BUCKETS; i++)
        for (struct shown_text *shown = table->buckets[i], *next; shown != NULL; shown = next) {
            next = shown->next;
            memory_free(&table->memory, shown, shown->size);
        }
    *table = (struct text_table){.memory = table->memory};
}

/* clang-format off */
#define ERRORS(ERROR) \
    ERROR(EPERM, "Operation not permitted")              ERROR(ENOENT, "No such file or directory") \
    ERROR(ESRCH, "No such process")                      ERROR(EINTR, "Interrupted") \
    ERROR(EIO, "Input/output error")                     ERROR(ENXIO, "No such device or address") \
    ERROR(E2BIG, "Argument list too long")               ERROR(EBADF, "Not an open descriptor") \
    ERROR(ECHILD, "No child processes")                  ERROR(EAGAIN, "Would have to wait") \
    ERROR(ENOMEM, "Out of memory")                       ERROR(EACCES, "Permission denied") \
    ERROR(EFAULT, "Bad address")                         ERROR(EBUSY, "Busy") \
    ERROR(EEXIST, "Exists already")                      ERROR(ENODEV, "No such device") \
    ERROR(ENOTDIR, "Not a directory")                    ERROR(EISDIR, "Is a directory") \
    ERROR(EINVAL, "Invalid argument")                    ERROR(ENFILE, "Too many open files in the system") \
    ERROR(EMFILE, "Too many open files")                 ERROR(EFBIG, "File too large") \
    ERROR(ENOSPC, "No space left on device")             ERROR(ESPIPE, "Illegal seek") \
    ERROR(EROFS, "Read-only file system")                ERROR(EPIPE, "Broken pipe") \
    ERROR(EDOM, "Argument out of domain")                ERROR(ERANGE, "Result out of range") \
    ERROR(EDEADLK, "Would wait for itself")              ERROR(ENAMETOOLONG, "File name too long") \
    ERROR(ENOSYS, "Not implemented by this kernel")      ERROR(ENODATA, "No data available") \
    ERROR(EPROTO, "Protocol error")                      ERROR(EBADMSG, "Bad message") \
    ERROR(EOVERFLOW, "Value too large")                  ERROR(ENOTSOCK, "Not a socket") \
    ERROR(EMSGSIZE, "Message too long")                  ERROR(EPROTONOSUPPORT, "Protocol not supported") \
    ERROR(EOPNOTSUPP, "Operation not supported")         ERROR(EAFNOSUPPORT, "Address family not supported") \
    ERROR(EADDRINUSE, "Address already in use")          ERROR(EADDRNOTAVAIL, "Address not available") \
    ERROR(ENETDOWN, "Network is down")                   ERROR(ENETUNREACH, "Network is unreachable") \
    ERROR(ECONNABORTED, "Connection aborted")            ERROR(ECONNRESET, "Connection reset by peer") \
    ERROR(ENOBUFS, "No buffer space available")          ERROR(EISCONN, "Connected already") \
    ERROR(ENOTCONN, "Not connected")                     ERROR(ESHUTDOWN, "Was shut down") \
    ERROR(ETIMEDOUT, "Timed out")                        ERROR(ECONNREFUSED, "Connection refused") \
    ERROR(EHOSTDOWN, "Host is down")                     ERROR(EHOSTUNREACH, "No route to host") \
    ERROR(EALREADY, "In progress already")               ERROR(EINPROGRESS, "Has not ended yet") \
    ERROR(EKEYREJECTED, "Not trusted")                   ERROR(ECANCELED, "Cancelled") \
    ERROR(ENOEXEC, "Exec format error")                  ERROR(ENOTBLK, "Block device required") \
    ERROR(EXDEV, "Invalid cross-device link")            ERROR(ENOTTY, "Inappropriate ioctl for device") \
    ERROR(ETXTBSY, "Text file busy")                     ERROR(EMLINK, "Too many links") \
    ERROR(ENOLCK, "No locks available")                  ERROR(ENOTEMPTY, "Directory not empty") \
    ERROR(ELOOP, "Too many levels of symbolic links")    ERROR(ENOMSG, "No message of desired type") \
    ERROR(EIDRM, "Identifier removed")                   ERROR(ECHRNG, "Channel number out of range") \
    ERROR(EL2NSYNC, "Level 2 not synchronized")          ERROR(EL3HLT, "Level 3 halted") \
    ERROR(EL3RST, "Level 3 reset")                       ERROR(ELNRNG, "Link number out of range") \
    ERROR(EUNATCH, "Protocol driver not attached")       ERROR(ENOCSI, "No CSI structure available") \
    ERROR(EL2HLT, "Level 2 halted")                      ERROR(EBADE, "Invalid exchange") \
    ERROR(EBADR, "Invalid request descriptor")           ERROR(EXFULL, "Exchange full") \
    ERROR(ENOANO, "No anode")                            ERROR(EBADRQC, "Invalid request code") \
    ERROR(EBADSLT, "Invalid slot")                       ERROR(EBFONT, "Bad font file format") \
    ERROR(ENOSTR, "Device not a stream")                 ERROR(ETIME, "Timer expired") \
    ERROR(ENOSR, "Out of streams resources")             ERROR(ENONET, "Machine is not on the network") \
    ERROR(ENOPKG, "Package not installed")               ERROR(EREMOTE, "Object is remote") \
    ERROR(ENOLINK, "Link has been severed")              ERROR(EADV, "Advertise error") \
    ERROR(ESRMNT, "Srmount error")                       ERROR(ECOMM, "Communication error on send") \
    ERROR(EMULTIHOP, "Multihop attempted")               ERROR(EDOTDOT, "RFS specific error") \
    ERROR(ENOTUNIQ, "Name not unique on network")        ERROR(EBADFD, "File descriptor in bad state") \
    ERROR(EREMCHG, "Remote address changed") \
    ERROR(ELIBACC, "Can not access a needed shared library") \
    ERROR(ELIBBAD, "Accessing a corrupted shared library") ERROR(ELIBSCN, ".lib section in a.out corrupted") \
    ERROR(ELIBMAX, "Attempting to link in too many shared libraries") \
    ERROR(ELIBEXEC, "Cannot exec a shared library directly") \
    ERROR(EILSEQ, "Invalid or incomplete multibyte or wide character") \
    ERROR(ERESTART, "Interrupted system call should be restarted") ERROR(ESTRPIPE, "Streams pipe error") \
    ERROR(EUSERS, "Too many users")                      ERROR(EDESTADDRREQ, "Destination address required") \
    ERROR(EPROTOTYPE, "Protocol wrong type for socket")  ERROR(ENOPROTOOPT, "Protocol not available") \
    ERROR(ESOCKTNOSUPPORT, "Socket type not supported")  ERROR(EPFNOSUPPORT, "Protocol family not supported") \
    ERROR(ENETRESET, "Network dropped connection on reset") \
    ERROR(ETOOMANYREFS, "Too many references: cannot splice") ERROR(ESTALE, "Stale file handle") \
    ERROR(EUCLEAN, "Structure needs cleaning")           ERROR(ENOTNAM, "Not a XENIX named type file") \
    ERROR(ENAVAIL, "No XENIX semaphores available")      ERROR(EISNAM, "Is a named type file") \
    ERROR(EREMOTEIO, "Remote I/O error")                 ERROR(EDQUOT, "Disk quota exceeded") \
    ERROR(ENOMEDIUM, "No medium found")                  ERROR(EMEDIUMTYPE, "Wrong medium type") \
    ERROR(ENOKEY, "Required key not available")          ERROR(EKEYEXPIRED, "Key has expired") \
    ERROR(EKEYREVOKED, "Key has been revoked")           ERROR(EOWNERDEAD, "Owner died") \
    ERROR(ENOTRECOVERABLE, "State not recoverable") \
    ERROR(ERFKILL, "Operation not possible due to RF-kill") \
    ERROR(EHWPOISON, "Memory page has hardware error")
/* clang-format on */

const char *asyncp_error_meaning(int code)
{
    switch (-(long)code) {
#define MEANING(symbol, meaning)                                                                             \
    case symbol:                                                                                             \
        return "-" #symbol ": " meaning;
        ERRORS(MEANING)
    default:
        return NULL;
    }
}

const char *asyncp_error_name(int code)
{
    switch (-(long)code) {
#define NAME(symbol, meaning)                                                                                \
    case symbol:                                                                                             \
        return "-" #symbol;
        ERRORS(NAME)
    default:
        return NULL;
    }
}

int asyncp_describe(char *text, size_t size, int code, const struct sentence *sentence)
{
    const char *name = asyncp_error_name(code);
    if (sentence != NULL && sentence->code == code && name != NULL)
        return snprintf(text, size, "%s: %s", name, sentence->text);
    if (sentence != NULL && sentence->code == code)
        return snprintf(text, size, "%d: %s", code, sentence->text);
    if (name != NULL)
        return snprintf(text, size, "%s", asyncp_error_meaning(code));
    if (code < 0)
        return snprintf(text, size, "%d: an error this library has no name for", code);
    return snprintf(text, size, "%d: no error", code);
}
