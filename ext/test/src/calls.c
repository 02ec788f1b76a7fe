/*
 * calls.c: system calls of a child process that fail by a decision of its parent.
 *
 *      child                                parent
 *                                           makes a page and two sockets, and forks
 *      installs a filter of seccomp
 *      sends its descriptor          --->   receives it
 *      makes a call: the kernel holds it
 *                                    <---   lets it be made, or answers with an error
 *
 * The parent counts the calls of the child's first thread while the page says that they count. The
 * filter is inherited by threads and processes, also across execve(2): their calls are held, too,
 * and made as long as the run lasts. Then they fail with ENOSYS.
 *
 * Invariant: a call is answered, whatever the answer, as long as the parent waits for the child.
 */
#include "calls.h"
#include "kit.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <poll.h>
#include <unistd.h>

/* ---- <linux/seccomp.h> and <linux/filter.h>, which musl-gcc hides --------------------------- */

enum {
    SET_MODE_FILTER = 1,
    FLAG_NEW_LISTENER = 1 << 3,
    FLAG_WAIT_KILLABLE = 1 << 5, /* Linux 5.19: a signal with a handler does not repeat the call */
    ANSWER_CONTINUE = 1,         /* Linux 5.5 */
    LOAD_WORD = 0x20,
    JUMP_IF_EQUAL = 0x15,
    RETURN = 0x06,
};

static const uint32_t FILTER_ALLOWS = 0x7fff0000, FILTER_ASKS = 0x7fc00000;

struct call_data {
    int32_t number;
    uint32_t processor;
    uint64_t instruction;
    uint64_t arguments[6];
};

struct question {
    uint64_t id;
    uint32_t thread;
    uint32_t flags;
    struct call_data data;
};

struct answer {
    uint64_t id;
    int64_t value;
    int32_t error;
    uint32_t flags;
};

struct instruction {
    uint16_t code;
    uint8_t if_true, if_false; /* instructions that are skipped */
    uint32_t operand;
};

struct instructions {
    uint16_t count;
    const struct instruction *first;
};

#define RECEIVE_QUESTION _IOWR('!', 0, struct question)
#define SEND_ANSWER      _IOWR('!', 1, struct answer)

/* ---- state ---------------------------------------------------------------------------------- */

/* In memory of both processes. */
struct page {
    atomic_bool armed;
    atomic_int failed;  /* the error of the call that has failed; 0: none so far */
    atomic_int refused; /* errno: the kernel does not support this */
};

/* Of one run. The child has a copy as of the fork. */
static __thread struct {
    struct page *page; /* NULL: no calls are to fail */
    int ends[2];       /* of the sockets; [0] becomes the parent's, [1] the child's */
    struct planned_failure plan;
    int process; /* of the child */
    int listener;
    struct call_outcome outcome;
} state;

/* ---- the child ------------------------------------------------------------------------------ */

/* Offset of the low half of an argument. */
static uint32_t first_argument(void)
{
    bool high_half_first = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    return (uint32_t)(offsetof(struct call_data, arguments) + (high_half_first ? 4 : 0));
}

/*
 * Asks for the calls of the table. The one by which the child sends the descriptor cannot be held:
 * the parent does not have it yet.
 */
