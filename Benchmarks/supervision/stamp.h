/* What a worker says of itself: one line into the FIFO that BENCH_STAMP names; times are CLOCK_MONOTONIC's, in ns.
 *     S pid parent generation start main ready     it runs; start: BENCH_START, see worker.c; ready: 0 for unknown
 *     T pid parent generation time                 it was told to end
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long long number(const char *variable)
{
    const char *text = getenv(variable);
    return text ? atoll(text) : 0;
}

static void stamp(char kind, const char *times)
{
    char line[256];
    const char *path = getenv("BENCH_STAMP");
    int length = snprintf(line, sizeof line, "%c %d %d %lld %s\n", kind, (int)getpid(), (int)getppid(),
                          number("SERVER_STARTER_GENERATION"), times);
    int fifo = path ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (fifo < 0 || write(fifo, line, length) != length)
        perror("stamp");
    close(fifo);
}

static void stamp_start(long long begun, long long ready)
{
    char times[96];
    snprintf(times, sizeof times, "%lld %lld %lld", number("BENCH_START"), begun, ready);
    stamp('S', times);
}
