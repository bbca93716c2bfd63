/* LD_PRELOAD for programs that cannot be asked otherwise; runs as the first thing in main.
 *
 * BENCH_STAMP_IN=NAME: a program of this name stamps its start, for a worker that knows nothing of stamps.
 * BENCH_BALLAST=BYTES: so much resident memory, in small pages; for this process only, not for its children.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "stamp.h"

typedef int entry(int, char **, char **);

static entry *real_main;

static void take_ballast(size_t bytes)
{
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("ballast");
        exit(1);
    }
    madvise(memory, bytes, MADV_NOHUGEPAGE);
    for (size_t offset = 0; offset < bytes; offset += 4096)
        memory[offset] = 1;
    unsetenv("BENCH_BALLAST");
    unsetenv("LD_PRELOAD");
}

static int first_main(int count, char **arguments, char **environment)
{
    const char *name = getenv("BENCH_STAMP_IN");
    if (name && strcmp(name, program_invocation_short_name) == 0)
        stamp_start(now(), 0);
    if (number("BENCH_BALLAST"))
        take_ballast(number("BENCH_BALLAST"));
    return real_main(count, arguments, environment);
}

int __libc_start_main(entry *main, int count, char **arguments, void (*init)(void), void (*end)(void),
                      void (*end_linker)(void), void *stack)
{
    int (*start)(entry *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *) =
        (__typeof__(start))dlsym(RTLD_NEXT, "__libc_start_main");
    real_main = main;
    return start(first_main, count, arguments, init, end, end_linker, stack);
}
