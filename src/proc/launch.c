/*
 * proc/launch.c: where a program may be, and what it inherits.
 */
#include "proc/launch.h"
#include "base/values.h"
#include "sched/sched.h"
#include "sys/file.h"
#include <limits.h>
#include <stdlib.h>

extern char **environ;

enum { LAST_STANDARD_FD = 2 };
static const char DEFAULT_PATH[] = "/usr/local/bin:/usr/bin:/bin";

/* ---- options -------------------------------------------------------------------------------- */

static int check_options(const async_process_options *options)
{
    if (options->terminal && !options->own_session)
        return async_fail(-EINVAL, "options.terminal needs options.own_session");
    if (options->join_group < 0 ||
        (options->join_group > 0 && (options->own_group || options->own_session)))
        return async_fail(-EINVAL, "options.join_group excludes own_group and own_session");
    if (options->keep_fds == NULL && options->keep_fd_count > 0)
        return async_fail(-EINVAL, "options.keep_fds is NULL, but keep_fd_count is not 0");
    if (options->groups == NULL && options->group_count > 0)
        return async_fail(-EINVAL, "options.groups is NULL, but group_count is not 0");
    if (is_not_a_number(options->grace) || is_not_a_number(options->linger) || options->grace < 0 ||
        options->linger < 0)
        return async_fail(-EINVAL, "options.grace and linger are seconds, 0 or more");
    if ((options->user != NULL && *options->user == (uid_t)-1) ||
        (options->group != NULL && *options->group == (gid_t)-1))
        return async_fail(-EINVAL, "options.user or .group is -1, which is no user or group");
    if (options->stop_signal < 0 || options->stop_signal >= NSIG)
        return async_fail(-EINVAL, "options.stop_signal is %d, which is no signal",
                          options->stop_signal);
    if (options->pipe_size < 0)
        return async_fail(-EINVAL, "options.pipe_size is negative");
    return 0;
}

static struct spawn_identity identity_of(const async_process_options *options)
{
    return (struct spawn_identity){
        .user = options->user != NULL ? *options->user : UINT32_MAX,
        .group = options->group != NULL ? *options->group : UINT32_MAX,
        .groups = options->groups,
        .group_count = options->groups != NULL ? options->group_count : SIZE_MAX,
    };
}

static pid_t wanted_group(const async_process_options *options)
{
    return options->join_group > 0 ? options->join_group : options->own_group ? 0 : SPAWN_UNSET;
}

static void set_options(struct spawn *spawn, const async_process_options *options)
{
    *spawn = (struct spawn){
        .directory = options->cwd,
        .stdio = {SPAWN_INHERIT, SPAWN_INHERIT, SPAWN_INHERIT},
        .keeps_all = options->keep_all_fds,
        .new_session = options->own_session,
        .group = wanted_group(options),
        .controls_terminal = options->terminal,
        .dies_with_parent = options->ends_with_us,
        .mode_mask = options->umask != NULL ? (int)*options->umask : SPAWN_UNSET,
        .identity = identity_of(options),
    };
}

/* ---- memory --------------------------------------------------------------------------------- */

static size_t count_strings(char *const *strings)
{
    size_t count = 0;
    while (strings[count] != NULL)
        count++;
    return count;
}

/* PATH of an environment; NULL: it has none. */
static const char *find_path(char *const *environment)
{
    for (; *environment != NULL; environment++)
        if (strncmp(*environment, "PATH=", strlen("PATH=")) == 0)
            return *environment + strlen("PATH=");
    return NULL;
}

static size_t count_directories(const char *path)
{
    size_t count = 1;
    for (; *path != 0; path++)
        count += *path == ':';
    return count;
}

/* Writes "directory/name" for each directory; an empty one is the working directory. */
static void write_candidates(struct launch *launch, char *text)
{
    const char *rest = launch->search_path, **program = launch->programs;
    size_t name_size = strlen(launch->name) + 1;
    for (bool more = true; more; rest += 1) {
        size_t length = strcspn(rest, ":");
        more = rest[length] != 0;
        *program++ = text;
        memcpy(text, rest, length);
        text += length;
        if (length > 0)
            *text++ = '/';
        memcpy(text, launch->name, name_size);
        text += name_size;
        rest += length;
    }
    *program = NULL;
}

