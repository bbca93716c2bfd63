import DaemonKit
import DeploymentFiles

/// masterd(8), besides the options.
let manual = ManualNotes(
    section: 8, synopsis: ["[OPTIONS]"],
    description: [
        "Runs, reloads and restarts workers and programs under one master, as masterd.cfg(5) says it.",
        """
        The master binds the sockets and hands them to its workers. At a reload the new workers are started beside the old
        ones, which are told to stop only when the new ones serve. A reload that fails changes nothing.
        """,
        """
        The command returns when every critical worker and program serves, or says why it does not, and leaves nothing
        behind. With --foreground it stays where it is started, as systemd and containers want it; as process 1 it
        reaps orphans too.
        """,
        "With --check all mistakes of the configuration are printed as FILE:LINE: TEXT, and nothing is started.",
    ],
    files: [
        ("/etc/masterd/masterd.cfg", "The configuration, and every keyword explained in it; --config names others."),
        ("/run/masterd.pid", "The pid file, locked while masterd runs; /run/masterd/masterd.pid in its unit."),
        (
            "/var/log/masterd.log",
            "The log, with the output of children without one; /var/log/masterd/masterd.log in its unit."
        ),
        ("/etc/default/masterd", "DAEMON_OPTS: more options for the init script and the systemd unit."),
        ("/etc/daemonkit/masterd.conf", "How daemonctl(1) knows it."),
    ],
    signals: [
        ("TERM", "Stops everything, each in its time: then KILL. A second one, later than a second, kills at once."),
        ("INT, QUIT", "Stops everything now."),
        ("USR1", "A stop without a time limit: each ends when its work is done."),
        ("HUP", "Opens all logs anew, then reloads."),
        ("USR2", "A reload; before it masterd itself is replaced where a new one was installed. The pid stays."),
        ("TTOU, TTIN", "Workers with a channel accept no more clients, and accept again."),
    ],
    exitStatus: [
        ("0", "It serves, or has ended after SIGTERM or when nothing was left to run; what was asked for is done."),
        ("1", "It could not be started, or the configuration has mistakes."),
        ("2", "A mistake on the command line; all of them are named, and nothing was made."),
        ("130", "It has ended after SIGINT."),
        ("N, 128 + N", "A critical worker or program failed for good: its exit status, or 128 and its signal."),
        (
            "of --status",
            "0: it runs. 1: it is dead, and its pid file is there. 3: it does not run. 4: it cannot be told."
        ),
    ],
    seeAlso: ["masterd.cfg(5)", "daemonctl(1)", "start_server(1)", "sd_notify(3)", "systemd.service(5)"])
