#define _GNU_SOURCE
/* What is supervised.
 *
 *     worker serve    takes the listener at 3, says READY=1, answers each HTTP request with its pid, until SIGTERM
 *     worker mark     writes its pid and CLOCK_MONOTONIC into the FIFO BENCH_FIFO, and sleeps
 *
 * `mark` may be followed by anything: it is also the interpreter of run scripts, so that no shell is measured.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopping;

static void on_term(int number)
{
    (void)number;
    stopping = 1;
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

static void answer(int client)
{
    char request[4096], text[256];
    if (read(client, request, sizeof request) > 0) {
        int length = snprintf(text, sizeof text,
                              "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n%d", getpid());
        if (send(client, text, length, MSG_NOSIGNAL) != length)
            perror("send");
    }
    close(client);
}

static int serve(void)
{
    struct sigaction action = {.sa_handler = on_term};
    sigset_t term, none;
    struct pollfd wait = {.fd = 3, .events = POLLIN};
    sigemptyset(&none);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* Two generations share the listener: what one was woken for the other may have taken. */
    fcntl(wait.fd, F_SETFL, O_NONBLOCK);
    say_ready();
    while (!stopping)
        if (ppoll(&wait, 1, NULL, &none) > 0) {
            int client = accept4(wait.fd, NULL, NULL, SOCK_CLOEXEC);
            if (client >= 0)
                answer(client);
        }
    return 0;
}

static int mark(void)
{
    struct timespec time;
    char text[64];
    const char *path = getenv("BENCH_FIFO");
    clock_gettime(CLOCK_MONOTONIC, &time);
    int fifo = path ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    int length = snprintf(text, sizeof text, "%d %lld\n", getpid(), time.tv_sec * 1000000000LL + time.tv_nsec);
    if (fifo < 0 || write(fifo, text, length) != length) {
        perror("BENCH_FIFO");
        return 1;
    }
    close(fifo);
    for (;;)
        pause();
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "serve") == 0)
        return serve();
    if (count > 1 && strcmp(arguments[1], "mark") == 0)
        return mark();
    fprintf(stderr, "usage: worker serve | worker mark\n");
    return 2;
}
