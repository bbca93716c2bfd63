#define _GNU_SOURCE
/* The smallest worker, and the launcher of everything that is measured.
 *
 *     worker launch PROGRAM ARGUMENT...    vfork and exec with BENCH_START=now; ends as the program does
 *     worker serve                         stamps its start, says READY=1, accepts and closes until SIGTERM
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "stamp.h"

static volatile sig_atomic_t stopping;

static void on_term(int number)
{
    (void)number;
    stopping = 1;
}

static int launch(char **command)
{
    static char start[48];
    int status;
    snprintf(start, sizeof start, "BENCH_START=%lld", now());
    putenv(start);
    pid_t child = vfork();
    if (child == 0) {
        execv(command[0], command);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return 126;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void say_ready(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || strlen(path) >= sizeof address.sun_path)
        return;
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + strlen(path);
    memcpy(address.sun_path, path, strlen(path));
    if (*path == '@')
        address.sun_path[0] = 0;
    int notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sendto(notify, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&address, length) < 0)
        perror("READY=1");
    close(notify);
}

static int serve(long long begun)
{
    struct sigaction action = {.sa_handler = on_term};
    sigset_t term, none;
    const char *sockets = getenv("SERVER_STARTER_PORT");
    const char *last = sockets ? strrchr(sockets, '=') : NULL;
    struct pollfd wait = {.fd = last ? atoi(last + 1) : -1, .events = POLLIN};
    sigemptyset(&none);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    sigaction(SIGTERM, &action, NULL);
    long long ready = now();
    say_ready();
    stamp_start(begun, ready);
    while (!stopping)
        if (ppoll(&wait, 1, NULL, &none) > 0)
            close(accept(wait.fd, NULL, NULL));
    char time[24];
    snprintf(time, sizeof time, "%lld", now());
    stamp('T', time);
    return 0;
}

int main(int count, char **arguments)
{
    long long begun = now();
    if (count > 2 && strcmp(arguments[1], "launch") == 0)
        return launch(arguments + 2);
    if (count == 2 && strcmp(arguments[1], "serve") == 0)
        return serve(begun);
    fprintf(stderr, "usage: worker launch PROGRAM ARGUMENT... | worker serve\n");
    return 2;
}
