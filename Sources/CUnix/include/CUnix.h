// Only what Swift cannot call: macros, variadic or hidden functions, and code that runs inside a signal handler.
#ifndef CUNIX_H
#define CUNIX_H

#include <spawn.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#ifdef __linux__
#include <sys/epoll.h>
#endif

// fork(2), by the only thread. Swift's locks (Mutex, lazy globals) keep the thread's id in thread-local storage, which fork
// copies: the child would lock under its parent's id, and spin for ever at the first contention. So the child forgets it.
pid_t cunix_fork(void);

// Unmaps code that only the start touched; what is needed comes back page by page. madvise(2)
void cunix_release_code(void);

// The W* macros are not imported.
static inline bool cunix_exited(int status) { return WIFEXITED(status); }
static inline int cunix_exit_code(int status) { return WEXITSTATUS(status); }
static inline int cunix_term_signal(int status) { return WTERMSIG(status); }

// pipe2(2), accept4(2), dup3(2) hide behind _GNU_SOURCE; Darwin has none of them. Descriptors are close-on-exec.
int cunix_pipe(int ends[2]);
int cunix_accept(int listener);
int cunix_duplicate(int from, int onto);

#ifdef __GLIBC__
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);  // needs _GNU_SOURCE
#endif

// close_range(2): -1 and ENOSYS where the system has none.
int cunix_close_range(unsigned first, unsigned last);

// pidfd_open(2) and pidfd_send_signal(2): -1 and ENOSYS where the system has none. A queued signal carries `value`.
int cunix_pidfd_open(pid_t pid);
int cunix_pidfd_signal(int pidfd, int signal, bool queued, int value);

// prctl(2) PR_SET_CHILD_SUBREAPER: orphans of this process become its children. -1 where the system has none.
int cunix_become_subreaper(void);

// Signals. One handler for all: it marks the signal as pending and wakes the reader of the pipe.
// A SIGHUP queued with the value `cunix_reopen_only` is kept apart, in slot 0.
enum { cunix_signal_slots = 65, cunix_reopen_only = 0x10c };

void cunix_signal_pipe(int write_end);
int cunix_signal_catch(int signal);
bool cunix_signal_take(int slot);
int cunix_signal_default(int signal);
// Every signal to its default disposition, those that libc hides too.
void cunix_signals_reset(void);
// A handler that does nothing, instead of SIG_IGN: exec(3) gives the child the default disposition back.
int cunix_signal_discard(int signal);

// While armed, SIGTERM and SIGINT end a start at once: registered files are removed if they are still the same inode,
// the launcher is told through `report` (or -1), and the process exits with 128 + signal. Everything here is
// async-signal-safe, so it works while the author's prepare closure hangs. Paths are copied.
void cunix_abort_arm(int report);
void cunix_abort_disarm(void);
int cunix_abort_file(int directory, const char *path, dev_t device, ino_t inode);

#endif