static int install_filter(int socket)
{
    enum { BEFORE = 5, AFTER = 2 };
    struct instruction code[BEFORE + MAX_CALLS + AFTER];
    long numbers[MAX_CALLS];
    int calls = calls_that_fail(numbers, MAX_CALLS), count = 0;
    code[count++] = (struct instruction){LOAD_WORD, 0, 0, offsetof(struct call_data, number)};
    code[count++] = (struct instruction){JUMP_IF_EQUAL, 0, 3, SYS_sendmsg};
    code[count++] = (struct instruction){LOAD_WORD, 0, 0, first_argument()};
    code[count++] = (struct instruction){JUMP_IF_EQUAL, (uint8_t)(calls + 1), 0, (uint32_t)socket};
    code[count++] = (struct instruction){LOAD_WORD, 0, 0, offsetof(struct call_data, number)};
    for (int i = 0; i < calls; i++)
        code[count++] = (struct instruction){JUMP_IF_EQUAL, (uint8_t)(calls - i), 0,
                                             (uint32_t)numbers[i]};
    code[count++] = (struct instruction){RETURN, 0, 0, FILTER_ALLOWS};
    code[count++] = (struct instruction){RETURN, 0, 0, FILTER_ASKS};
    struct instructions filter = {(uint16_t)count, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -errno;
    long fd = syscall(SYS_seccomp, SET_MODE_FILTER, FLAG_NEW_LISTENER | FLAG_WAIT_KILLABLE,
                      &filter);
    if (fd < 0 && errno == EINVAL)
        fd = syscall(SYS_seccomp, SET_MODE_FILTER, FLAG_NEW_LISTENER, &filter);
    return fd < 0 ? -errno : (int)fd;
}

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static int send_descriptor(int socket, int fd)
{
    union control control = {.bytes = {0}};
    struct iovec byte = {.iov_base = "x", .iov_len = 1};
    struct msghdr message = {.msg_iov = &byte,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    /* not by libc, which may use socketcall(2): that is held */
    return syscall(SYS_sendmsg, socket, &message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

void calls_begin(void)
{
    int listener = install_filter(state.ends[1]);
    int result = listener < 0 ? listener : send_descriptor(state.ends[1], listener);
    if (listener >= 0)
        close(listener); /* the calls of the end are held by the parent alone */
    if (result < 0) {
        atomic_store(&state.page->refused, -result);
        process_end(STATUS_SKIPPED);
    }
    calls_arm(true);
}

bool calls_arm(bool armed)
{
    return state.page != NULL && atomic_exchange(&state.page->armed, armed);
}

void calls_forget(void)
{
    state.page = NULL;
}

int calls_failed(void)
{
    return state.page != NULL ? atomic_load(&state.page->failed) : 0;
}

/* ---- the parent ----------------------------------------------------------------------------- */

int calls_open(const struct planned_failure *plan)
{
    void *page = mmap(NULL, sizeof *state.page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                      -1, 0);
    if (page == MAP_FAILED)
        return -errno;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, state.ends) != 0) {
        int error = -errno;
        munmap(page, sizeof *state.page);
        return error;
    }
    state.page = page;
    state.plan = *plan;
    state.listener = -1;
    state.outcome = (struct call_outcome){0};
    return 0;
}

/* The descriptor; -EPIPE: the child has ended and sent none; -errno. */
static int receive_descriptor(int socket)
{
    union control control;
    char byte;
    int fd = -EMFILE; /* the kernel leaves it out, without an error, if the table is full */
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (length != 1)
        return length < 0 ? -errno : -EPIPE;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

/* The error with which this call fails; 0: it is made. */
static int decide(const struct question *question)
{
    int errors[MAX_CALL_ERRORS], chosen = state.plan.choice;
    const char *name;
    struct made_call made = {state.process, question->data.number, question->data.arguments};
    if ((int)question->thread != state.process || !atomic_load(&state.page->armed) ||
        state.outcome.error != 0)
        return 0;
    int count = call_errors(&made, &name, errors);
    if (count == 0 || ++state.outcome.calls != state.plan.number)
        return 0;
    state.outcome.name = name;
    state.outcome.choices = count;
    state.outcome.error = state.plan.error != 0 ? state.plan.error
                                                : errors[chosen < count ? chosen : count - 1];
    atomic_store(&state.page->failed, state.outcome.error);
    return state.outcome.error;
}

/* The call was given up before the answer, and is made again after the handler of a signal. */
static void take_back(bool failed, long calls_before)
{
    state.outcome.calls = calls_before;
    if (!failed)
        return;
    state.outcome.error = 0;
    atomic_store(&state.page->failed, 0);
}

/* The type of the second argument of ioctl(2) differs between libcs. */
static long ask_kernel(unsigned long request, void *argument)
{
    return syscall(SYS_ioctl, state.listener, request, argument);
}

static void answer_question(void)
{
    struct question question = {0};
    if (ask_kernel(RECEIVE_QUESTION, &question) != 0)
        return;
    long before = state.outcome.calls;
    int error = decide(&question);
    struct answer answer = {
        .id = question.id, .error = -error, .flags = error == 0 ? ANSWER_CONTINUE : 0};
    if (ask_kernel(SEND_ANSWER, &answer) == 0)
        return;
    if (errno == ENOENT) {
        take_back(error != 0, before);
    } else {
        atomic_store(&state.page->refused, errno);
        kill(state.process, SIGKILL);
    }
}

/* Without the descriptor the calls of the child would fail with ENOSYS: it is ended. */
static int receive_listener(void)
{
    state.listener = receive_descriptor(state.ends[0]);
    if (state.listener < 0 && state.listener != -EPIPE) {
        state.outcome.lost = -state.listener;
        kill(state.process, SIGKILL);
    }
    return state.listener;
}

int calls_serve(int process, short events)
{
    state.process = process;
    if (state.listener < 0)
        return receive_listener();
    if ((events & POLLIN) == 0)
        return -1; /* no process has the filter any more */
    answer_question();
    return state.listener;
}

int calls_socket(void)
{
    close(state.ends[1]);
    state.ends[1] = -1;
    return state.ends[0];
}

struct call_outcome calls_close(void)
{
    close(state.ends[0]);
    if (state.ends[1] >= 0)
        close(state.ends[1]);
    if (state.listener >= 0)
        close(state.listener);
    state.outcome.refused = atomic_load(&state.page->refused);
    munmap(state.page, sizeof *state.page);
    state.page = NULL;
    return state.outcome;
}
