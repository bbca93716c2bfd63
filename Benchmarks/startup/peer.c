/* The yardstick: the start-up of spec/generic-daemon.md section 3 in plain C, with nothing that it can do without.
 *
 *     peer [-f] -b SOCKET -p PIDFILE -l LOGFILE
 *
 * The launcher exits 0 when the daemon has said on the readiness pipe that its socket is bound.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int log_fd = STDERR_FILENO;
static volatile sig_atomic_t stopping;

/* One record is one write(2). */
static void log_line(const char *level, const char *message)
{
    char stamp[32], zone[16], line[512];
    struct timespec now;
    struct tm local;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &local);
    strftime(zone, sizeof zone, "%Z", &local);
    int length = snprintf(line, sizeof line, "%s,%06ld %s: peer pid=%d %s %s\n", stamp, now.tv_nsec / 1000, zone,
                          (int)getpid(), level, message);
    if (length > (int)sizeof line - 1)
        length = sizeof line - 1;
    (void)!write(log_fd, line, length);
}

static void die(const char *format, ...)
{
    char message[256];
    int cause = errno;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    fprintf(stderr, "peer: %s: %s\n", message, strerror(cause));
    exit(1);
}

static void on_stop(int signal)
{
    (void)signal;
    stopping = 1;
}

/* Descriptors 0 to 2 are there, all others are closed, no signal is blocked or ignored. */
static void reset_process(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
        die("close_range");
    for (int number = 1; number < NSIG; number++)
        if (number != SIGKILL && number != SIGSTOP)
            signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int lock_pid_file(const char *path)
{
    for (;;) {
        struct stat held, named;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            die("cannot open pid file %s", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
            die("cannot lock pid file %s", path);
        if (fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_dev == named.st_dev
            && held.st_ino == named.st_ino)
            return fd;
        close(fd);
    }
}

static void write_pid(int fd, const char *path)
{
    char text[16];
    int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, length, 0) != length)
        die("cannot write pid file %s", path);
}

/* Returns in the daemon, with the pipe's end to say "ready" on; the launcher waits here and exits. */
static int detach(void)
{
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) < 0)
        die("pipe2");
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (child > 0) {
        char byte;
        close(ready[1]);
        waitpid(child, NULL, 0);
        exit(read(ready[0], &byte, 1) == 1 ? 0 : 1);
    }
    close(ready[0]);
    if (setsid() < 0)
        die("setsid");
    pid_t grandchild = fork();
    if (grandchild < 0)
        die("fork");
    if (grandchild > 0)
        _exit(0);
    if (chdir("/") < 0)
        die("chdir");
    umask(077);
    return ready[1];
}

static void open_log(const char *path)
{
    log_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (log_fd < 0)
        die("cannot open log %s", path);
}

static void redirect_stdio(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0 || dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
        die("cannot redirect stdio");
    close(null);
}

static int bind_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        errno = ENAMETOOLONG, die("cannot bind %s", path);
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 128) < 0)
        die("cannot bind %s", path);
    return fd;
}

/* SIGTERM and SIGINT are let in only while ppoll waits: none is missed between the test and the wait. */
static void serve(int listener, const sigset_t *open_mask)
{
    struct pollfd wanted = {.fd = listener, .events = POLLIN};
    while (!stopping)
        if (ppoll(&wanted, 1, NULL, open_mask) > 0) {
            int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            if (client >= 0)
                close(client);
        }
}

int main(int count, char **arguments)
{
    static const struct option options[] = {
        {"foreground", no_argument, NULL, 'f'},     {"bind", required_argument, NULL, 'b'},
        {"pid-file", required_argument, NULL, 'p'}, {"log-file", required_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    const char *socket_path = NULL, *pid_path = NULL, *log_path = NULL;
    int foreground = 0, option;
    while ((option = getopt_long(count, arguments, "fb:p:l:", options, NULL)) != -1)
        switch (option) {
        case 'f': foreground = 1; break;
        case 'b': socket_path = optarg; break;
        case 'p': pid_path = optarg; break;
        case 'l': log_path = optarg; break;
        default: return 2;
        }
    if (!socket_path || !pid_path || !log_path || optind < count) {
        fprintf(stderr, "usage: peer [-f] -b SOCKET -p PIDFILE -l LOGFILE\n");
        return 2;
    }

    reset_process();
    int pid_fd = lock_pid_file(pid_path);
    int ready = foreground ? -1 : detach();
    open_log(log_path);
    write_pid(pid_fd, pid_path);
    log_line("NOTICE", "peer daemon startup");
    int listener = bind_socket(socket_path);

    sigset_t stops, open_mask;
    struct sigaction action = {.sa_handler = on_stop};
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigprocmask(SIG_BLOCK, &stops, &open_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);

    if (!foreground) {
        redirect_stdio();
        if (write(ready, "R", 1) != 1)
            die("cannot tell the launcher");
        close(ready);
    }
    serve(listener, &open_mask);

    unlink(socket_path);
    unlink(pid_path);
    log_line("NOTICE", "peer daemon shutdown");
    return 0;
}
