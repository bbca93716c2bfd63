#define _GNU_SOURCE
#include "CUnix.h"

#include <stdatomic.h>

static int wake_end = -1, report_end = -1;
static atomic_bool pending[cunix_signal_slots];

static struct { int directory; char *path; dev_t device; ino_t inode; } files[16];
static volatile sig_atomic_t file_count, armed;

static void abort_start(int signal) {
    const char *text = signal == SIGTERM ? "F143 ended by SIGTERM during start-up"
        : signal == SIGQUIT ? "F131 ended by SIGQUIT during start-up" : "F130 ended by SIGINT during start-up";
    for (int i = 0; i < file_count; i++) {
        struct stat now;
        if (fstatat(files[i].directory, files[i].path, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_dev == files[i].device &&
            now.st_ino == files[i].inode)
            unlinkat(files[i].directory, files[i].path, 0);
    }
    if (report_end >= 0 && write(report_end, text, strlen(text)) < 0) { /* the launcher is gone: nobody to tell */ }
    _exit(128 + signal);
}

static void handle(int signal, siginfo_t *info, __attribute__((unused)) void *context) {
    bool is_mild = info && info->si_code == SI_QUEUE && info->si_value.sival_int == cunix_mildly;
    if (armed && (signal == SIGTERM || signal == SIGINT || signal == SIGQUIT)) abort_start(signal);
    int saved = errno, slot = is_mild && signal == SIGHUP ? cunix_mild_hangup : is_mild && signal == SIGTERM ? cunix_mild_terminate : signal;
    if (signal == SIGHUP && (!info || !info->si_pid || info->si_pid == getsid(0))) atomic_store(&pending[cunix_terminal_hangup], true);
    atomic_store(&pending[slot], true);
    // Non-blocking: a full pipe already wakes the reader, and the mark above is kept.
    if (wake_end >= 0 && write(wake_end, "", 1) < 0) { /* EAGAIN */ }
    errno = saved;
}

void cunix_signal_pipe(int write_end) { wake_end = write_end; }

int cunix_signal_catch(int signal) {
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigfillset(&action.sa_mask);
    return sigaction(signal, &action, NULL);
}

bool cunix_signal_take(int slot) { return atomic_exchange(&pending[slot], false); }

void cunix_signals_reset(bool only_ignored) {
#if defined(__linux__) && defined(SYS_rt_sigaction)
    // glibc keeps 32 and 33 to itself and leaves them as inherited, often ignored: so the kernel is asked itself.
    struct { void *handler; unsigned long flags; void *restorer; unsigned long mask[2]; } now, none = {0};
    for (int signal = 1; signal <= 64; signal++) {
        bool is_known = only_ignored && syscall(SYS_rt_sigaction, signal, NULL, &now, 8) == 0;
        if (!is_known || now.handler == (void *)SIG_IGN) syscall(SYS_rt_sigaction, signal, &none, NULL, 8);
    }
#else
    struct sigaction now;
    for (int number = 1; number < NSIG; number++)
        if (!only_ignored || (sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN)) signal(number, SIG_DFL);
#endif
}

void cunix_abort_arm(int report) { report_end = report, armed = 1; }
void cunix_abort_disarm(void) { armed = 0; }

int cunix_abort_file(int directory, const char *path, dev_t device, ino_t inode) {
    int slot = file_count;
    char *copy = slot < (int)(sizeof files / sizeof *files) ? strdup(path) : NULL;
    if (!copy) return -1;
    files[slot].directory = directory, files[slot].path = copy, files[slot].device = device, files[slot].inode = inode;
    file_count = slot + 1;
    return 0;
}
