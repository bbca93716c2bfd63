// Only what Swift cannot call: macros, variadic or hidden functions, and code that runs inside a signal handler.
#ifndef CUNIX_H
#define CUNIX_H
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <link.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#endif

// fork(2), by the only thread. Swift's locks keep its id, under which a child would spin for ever: the child forgets it.
// Other thread-local words that happen to be the id are lost where they are Swift's or the program's own.
pid_t cunix_fork(void);

// The next descriptor from `first` on that was open when the program was loaded, or -1.
int cunix_inherited(int first);

#ifdef __linux__
// Swift's own getter traps where there is none, after clearenv(3).
static inline char **cunix_environ(void) { extern char **environ; return environ; }
long cunix_syscall(long number, long, long, long, long, long, long);  // variadic syscall(2): -1 and errno

// Raw: libc's setuid(3) would tell all threads of a parent whose memory is shared.
struct cunix_call { int step; long number, first, second, third, fourth; };

// A program to start. posix_spawn(3) can neither change the user nor tell the child its own pid (LISTEN_PID). `moves` are
// pairs, ours and the child's, which ascend; all other descriptors are closed.
struct cunix_program {
    char *const *executables, *const *arguments, *const *environment;  // the first that the child may execute
    char **script;  // of /bin/sh for one without #!: its path becomes the second word; NULL: ENOEXEC
    char *const *pid_texts;  // in `environment`: replaced by the child's pid
    const int *moves;
    const struct cunix_call *calls;  // before the exec; each must succeed
    int move_count, call_count, death_signal;  // to the child when we die, 0 for none
    // Of the moves: gets the step and the errno of a failure, is closed by the exec, and nobody waits. -1: vfork(2).
    int report;
    bool leads_group, ignores_pipe;
};
enum { cunix_descriptors = 1, cunix_exec = 4 };  // the steps that are no calls
pid_t cunix_spawn(const struct cunix_program *program);  // -1 and errno
#endif

// One handler marks a signal and wakes the pipe's reader. With the value `cunix_mildly` HUP and TERM are milder; a HUP by the
// kernel or our session is marked in `cunix_terminal_hangup` too.
enum { cunix_mild_hangup = 0, cunix_mild_terminate = 65, cunix_terminal_hangup, cunix_signal_slots, cunix_mildly = 0x10c };

void cunix_signal_pipe(int write_end);
int cunix_signal_catch(int signal);
bool cunix_signal_take(int slot);
// Signals to their default disposition, those that libc hides too.
void cunix_signals_reset(bool only_ignored);

// While armed, SIGTERM, SIGINT and SIGQUIT end a start at once: registered files are removed if they are still the same inode,
// the launcher is told through `report` (or -1), and the process exits with 128 + signal. Everything here is
// async-signal-safe, so it works while the author's prepare closure hangs. Paths are copied.
void cunix_abort_arm(int report);
void cunix_abort_disarm(void);
int cunix_abort_file(int directory, const char *path, dev_t device, ino_t inode);

#endif
