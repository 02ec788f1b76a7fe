/*
 * switching_socket.c: the rows (switching.h) of the calls of sockets. Their effect is counted at
 * the other end as well: bytes that came, places that were filled, connections that exist.
 */
#include "switching_units.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* ---- receiving: the units are bytes --------------------------------------------------------- */

static int receive_from(struct caller *caller)
{
    char byte = 0;
    int result = async_recvfrom(caller->scene->ends[0], &byte, 1, 0, NULL, NULL);
    caller->scene->taken += result == 1;
    CHECK((byte != 0) == (result == 1));
    return result;
}

static int receive_message(struct caller *caller)
{
    char byte = 0;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    int result = async_recvmsg(caller->scene->ends[0], &message, 0);
    caller->scene->taken += result == 1;
    CHECK((byte != 0) == (result == 1));
    return result;
}

static void check_receiving(struct scene *scene)
{
    char bytes[16];
    supply_byte(scene);
    CHECK_EQ(async_recvfrom(scene->ends[0], bytes, sizeof bytes, 0, NULL, NULL),
             scene->supplied - scene->taken);
    CHECK_EQ(async_timeout(1e-4, async_recvfrom(scene->ends[0], bytes, 1, 0, NULL, NULL)),
             -ETIMEDOUT);
}

SWITCHING_CALL(recvfrom_when_empty, async_recvfrom, .kind = ASKS_KERNEL, .gives = 1,
               .set = set_socket, .make = receive_from, .supply = supply_byte, .left = bytes_left,
               .check = check_receiving);
SWITCHING_CALL(recvfrom_when_available, async_recvfrom, .kind = NEED_NOT_WAIT, .gives = 1,
               .set = set_socket_with_bytes, .make = receive_from, .left = bytes_left,
               .check = check_receiving);
SWITCHING_CALL(recvmsg_when_empty, async_recvmsg, .kind = ASKS_KERNEL, .gives = 1,
               .set = set_socket, .make = receive_message, .supply = supply_byte,
               .left = bytes_left, .check = check_receiving);

/* ---- sending: the units are places in a queue of datagrams ---------------------------------- */

static int places; /* that the queue has */

/* Connected one way, or the queue had no limit. */
static void set_full(struct scene *scene)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof address;
    scene->ends[0] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    scene->ends[1] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(scene->ends[1], (struct sockaddr *)&address, sizeof address.sun_family), 0);
    CHECK_EQ(getsockname(scene->ends[1], (struct sockaddr *)&address, &size), 0);
    CHECK_EQ(connect(scene->ends[0], (struct sockaddr *)&address, size), 0);
    for (places = 0; send(scene->ends[0], "x", 1, MSG_DONTWAIT) == 1;)
        places++;
}

static void supply_place(struct scene *scene)
{
    char byte;
    scene->supplied += recv(scene->ends[1], &byte, 1, MSG_DONTWAIT) == 1;
}

static void set_with_places(struct scene *scene)
{
    set_full(scene);
    for (int i = 0; i < MAX_CALLERS; i++)
        supply_place(scene);
}

static int send_byte(struct caller *caller)
{
    int result = async_send(caller->scene->ends[0], "x", 1, 0);
    caller->scene->taken += result == 1;
    return result;
}

static int send_to(struct caller *caller)
{
    int result = async_sendto(caller->scene->ends[0], "x", 1, 0, NULL, 0);
    caller->scene->taken += result == 1;
    return result;
}