static int compare_numbers(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* A number that is not open now would be that of a pipe to the child. */
static int check_kept(int fd)
{
    if (fd < 0)
        return async_fail(-EINVAL, "options.keep_fds has the descriptor %d", fd);
    return asyncp_sys_is_open(fd)
               ? 0
               : async_fail(-EBADF, "options.keep_fds: descriptor %d is not open", fd);
}

/* Copies the descriptors in ascending order, each once, without 0, 1 and 2. */
static int copy_kept(struct launch *launch, const async_process_options *options)
{
    struct spawn *spawn = &launch->spawn;
    for (size_t i = 0; i < options->keep_fd_count; i++)
        ASYNC_TRY(check_kept(options->keep_fds[i]));
    if (options->keep_fd_count > 0)
        memcpy(launch->kept, options->keep_fds, options->keep_fd_count * sizeof(int));
    qsort(launch->kept, options->keep_fd_count, sizeof(int), compare_numbers);
    for (size_t i = 0; i < options->keep_fd_count; i++) {
        int fd = launch->kept[i];
        if (fd > LAST_STANDARD_FD &&
            (spawn->kept_count == 0 || launch->kept[spawn->kept_count - 1] < fd))
            launch->kept[spawn->kept_count++] = fd;
    }
    spawn->kept = launch->kept;
    return 0;
}

/* What the block of a launch holds, in this order. */
struct launch_sizes {
    size_t programs;  /* pointers, without the NULL */
    size_t variables; /* so many, too */
    size_t kept;      /* descriptors */
    size_t names;     /* bytes of the candidates */
    size_t strings;   /* bytes of the environment's copies; 0: it is borrowed */
};

static struct launch_sizes measure_launch(const struct launch *launch,
                                          const async_process_options *options,
                                          char *const *environment)
{
    size_t directories = launch->search_path != NULL ? count_directories(launch->search_path) : 0;
    struct launch_sizes sizes = {.programs = directories > 0 ? directories : 1,
                                 .variables = count_strings(environment),
                                 .kept = options->keep_fd_count};
    if (directories > 0)
        sizes.names = directories * (strlen(launch->name) + 2) + strlen(launch->search_path);
    for (size_t i = 0; options->env == NULL && i < sizes.variables; i++)
        sizes.strings += strlen(environment[i]) + 1;
    return sizes;
}

static int allocate_block(struct launch *launch, const struct launch_sizes *sizes)
{
    launch->block_bytes = (sizes->programs + 1 + sizes->variables + 1) * sizeof(char *) +
                          sizes->kept * sizeof(int) + sizes->names + sizes->strings;
    launch->block = memory_new(&launch->loop->memory, launch->block_bytes);
    if (launch->block == NULL)
        return -ENOMEM;
    launch->programs = launch->block;
    launch->environment = (char **)(launch->programs + sizes->programs + 1);
    launch->kept = (int *)(launch->environment + sizes->variables + 1);
    return 0;
}

/* Another task may change our own environment during the start; that of the options is borrowed. */
static void copy_environment(struct launch *launch, const struct launch_sizes *sizes,
                             char *const *environment)
{
    char *text = (char *)(launch->kept + sizes->kept) + sizes->names;
    for (size_t i = 0; i < sizes->variables; i++) {
        launch->environment[i] = environment[i];
        if (sizes->strings == 0)
            continue;
        size_t size = strlen(environment[i]) + 1;
        launch->environment[i] = memcpy(text, environment[i], size);
        text += size;
    }
}

int asyncp_launch_prepare(struct launch *launch, struct async_loop *loop,
                          const async_process_options *options, const char *const argv[])
{
    static char *const nothing[] = {NULL};
    char *const *ours = environ != NULL ? environ : nothing; /* NULL after clearenv */
    char *const *environment = options->env != NULL ? options->env : ours;
    *launch = (struct launch){.loop = loop};
    ASYNC_TRY(check_options(options));
    launch->name = options->executable != NULL ? options->executable : argv[0];
    if (strchr(launch->name, '/') == NULL) {
        const char *path = find_path(environment);
        launch->search_path = path != NULL ? path : DEFAULT_PATH;
    }
    const struct launch_sizes sizes = measure_launch(launch, options, environment);
    ASYNC_TRY(allocate_block(launch, &sizes));
    copy_environment(launch, &sizes, environment);
    if (launch->search_path != NULL && launch->search_path != DEFAULT_PATH)
        launch->search_path = find_path(launch->environment); /* of the copy */
    launch->programs[0] = launch->name;
    if (launch->search_path != NULL)
        write_candidates(launch, (char *)(launch->kept + sizes.kept));
    set_options(&launch->spawn, options);
    launch->spawn.programs = launch->programs;
    launch->spawn.arguments = unconst(argv);
    launch->spawn.environment = launch->environment;
    return copy_kept(launch, options);
}

void asyncp_launch_free(struct launch *launch)
{
    memory_free(&launch->loop->memory, launch->block, launch->block_bytes);
}
