/* Starts and stops daemons and prints how long that took; small, so that its own cost does not blur the figures.
 *
 *     measure rounds N SETTLE_MS {-- NAME EVERY NOFILE PIDFILE PROGRAM ARGUMENT...}...
 *     measure hold {-- NAME EVERY NOFILE PIDFILE PROGRAM ARGUMENT...}...
 *
 * rounds: N times, one subject after the other (a subject takes part in every EVERY-th round, with both limits of
 * RLIMIT_NOFILE set to NOFILE, 0 for as they are). One line for each start, times in nanoseconds:
 *     NAME launcher ready gone exited
 * launcher: from vfork and exec to the launcher's exit. ready: the same until the pid file is complete as well. gone:
 * from SIGTERM, sent SETTLE_MS after ready, until the pid file is gone. exited: from SIGTERM to the daemon's exit.
 *
 * hold: starts every subject once, prints "NAME pid" for each, and stops them at the end of its standard input.
 *
 * It adopts the daemons' orphans (PR_SET_CHILD_SUBREAPER), so it can wait for them, and it leaves none behind.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { max_subjects = 32, patience_seconds = 60 };

struct subject {
    const char *name, *pid_file;
    char folder[512];
    long every;
    rlim_t descriptors;
    char **command;
};

static struct subject subjects[max_subjects];
static int subject_count;
static FILE *results;
static int commands;

/* The processes still below this one: an orphaned daemon has been given to us. */
static int kill_children(void)
{
    char path[64];
    int killed = 0, pid;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    for (;;) {
        FILE *children = fopen(path, "re");
        int found = children && fscanf(children, "%d", &pid) == 1;
        if (children)
            fclose(children);
        if (!found)
            return killed;
        if (waitpid(pid, NULL, WNOHANG) == 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            killed++;
        }
    }
}

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "measure: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    kill_children();
    exit(1);
}

static void on_signal(int number)
{
    (void)number;   /* only interrupts a wait */
}

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void pause_for(long microseconds)
{
    struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
    nanosleep(&time, NULL);
}

/* The pid in a complete pid file (digits, then a newline or the end) of a running process, or 0. */
static pid_t read_pid(const char *path)
{
    char text[32], *end;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (length <= 0)
        return 0;
    text[length] = 0;
    long pid = strtol(text, &end, 10);
    return pid > 1 && (*end == '\n' || *end == 0) && kill(pid, 0) == 0 ? pid : 0;
}

/* posix_spawn(3) is this vfork and exec too, but it cannot set a limit, and a hard limit lowered here stays low. */
static pid_t spawn(const struct subject *subject)
{
    struct rlimit limit = {subject->descriptors, subject->descriptors};
    pid_t child = vfork();
    if (child < 0)
        fail("%s: vfork: %s", subject->name, strerror(errno));
    if (child == 0) {
        if (limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &limit) < 0)
            _exit(126);
        execv(subject->command[0], subject->command);
        _exit(127);
    }
    return child;
}

static pid_t start(const struct subject *subject, long long *launcher, long long *ready)
{
    pid_t child, pid;
    int status;
    if (access(subject->pid_file, F_OK) == 0)
        fail("%s: the pid file is there before the start", subject->name);
    alarm(patience_seconds);
    long long began = now();
    child = spawn(subject);
    if (waitpid(child, &status, 0) < 0)
        fail("%s: the launcher does not return", subject->name);
    *launcher = now() - began;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail("%s: the launcher ended with wait status %d", subject->name, status);
    while (!(pid = read_pid(subject->pid_file))) {
        if (now() - began > patience_seconds * 1000000000LL)
            fail("%s: no complete pid file", subject->name);
        pause_for(50);
    }
    *ready = now() - began;
    alarm(0);
    return pid;
}

