/*
 * A daemon that does nothing, written on libdaemon the way its manual asks for: the peer of echod in the outside
 * conformance suite.
 *
 *     libdaemon_peer PIDFILE       start
 *     libdaemon_peer -k PIDFILE    stop
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>

#include <libdaemon/daemon.h>

enum { READY = 0, PID_FILE_FAILED = 1, SIGNALS_FAILED = 2 };

static const char *pid_file;

static const char *pid_file_path(void) {
    return pid_file;
}

static int stop(void) {
    if (daemon_pid_file_kill_wait(SIGTERM, 5) < 0) {
        daemon_log(LOG_ERR, "cannot stop the daemon: %s", strerror(errno));
        return 1;
    }
    return 0;
}

/* Waits for signals until one of them asks for the end. */
static void serve(void) {
    for (;;) {
        fd_set readable;
        int descriptor = daemon_signal_fd();
        FD_ZERO(&readable);
        FD_SET(descriptor, &readable);
        if (select(descriptor + 1, &readable, NULL, NULL, NULL) < 0) {
            if (errno == EINTR) continue;
            return;
        }
        if (daemon_signal_next() != SIGHUP) return;
        daemon_log(LOG_INFO, "got a SIGHUP");
    }
}

/* The daemon's life after the fork; tells the launcher how the start went. */
static int live(void) {
    if (daemon_close_all(-1) < 0 || daemon_pid_file_create() < 0) {
        daemon_log(LOG_ERR, "cannot create %s: %s", pid_file, strerror(errno));
        daemon_retval_send(PID_FILE_FAILED);
        return 1;
    }
    if (daemon_signal_init(SIGINT, SIGTERM, SIGQUIT, SIGHUP, 0) < 0) {
        daemon_log(LOG_ERR, "cannot handle signals: %s", strerror(errno));
        daemon_retval_send(SIGNALS_FAILED);
        daemon_pid_file_remove();
        return 1;
    }
    daemon_retval_send(READY);
    serve();
    daemon_signal_done();
    daemon_pid_file_remove();
    return 0;
}

static int await_start(void) {
    switch (daemon_retval_wait(20)) {
        case READY: return 0;
        case PID_FILE_FAILED: daemon_log(LOG_ERR, "cannot create %s", pid_file); return 1;
        case SIGNALS_FAILED: daemon_log(LOG_ERR, "cannot handle signals"); return 1;
        default: daemon_log(LOG_ERR, "the daemon says nothing: %s", strerror(errno)); return 1;
    }
}

static int start(void) {
    pid_t running = daemon_pid_file_is_running();
    if (running >= 0) {
        daemon_log(LOG_ERR, "runs already, pid %d", (int)running);
        return 1;
    }
    if (daemon_retval_init() < 0) {
        daemon_log(LOG_ERR, "cannot create the readiness pipe: %s", strerror(errno));
        return 1;
    }
    switch (daemon_fork()) {
        case -1: daemon_retval_done(); return 1;
        case 0: return live();
        default: return await_start();
    }
}

int main(int argc, char **argv) {
    int stopping = argc == 3 && strcmp(argv[1], "-k") == 0;
    if (argc != 2 && !stopping) {
        fprintf(stderr, "usage: %s [-k] PIDFILE\n", argv[0]);
        return 2;
    }
    daemon_log_ident = daemon_ident_from_argv0(argv[0]);
    pid_file = argv[argc - 1];
    daemon_pid_file_proc = pid_file_path;
    if (stopping) return stop();
    if (daemon_reset_sigs(-1) < 0 || daemon_unblock_sigs(-1) < 0) {
        daemon_log(LOG_ERR, "cannot reset the signals: %s", strerror(errno));
        return 1;
    }
    return start();
}
