// producer LINES PER-WRITE RESULT: writes numbered lines of 100 bytes to standard output, so many in each write(2), until
// the reader of the pipe has taken the last one. RESULT gets the nanoseconds that this took.
// producer stamp: the floor. Reads standard input, puts the time of each read before its lines, and writes whole lines.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { LENGTH = 100 };

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void put(const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(1, bytes, count);
        if (written <= 0) exit(1);
        bytes += written;
        count -= (size_t)written;
    }
}

static int stamp(void) {
    static char in[1 << 16], out[1 << 18];
    size_t have = 0;
    ssize_t count;
    while ((count = read(0, in + have, sizeof in - have)) > 0) {
        struct timespec time;
        char head[64];
        size_t length = 0;
        have += (size_t)count;
        clock_gettime(CLOCK_REALTIME, &time);
        size_t size = strftime(head, sizeof head, "%Y-%m-%d %H:%M:%S", gmtime(&time.tv_sec));
        size += (size_t)sprintf(head + size, ",%06ld UTC: stamp pid=%d INFO a: ", time.tv_nsec / 1000, getpid());
        char *line = in, *end;
        while ((end = memchr(line, '\n', have - (size_t)(line - in)))) {
            memcpy(out + length, head, size);
            memcpy(out + length + size, line, (size_t)(end + 1 - line));
            length += size + (size_t)(end + 1 - line);
            line = end + 1;
        }
        put(out, length);
        have -= (size_t)(line - in);
        memmove(in, line, have);
    }
    return 0;
}

int main(int count, char **words) {
    if (count == 2 && !strcmp(words[1], "stamp")) return stamp();
    if (count != 4) return 2;
    long lines = atol(words[1]), share = atol(words[2]);
    char *bytes = malloc((size_t)(share * LENGTH));
    const long long start = now();
    for (long line = 0; line < lines; line += share) {
        for (long index = 0; index < share; index++) {
            char *place = bytes + index * LENGTH;
            memset(place, 'x', LENGTH - 1);
            long number = line + index;
            for (int digit = 7; digit >= 0; digit--, number /= 10) place[digit] = (char)('0' + number % 10);
            place[8] = ' ';
            place[LENGTH - 1] = '\n';
        }
        put(bytes, (size_t)(share * LENGTH));
    }
    int left = 1;
    const struct timespec moment = {0, 20000};
    while (ioctl(1, FIONREAD, &left) == 0 && left > 0) nanosleep(&moment, NULL);
    FILE *result = fopen(words[3], "w");
    if (!result || fprintf(result, "%lld\n", now() - start) < 0 || fclose(result) != 0) return 1;
    return 0;
}
