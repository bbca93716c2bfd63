#define _GNU_SOURCE
#include "CUnix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

pid_t cunix_fork(void) { return fork(); }

int cunix_close_range(unsigned first, unsigned last) {
#if defined(__linux__) && defined(SYS_close_range)
    return (int)syscall(SYS_close_range, first, last, 0);
#else
    (void)first, (void)last;
    errno = ENOSYS;
    return -1;
#endif
}

int cunix_pidfd_open(pid_t pid) {
#if defined(__linux__) && defined(SYS_pidfd_open)
    return (int)syscall(SYS_pidfd_open, pid, 0);
#else
    (void)pid;
    errno = ENOSYS;
    return -1;
#endif
}

int cunix_pidfd_signal(int pidfd, int signal, bool queued, int value) {
#if defined(__linux__) && defined(SYS_pidfd_send_signal)
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = signal;
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = value;
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, queued ? &info : NULL, 0);
#else
    (void)pidfd, (void)signal, (void)queued, (void)value;
    errno = ENOSYS;
    return -1;
#endif
}

int cunix_become_subreaper(void) {
#ifdef __linux__
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
#else
    errno = ENOSYS;
    return -1;
#endif
}

#ifndef __linux__
static int close_on_exec(int fd) {
    if (fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) return -1;
    return fd;
}
#endif

int cunix_pipe(int ends[2]) {
#ifdef __linux__
    return pipe2(ends, O_CLOEXEC);
#else
    if (pipe(ends) == -1) return -1;
    close_on_exec(ends[0]), close_on_exec(ends[1]);
    return 0;
#endif
}

int cunix_accept(int listener) {
#ifdef __linux__
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
#else
    int fd = close_on_exec(accept(listener, NULL, NULL));
    if (fd >= 0) fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
#endif
}

int cunix_duplicate(int from, int onto) {
#ifdef __linux__
    return dup3(from, onto, O_CLOEXEC);
#else
    return close_on_exec(dup2(from, onto));
#endif
}
