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
#include <sys/prctl.h>
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
int cunix_close_range(unsigned first, unsigned last) { return (int)syscall(SYS_close_range, first, last, 0); }
int cunix_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
int cunix_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int cunix_pidfd_signal(int pidfd, int signal, bool queued, int value) {
    siginfo_t info = {.si_signo = signal, .si_code = SI_QUEUE};
    info.si_pid = getpid(), info.si_uid = getuid(), info.si_value.sival_int = value;
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, queued ? &info : NULL, 0);
}

int cunix_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }
int cunix_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }
int cunix_duplicate(int from, int onto) { return dup3(from, onto, O_CLOEXEC); }
#else
static int unsupported(void) { return errno = ENOSYS, -1; }

int cunix_close_range(unsigned first, unsigned last) { return (void)first, (void)last, unsupported(); }
int cunix_pidfd_open(pid_t pid) { return (void)pid, unsupported(); }
int cunix_become_subreaper(void) { return unsupported(); }
int cunix_pidfd_signal(int pidfd, int signal, bool queued, int value) {
    return (void)pidfd, (void)signal, (void)queued, (void)value, unsupported();
}

static int close_on_exec(int fd) { return fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ? -1 : fd; }
int cunix_duplicate(int from, int onto) { return close_on_exec(dup2(from, onto)); }
int cunix_pipe(int ends[2]) { return pipe(ends) == -1 ? -1 : (close_on_exec(ends[0]), close_on_exec(ends[1]), 0); }

int cunix_accept(int listener) {
    int fd = close_on_exec(accept(listener, NULL, NULL));
    return fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == -1 ? -1 : fd;
}
#endif
