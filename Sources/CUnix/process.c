#define _GNU_SOURCE
#include "CUnix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#ifdef __linux__
#include <link.h>
#include <sys/mman.h>

// A pointer to something mapped that happens to hold the same 32 bits: it stays.
static bool is_part_of_pointer(const uint32_t *word) {
    uint64_t whole = *(const uint64_t *)((uintptr_t)word & ~(uintptr_t)7);
    unsigned char resident;
    if (whole >> 32 == 0 || (uint32_t)whole == 0) return false;
    return mincore((void *)(whole & ~(uint64_t)(sysconf(_SC_PAGESIZE) - 1)), 1, &resident) == 0;
}

static int forget_thread(struct dl_phdr_info *object, __attribute__((unused)) size_t size, void *old) {
    for (int i = 0; object->dlpi_tls_data && i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type != PT_TLS) continue;
        uint32_t *word = object->dlpi_tls_data, *end = word + object->dlpi_phdr[i].p_memsz / sizeof *word;
        for (; word < end; word++)
            if (*word == *(uint32_t *)old && !is_part_of_pointer(word)) *word = 0;
    }
    return 0;
}

pid_t cunix_fork(void) {
    uint32_t parent = (uint32_t)getpid();
    pid_t child = fork();
    if (child == 0) dl_iterate_phdr(forget_thread, &parent);
    return child;
}

static int release(struct dl_phdr_info *object, __attribute__((unused)) size_t size, void *page) {
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || part->p_flags & PF_W) continue;
        uintptr_t start = (object->dlpi_addr + part->p_vaddr) & ~(*(uintptr_t *)page - 1);
        madvise((void *)start, object->dlpi_addr + part->p_vaddr + part->p_memsz - start, MADV_DONTNEED);
    }
    return 0;
}

void cunix_release_code(void) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    dl_iterate_phdr(release, &page);
}

long cunix_syscall(long number, long a, long b, long c, long d) { return syscall(number, a, b, c, d); }
long cunix_write_now(int file, const void *part) { return syscall(SYS_pwritev2, file, part, 1, -1L, -1L, 8 /* NOWAIT */); }

// Before the exec: raw system calls where libc keeps state (setuid tells all threads). Returns the step that failed.
static enum cunix_step become(const struct cunix_program *program, pid_t parent) {
    char digits[12], *digit = digits, *text = program->pid_text;
    const int *end = program->moves + 2 * program->move_count;
    int next = 3;
    sigset_t none;
    cunix_signals_reset();
    if (program->ignores_pipe) signal(SIGPIPE, SIG_IGN);
    if (program->leads_group) setpgid(0, 0);
    for (const int *move = program->moves; move < end; move += 2)
        if ((move[0] == move[1] ? fcntl(move[0], F_SETFD, 0) : dup2(move[0], move[1])) == -1) return cunix_descriptors;
    // All others are closed now, not by the exec: whoever holds this process before it must not hold them, too.
    for (const int *move = program->moves; move < end; next = move[1] < next ? next : move[1] + 1, move += 2)
        if (move[1] > next) syscall(SYS_close_range, next, move[1] - 1, 0);
    syscall(SYS_close_range, next, ~0U, 0);
    if (program->report >= 0) fcntl(program->report, F_SETFD, FD_CLOEXEC);
    if (program->open_files) setrlimit(RLIMIT_NOFILE, program->open_files);
    if (program->groups && (syscall(SYS_setgroups, program->group_count, program->groups) == -1 ||
                            syscall(SYS_setgid, program->group) == -1 || syscall(SYS_setuid, program->user) == -1))
        return cunix_account;
    // The user owns this process now, but must not see the copy of our memory, whatever fs.suid_dumpable says.
    if (program->groups) syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 0);
    if (program->directory && chdir(program->directory) == -1) return cunix_directory;
    if (program->death_signal) syscall(SYS_prctl, 1 /* PR_SET_PDEATHSIG */, program->death_signal);
    if (program->death_signal && getppid() != parent) _exit(127);  // it is dead already
    for (long pid = syscall(SYS_getpid); text && pid > 0; pid /= 10) *digit++ = (char)('0' + pid % 10);
    while (digit > digits) *text++ = *--digit, *text = 0;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(program->executable, program->arguments, program->environment);
    if (errno == ENOEXEC && program->script) execve("/bin/sh", program->script, program->environment);
    return cunix_exec;
}

pid_t cunix_spawn(const struct cunix_program *program) {
    sigset_t all, old;
    volatile int failed[2] = {0, 0};
    pid_t parent = getpid();
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);  // no handler of ours runs in the child
    pid_t pid = program->report < 0 ? vfork() : fork();
    if (pid == 0) {
        failed[0] = (int)become(program, parent), failed[1] = errno;
        _exit(program->report >= 0 && write(program->report, (int *)failed, sizeof failed) < 0 ? 126 : 127);
    }
    int reason = pid < 0 ? errno : failed[1];
    if (reason && pid > 0) waitpid(pid, NULL, 0);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return reason ? errno = reason, -1 : pid;
}
#else
pid_t cunix_fork(void) { return fork(); }
void cunix_release_code(void) {}
#endif
