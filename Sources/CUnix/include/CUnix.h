// Only what Swift cannot call: macros, variadic or hidden functions, and code that runs inside a signal handler.
#ifndef CUNIX_H
#define CUNIX_H
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#ifdef __linux__
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#endif

// fork(2), by the only thread. Swift's locks keep its id, under which a child would spin for ever: the child forgets it.
pid_t cunix_fork(void);

// Unmaps code that only the start touched; what is needed comes back page by page. madvise(2)
void cunix_release_code(void);

// The W* macros are not imported.
static inline bool cunix_exited(int status) { return WIFEXITED(status); }
static inline int cunix_exit_code(int status) { return WEXITSTATUS(status); }
static inline int cunix_term_signal(int status) { return WTERMSIG(status); }

#ifdef __linux__
// Swift's own getter traps where there is none, after clearenv(3).
static inline char **cunix_environ(void) { extern char **environ; return environ; }
long cunix_syscall(long number, long first, long second, long third, long fourth);  // variadic syscall(2): -1 and errno
long cunix_write_now(int file, const void *part);  // pwritev2(2) of one struct iovec that never waits: -1 and errno

// A program to start. posix_spawn(3) can neither change the user nor tell the child its own pid (LISTEN_PID). `moves` are
// pairs, ours and the child's, which ascend; all other descriptors are closed.
struct cunix_program {
    const char *executable, *directory;
    char *const *arguments, *const *script, *const *environment;  // `script`: of /bin/sh for one without #!; NULL: ENOEXEC
    char *pid_text;  // in `environment`: replaced by the child's pid; NULL for none
    const int *moves;
    int move_count, group_count, death_signal;  // to the child when we die, 0 for none
    // Of the moves: gets the step and the errno of a failure, is closed by the exec, and nobody waits. -1: vfork(2).
    int report;
    const struct rlimit *open_files;  // NULL: ours
    const gid_t *groups;  // NULL: the user stays
    uid_t user;
    gid_t group;
    bool leads_group, ignores_pipe;
};
enum cunix_step { cunix_descriptors = 1, cunix_account, cunix_directory, cunix_exec };
pid_t cunix_spawn(const struct cunix_program *program);  // -1 and errno
#endif

// One handler marks a signal and wakes the pipe's reader. A SIGHUP with the value `cunix_reopen_only` is marked in slot 0.
enum { cunix_signal_slots = 65, cunix_reopen_only = 0x10c };

void cunix_signal_pipe(int write_end);
int cunix_signal_catch(int signal);
bool cunix_signal_take(int slot);
// Every signal to its default disposition, those that libc hides too.
void cunix_signals_reset(void);

// While armed, SIGTERM and SIGINT end a start at once: registered files are removed if they are still the same inode,
// the launcher is told through `report` (or -1), and the process exits with 128 + signal. Everything here is
// async-signal-safe, so it works while the author's prepare closure hangs. Paths are copied.
void cunix_abort_arm(int report);
void cunix_abort_disarm(void);
int cunix_abort_file(int directory, const char *path, dev_t device, ino_t inode);

#endif
