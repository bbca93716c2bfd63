#define _GNU_SOURCE
#include "CUnix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __linux__
#include <link.h>
#include <sys/mman.h>
#endif

#ifdef __linux__
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
#else
pid_t cunix_fork(void) { return fork(); }
void cunix_release_code(void) {}
#endif

#ifdef __linux__
long cunix_syscall(long number, long a, long b, long c, long d) { return syscall(number, a, b, c, d); }
long cunix_write_now(int file, const void *part) { return syscall(SYS_pwritev2, file, part, 1, -1L, -1L, 8 /* NOWAIT */); }

// In a vfork child, whose memory is the parent's: raw system calls where libc keeps state (setuid tells all threads).
static int become(const struct cunix_program *program) {
    char digits[12], *digit = digits, *text = program->pid_text;
    sigset_t none;
    cunix_signals_reset();
    if (program->ignores_pipe) signal(SIGPIPE, SIG_IGN);
    if (program->leads_group) setpgid(0, 0);
    syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
    for (const int *move = program->moves; move < program->moves + 2 * program->move_count; move += 2)
        if ((move[0] == move[1] ? fcntl(move[0], F_SETFD, 0) : dup2(move[0], move[1])) == -1) return errno;
    if (program->groups && (syscall(SYS_setgroups, program->group_count, program->groups) == -1 ||
                            syscall(SYS_setgid, program->group) == -1 || syscall(SYS_setuid, program->user) == -1))
        return errno;
    if (program->directory && chdir(program->directory) == -1) return errno;
    if (program->death_signal) syscall(SYS_prctl, 1 /* PR_SET_PDEATHSIG */, program->death_signal);
    for (long pid = syscall(SYS_getpid); text && pid > 0; pid /= 10) *digit++ = (char)('0' + pid % 10);
    while (digit > digits) *text++ = *--digit;
    if (text) *text = 0;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(program->executable, program->arguments, program->environment);
    return errno;
}

pid_t cunix_spawn(const struct cunix_program *program) {
    sigset_t all, old;
    volatile int error = 0;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);  // no handler of ours runs in the child
    pid_t pid = vfork();
    if (pid == 0) error = become(program), _exit(127);
    int reason = pid < 0 ? errno : error;
    if (reason && pid > 0) waitpid(pid, NULL, 0);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return reason ? errno = reason, -1 : pid;
}
#endif
