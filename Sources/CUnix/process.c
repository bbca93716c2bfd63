#define _GNU_SOURCE
#include "CUnix.h"

static unsigned char noted[1 << 17];  // a bit for each descriptor
static int noted_end = 3;

static void note(int number) {
    int flags = number > 2 && number < 1 << 20 ? fcntl(number, F_GETFD) : -1;
    if (flags == -1 || flags & FD_CLOEXEC) return;  // an exec would have closed it
    noted[number / 8] |= 1 << number % 8;
    if (number >= noted_end) noted_end = number + 1;
}

__attribute__((constructor(101))) static void note_all(void) {
    static bool is_done;
    DIR *list = is_done ? NULL : opendir("/dev/fd");
    for (struct dirent *entry; list && (entry = readdir(list));) note(atoi(entry->d_name));
    for (int number = 3; !list && !is_done && number < 1024; number++) note(number);  // no proc(5)
    if (list) closedir(list);
    is_done = true;
}

int cunix_inherited(int first) {
    while (first < noted_end && !(noted[first / 8] >> first % 8 & 1)) first++;
    return first < noted_end ? first : -1;
}

#ifdef __linux__
// Before the constructors of libraries, which may open files, where the linker can.
__attribute__((section(".preinit_array"), used)) static void (*const before_libraries)(void) = note_all;

// Every object with Swift in it keeps the id in words that were zero at first, one for each file of source.
static int forget_thread(struct dl_phdr_info *object, __attribute__((unused)) size_t size, void *id) {
    static const char *const others[] = {"/libc.", "/libstdc++.", "/libdispatch."};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strstr(object->dlpi_name, others[i])) return 0;
    for (int i = 0; object->dlpi_tls_data && i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uint32_t *words = object->dlpi_tls_data;
        for (size_t word = (part->p_filesz + 3) / 4; part->p_type == PT_TLS && word < part->p_memsz / 4; word++)
            if (words[word] == *(uint32_t *)id) words[word] = 0;
    }
    return 0;
}

pid_t cunix_fork(void) {
    uint32_t parent = (uint32_t)syscall(SYS_gettid);
    pid_t child = fork();
    if (child == 0) dl_iterate_phdr(forget_thread, &parent);
    return child;
}

long cunix_syscall(long n, long a, long b, long c, long d, long e, long f) { return syscall(n, a, b, c, d, e, f); }

// Before the exec. Returns the step that failed.
static int become(const struct cunix_program *program, pid_t parent) {
    char digits[12] = "", *digit = digits + sizeof digits - 1;
    const int *end = program->moves + 2 * program->move_count;
    int next = 3, reason = 0;
    sigset_t none;
    cunix_signals_reset(false);
    if (program->ignores_pipe) signal(SIGPIPE, SIG_IGN);
    // Not in the terminal's session: a read or write there would stop a group in the background for good. tty_ioctl(4)
    if (program->leads_group) setsid();
    for (const int *move = program->moves; move < end; move += 2)
        if ((move[0] == move[1] ? fcntl(move[0], F_SETFD, 0) : dup2(move[0], move[1])) == -1) return cunix_descriptors;
    // All others are closed now, not by the exec: whoever holds this process before it must not hold them, too.
    for (const int *move = program->moves; move < end; next = move[1] < next ? next : move[1] + 1, move += 2)
        if (move[1] > next) syscall(SYS_close_range, next, move[1] - 1, 0);
    syscall(SYS_close_range, next, ~0U, 0);
    if (program->report >= 0) fcntl(program->report, F_SETFD, FD_CLOEXEC);
    for (const struct cunix_call *call = program->calls; call < program->calls + program->call_count; call++)
        if (syscall(call->number, call->first, call->second, call->third, call->fourth) == -1) return call->step;
    if (program->death_signal && getppid() != parent) _exit(127);  // it is dead already
    for (long pid = syscall(SYS_getpid); pid > 0; pid /= 10) *--digit = (char)('0' + pid % 10);
    for (char *const *text = program->pid_texts; *text; text++) strcpy(*text, digit);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (char *const *path = program->executables; *path && !(reason && reason != EACCES); path++) {
        execve(*path, program->arguments, program->environment);
        if (errno == ENOEXEC && program->script)
            program->script[1] = *path, execve("/bin/sh", program->script, program->environment);
        if (errno != ENOENT && errno != ENOTDIR) reason = errno;  // as execvp(3) goes on
    }
    return errno = reason ? reason : errno, cunix_exec;
}

pid_t cunix_spawn(const struct cunix_program *program) {
    sigset_t all, old;
    volatile int failed[2] = {0, 0};
    pid_t parent = getpid();
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);  // no handler of ours runs in the child
    pid_t pid = program->report < 0 ? vfork() : fork();
    if (pid == 0) {
        failed[0] = become(program, parent), failed[1] = errno;
        _exit(program->report >= 0 && write(program->report, (int *)failed, sizeof failed) < 0 ? 126 : 127);
    }
    int reason = pid < 0 ? errno : failed[1];
    if (reason && pid > 0) waitpid(pid, NULL, 0);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return reason ? errno = reason, -1 : pid;
}
#else
pid_t cunix_fork(void) { return fork(); }
#endif
