import DaemonKit
import DeploymentFiles

/// daemonctl(1), besides its commands and options.
enum Manual {
    static let notes = ManualNotes(
        section: 1, synopsis: ["COMMAND [NAME...] [OPTIONS]", "COMMAND PATH [-- ARGUMENT...]"],
        description: [
            "Starts, stops and asks daemons: those that have a file NAME.conf in /etc/daemonkit, or by their paths.",
            """
            Where systemd runs a daemon, systemd is asked to start and stop it; elsewhere daemonctl calls the daemon's own
            command, which returns when it serves. Whether a daemon runs is told by the lock of its pid file. A restart
            or reload with wrong options is refused, and leaves the running daemon alone.
            """,
            """
            A file in /etc/daemonkit has a keyword and its value on each line: command, check, pid-file, log-file,
            control-socket, unit, order, start-timeout, stop-timeout, user, group. Every daemon of this library prints
            its own with --print-service daemonctl.
            """,
        ],
        environment: [("DAEMONKIT_CONFIG", "The directory of the files, instead of /etc/daemonkit.")],
        files: [("/etc/daemonkit/NAME.conf", "The daemons that are known; --config-directory names another.")],
        exitStatus: [
            ("0", "Done; of status: it runs."),
            ("1", "It failed; of status: it is dead, and its pid file is there; of check: it does not run."),
            ("2", "A mistake on the command line."),
            ("3", "Of status: it does not run."),
            ("4", "No permission; of status: it cannot be told."),
            ("5", "It is not installed."),
            ("6", "Its options or its configuration are wrong, or there are none."),
            ("7", "It does not run, and should."),
        ],
        seeAlso: ["echod(8)", "masterd(8)", "start_server(1)", "systemctl(1)", "service(8)"]
    )
}