static int send_message(struct caller *caller)
{
    struct iovec part = {.iov_base = "x", .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    int result = async_sendmsg(caller->scene->ends[0], &message, 0);
    caller->scene->taken += result == 1;
    return result;
}

static int send_all(struct caller *caller)
{
    int result = async_sendall(caller->scene->ends[0], "x", 1, 0);
    caller->scene->taken += result == 0;
    return result;
}

static void check_sending(struct scene *scene)
{
    CHECK_EQ(drain_socket(scene->ends[1]), places - scene->supplied + scene->taken);
    CHECK_EQ(async_send(scene->ends[0], "x", 1, 0), 1);
}

SWITCHING_CALL(send_when_full, async_send, .kind = ASKS_KERNEL, .gives = 1, .set = set_full,
               .make = send_byte, .supply = supply_place, .check = check_sending);
SWITCHING_CALL(send_where_there_is_room, async_send, .kind = NEED_NOT_WAIT, .gives = 1,
               .set = set_with_places, .make = send_byte, .check = check_sending);
SWITCHING_CALL(sendto_when_full, async_sendto, .kind = ASKS_KERNEL, .gives = 1, .set = set_full,
               .make = send_to, .supply = supply_place, .check = check_sending);
SWITCHING_CALL(sendmsg_when_full, async_sendmsg, .kind = ASKS_KERNEL, .gives = 1, .set = set_full,
               .make = send_message, .supply = supply_place, .check = check_sending);
SWITCHING_CALL(sendall_when_full, async_sendall, .kind = ASKS_KERNEL, .gives = 0, .set = set_full,
               .make = send_all, .supply = supply_place, .check = check_sending);

/* ---- without the program's memory: bytes of a file, or a pipe, that come to a socket -------- */

static int source[2] = {-1, -1}; /* a file in [0], or a pipe */
static size_t filled, drained;   /* bytes in the socket at first, and taken out of it by supply */

static void close_source(void)
{
    for (int i = 0; i < 2; i++)
        if (source[i] >= 0)
            CHECK_EQ(close(source[i]), 0);
    source[0] = source[1] = -1;
}

/* On Linux 5.10, sendfile and splice append to what lies in a full Unix socket, and do not wait. */
static void skip_if_files_go_into_full_sockets(void)
{
    int ends[2];
    int file = memfd_create("bytes", MFD_CLOEXEC);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    CHECK_EQ(write(file, "x", 1), 1);
    fill_socket(ends[0]);
    ssize_t sent = sendfile(ends[0], file, &(off_t){0}, 1);
    CHECK_EQ(close(file) | close(ends[0]) | close(ends[1]), 0);
    if (sent > 0)
        test_skip("this kernel's sendfile and splice go into a full Unix socket");
}

static void set_full_stream(struct scene *scene)
{
    skip_if_files_go_into_full_sockets();
    close_source();
    set_socket(scene);
    filled = fill_socket(scene->ends[0]);
    drained = 0;
}

static void set_file_and_full_stream(struct scene *scene)
{
    set_full_stream(scene);
    source[0] = memfd_create("bytes", MFD_CLOEXEC);
    CHECK_EQ(write(source[0], "0123456789", 10), 10);
}

static void set_pipe_and_full_stream(struct scene *scene)
{
    set_full_stream(scene);
    CHECK_EQ(pipe2(source, O_CLOEXEC), 0);
    CHECK_EQ(write(source[1], "0123456789", 10), 10);
}

static void set_empty_pipe(struct scene *scene)
{
    close_source();
    set_socket(scene);
    filled = drained = 0;
    CHECK_EQ(pipe2(source, O_CLOEXEC), 0);
}

static void supply_room_in_socket(struct scene *scene)
{
    drained += drain_socket(scene->ends[1]);
}

static void supply_pipe(struct scene *scene)
{
    scene->supplied++;
    CHECK_EQ(write(source[1], "x", 1), 1);
}

static int pipe_left(const struct scene *scene)
{
    int count = scene->supplied - scene->taken;
    if (source[0] >= 0)
        CHECK_EQ(ioctl(source[0], FIONREAD, &count), 0);
    return count;
}

static int send_file(struct caller *caller)
{
    off_t offset = 3;
    int result = async_sendfile(caller->scene->ends[0], source[0], &offset, 1);
    caller->value += result == 1;
    CHECK_EQ(offset, result == 1 ? 4 : 3);
    return result;
}

static int splice_byte(struct caller *caller)
{
    int result = async_splice(source[0], NULL, caller->scene->ends[0], NULL, 1, 0);
    caller->value += result == 1;
    return result;
}

static int splice_unit(struct caller *caller)
{
    int result = splice_byte(caller);
    caller->scene->taken += result == 1;
    return result;
}

static void check_moving(struct scene *scene)
{
    size_t moved = 0;
    for (int i = 0; i < scene->caller_count; i++)
        moved += (size_t)scene->callers[i].value;
    CHECK_EQ(drained + drain_socket(scene->ends[1]), filled + moved);
    close_source();
}

SWITCHING_CALL(sendfile_to_a_full_socket, async_sendfile, .kind = ASKS_KERNEL, .gives = 1,
               .set = set_file_and_full_stream, .make = send_file, .supply = supply_room_in_socket,
               .check = check_moving);
SWITCHING_CALL(splice_to_a_full_socket, async_splice, .kind = ASKS_KERNEL, .gives = 1,
               .set = set_pipe_and_full_stream, .make = splice_byte,
               .supply = supply_room_in_socket, .check = check_moving);
SWITCHING_CALL(splice_of_an_empty_pipe, async_splice, .kind = ASKS_KERNEL, .gives = 1,
               .set = set_empty_pipe, .make = splice_unit, .supply = supply_pipe, .left = pipe_left,
               .check = check_moving);

/* ---- connections ---------------------------------------------------------------------------- */

static struct sockaddr_in server_address;
static int clients[4 * MAX_CALLERS], client_count;

static void close_clients(void)
{
    while (client_count > 0)
        CHECK_EQ(close(clients[--client_count]), 0);
}

static void set_listener(struct scene *scene)
{
    close_clients();
    scene->ends[0] = listener(16);
    server_address = address_of(scene->ends[0]);
}

static void supply_connection(struct scene *scene)
{
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(connect(client, (struct sockaddr *)&server_address, sizeof server_address), 0);
    clients[client_count++] = client;
    scene->supplied++;
}

static void set_with_connections(struct scene *scene)
{
    set_listener(scene);
    for (int i = 0; i < scene->caller_count; i++)
        supply_connection(scene);
}

static int accept_one(struct caller *caller)
{
    int result = async_accept(caller->scene->ends[0], NULL, NULL);
    if (result < 0)
        return result;
    caller->scene->taken++;
    CHECK_EQ(async_close(result), 0);
    return 0;
}

static void check_accepting(struct scene *scene)
{
    for (int left = scene->supplied - scene->taken; left > 0; left--)
        CHECK_EQ(accept_one(scene->subject), 0);
    CHECK_EQ(async_timeout(1e-4, accept_one(scene->subject)), -ETIMEDOUT);
    close_clients();
}

SWITCHING_CALL(accept_when_no_client_has_come, async_accept, .kind = ASKS_KERNEL, .gives = 0,
               .set = set_listener, .make = accept_one, .supply = supply_connection,
               .check = check_accepting);
SWITCHING_CALL(accept_of_a_client_that_has_come, async_accept, .kind = NEED_NOT_WAIT, .gives = 0,
               .set = set_with_connections, .make = accept_one, .check = check_accepting);

static void set_clients(struct scene *scene)
{
    set_listener(scene);
    while (client_count < scene->caller_count)
        clients[client_count++] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int connect_client(struct caller *caller)
{
    return async_connect(clients[caller->place], (struct sockaddr *)&server_address,
                         sizeof server_address);
}

/* A successful connect has a usable connection. */
static void check_connecting(struct scene *scene)
{
    for (int i = 0; i < scene->caller_count; i++)
        if (scene->callers[i].result == 0)
            CHECK_EQ(send(clients[i], "x", 1, MSG_NOSIGNAL), 1);
    close_clients();
}

SWITCHING_CALL(connect_to_a_listener, async_connect, .kind = DEPENDS, .gives = 0,
               .set = set_clients, .make = connect_client, .check = check_connecting);