static void stop(const struct subject *subject, pid_t pid, long long *gone, long long *exited)
{
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    int process = syscall(SYS_pidfd_open, pid, 0);
    if (watch < 0 || process < 0 || inotify_add_watch(watch, subject->folder, IN_DELETE) < 0)
        fail("%s: cannot watch it: %s", subject->name, strerror(errno));
    struct pollfd waits[2] = {{.fd = watch, .events = POLLIN}, {.fd = process, .events = POLLIN}};
    *gone = *exited = 0;
    long long began = now();
    syscall(SYS_pidfd_send_signal, process, SIGTERM, NULL, 0);
    while (!*gone || !*exited) {
        char events[4096];
        if (poll(waits, 2, patience_seconds * 1000) <= 0)
            fail("%s: does not end on SIGTERM", subject->name);
        long long woken = now() - began;
        if (!*gone && access(subject->pid_file, F_OK) < 0)
            *gone = woken;
        if (waits[1].revents) {
            *exited = woken;
            if (!*gone)
                fail("%s: ended and left its pid file", subject->name);
        }
        while (read(watch, events, sizeof events) > 0)
            ;
    }
    close(watch);
    close(process);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

static void parse_subjects(char **arguments)
{
    while (*arguments) {
        struct subject *subject = &subjects[subject_count++];
        char **fields = arguments + 1;
        if (subject_count > max_subjects || strcmp(*arguments, "--") != 0)
            fail("bad subject");
        for (arguments++; *arguments && strcmp(*arguments, "--") != 0; arguments++)
            ;
        if (arguments - fields < 5)
            fail("a subject needs NAME EVERY NOFILE PIDFILE PROGRAM");
        subject->name = fields[0];
        subject->every = strtol(fields[1], NULL, 10);
        subject->descriptors = strtoul(fields[2], NULL, 10);
        subject->pid_file = fields[3];
        snprintf(subject->folder, sizeof subject->folder, "%s", fields[3]);
        *strrchr(subject->folder, '/') = 0;
        subject->command = fields + 4;
    }
    /* Each command ends at the next subject's "--", which becomes its NULL. */
    for (int number = 0; number < subject_count; number++)
        for (char **word = subjects[number].command; *word; word++)
            if (strcmp(*word, "--") == 0) {
                *word = NULL;
                break;
            }
}

static void run_rounds(long rounds, long settle_milliseconds)
{
    for (long round = 0; round < rounds; round++)
        for (int number = 0; number < subject_count; number++) {
            const struct subject *subject = &subjects[number];
            long long launcher, ready, gone, exited;
            if (round % subject->every != 0)
                continue;
            pid_t pid = start(subject, &launcher, &ready);
            pause_for(settle_milliseconds * 1000);
            stop(subject, pid, &gone, &exited);
            fprintf(results, "%s %lld %lld %lld %lld\n", subject->name, launcher, ready, gone, exited);
        }
}

static void hold(void)
{
    pid_t pids[max_subjects];
    long long first, second;  /* the times, of no interest here */
    char byte;
    for (int number = 0; number < subject_count; number++) {
        pids[number] = start(&subjects[number], &first, &second);
        fprintf(results, "%s %d\n", subjects[number].name, (int)pids[number]);
    }
    fflush(results);
    while (read(commands, &byte, 1) > 0)
        ;
    for (int number = 0; number < subject_count; number++)
        stop(&subjects[number], pids[number], &first, &second);
}

/* The subjects get /dev/null: what they inherit must not be the pipe that the results go to. */
static void set_own_streams_aside(void)
{
    commands = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
    results = fdopen(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10), "w");
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (commands < 0 || !results || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        fail("cannot set the own streams aside: %s", strerror(errno));
    close(null);
}

int main(int count, char **arguments)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGALRM, &action, NULL);
    set_own_streams_aside();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (count > 4 && strcmp(arguments[1], "rounds") == 0) {
        parse_subjects(arguments + 4);
        run_rounds(strtol(arguments[2], NULL, 10), strtol(arguments[3], NULL, 10));
    } else if (count > 2 && strcmp(arguments[1], "hold") == 0) {
        parse_subjects(arguments + 2);
        hold();
    } else
        fail("usage: measure rounds N SETTLE_MS | hold, then {-- NAME EVERY NOFILE PIDFILE PROGRAM ARGUMENT...}...");
    int strays = kill_children();
    if (strays)
        fprintf(stderr, "measure: %d stray processes killed\n", strays);
    return strays ? 1 : 0;
}
