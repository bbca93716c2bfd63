import DaemonCore

/// What a program's manual page says besides its options.
package struct ManualNotes: Sendable {
    /// 1 for everybody's programs, 8 for administrators'.
    package var section: Int
    package var synopsis: [String]
    package var description: [String]
    package var files: [ManualPage.Entry]
    package var environment: [ManualPage.Entry]
    package var signals: [ManualPage.Entry]
    package var exitStatus: [ManualPage.Entry]
    /// Pages, as `masterd(8)`.
    package var seeAlso: [String]

    package init(
        section: Int, synopsis: [String], description: [String], environment: [ManualPage.Entry] = [],
        files: [ManualPage.Entry] = [],
        signals: [ManualPage.Entry] = [], exitStatus: [ManualPage.Entry] = [],
        seeAlso: [String] = []
    ) {
        self.section = section
        self.synopsis = synopsis
        self.description = description
        self.environment = environment
        self.files = files
        self.signals = signals
        self.exitStatus = exitStatus
        self.seeAlso = seeAlso
    }

    /// The page, with the options between what it is and what it touches.
    package func page(_ daemon: Daemon, _ options: [ManualPage.Section]) -> ManualPage {
        ManualPage(
            daemon.name, section: section, version: daemon.version, summary: daemon.summary, synopsis: synopsis,
            sections: [ManualPage.Section("DESCRIPTION", description)] + options + [
                ManualPage.Section("ENVIRONMENT", [], environment),
                ManualPage.Section("FILES", [], files),
                ManualPage.Section("SIGNALS", [], signals),
                ManualPage.Section("EXIT STATUS", [], exitStatus),
                ManualPage.Section("SEE ALSO", seeAlso.isEmpty ? [] : [seeAlso.joined(separator: ", ")]),
            ])
    }
}

extension ManualNotes {
    /// What holds for every daemon of this library.
    package static func daemon(_ daemon: Daemon, offers options: [OptionDefinition]) -> ManualNotes {
        let names = Set(options.map(\.name))
        return ManualNotes(
            section: 8, synopsis: ["[OPTIONS]"], description: description(daemon, names), files: files(daemon, names),
            signals: names.contains("workers") ? signals + workerSignals : signals, exitStatus: exitStatus(names),
            seeAlso: ["daemonctl(1)", "start_server(1)", "masterd(8)", "systemd.service(5)", "logrotate(8)"].filter {
                !$0.hasPrefix("\(daemon.name)(")
            })
    }

    private static func description(_ daemon: Daemon, _ names: Set<String>) -> [String] {
        let summary = daemon.summary.isEmpty ? "\(daemon.name) is a daemon." : daemon.summary
        var paragraphs = [
            summary,
            """
            The command returns when the daemon serves in the background, or says why it does not and leaves nothing
            behind. With --foreground it stays where it is started, as systemd and containers want it.
            """,
        ]
        if !daemon.listens.isEmpty {
            paragraphs.append(
                """
                Sockets that are handed down are taken instead of new ones: those of systemd (LISTEN_FDS), of
                start_server (SERVER_STARTER_PORT) and of masterd.
                """)
        }
        return paragraphs
    }

    private static func files(_ daemon: Daemon, _ names: Set<String>) -> [ManualPage.Entry] {
        let name = daemon.name
        var files = [
            ("/run/\(name).pid", "The pid file, locked while the daemon runs; /run/\(name)/\(name).pid in its unit."),
            ("/var/log/\(name).log", "The log; /var/log/\(name)/\(name).log in its unit."),
            (
                "/tmp/\(name)-UID/\(name).pid, $XDG_STATE_HOME/\(name).log",
                "The same where it is not root who starts it."
            ),
            ("/etc/default/\(name)", "DAEMON_OPTS: more options for the init script and the systemd unit."),
        ]
        if names.contains("print-service") {
            files.append(("/etc/daemonkit/\(name).conf", "How daemonctl(1) knows the daemon."))
        }
        return files
    }

    private static let signals: [ManualPage.Entry] = [
        ("TERM, INT, QUIT", "A graceful stop; a second one ends it at once. --stop, asked again, only waits."),
        ("HUP", "Opens the log anew, then reloads; from a terminal that is gone, it is a stop."),
        ("USR1, USR2", "Leave a warning in the log where the daemon has no use for them."),
        ("PIPE", "Is ignored."),
    ]

    private static let workerSignals: [ManualPage.Entry] = [
        ("USR1", "With --workers: a stop that waits for the work in progress, however long that takes."),
        (
            "USR2",
            "With --workers: new workers, and the end of the old ones when these serve; before that the executable, "
                + "where a new one was installed."
        ),
        ("TTOU, TTIN", "With --workers: all workers pause, and resume."),
    ]

    private static func exitStatus(_ names: Set<String>) -> [ManualPage.Entry] {
        var codes = [
            ("0", "The daemon serves, or has ended after SIGTERM; what was asked for is done."),
            ("1", "It could not be started, or has failed."),
            ("2", "A mistake on the command line; all of them are named, and nothing was made."),
            ("130", "It has ended after SIGINT."),
        ]
        if names.contains("status") {
            codes.append(
                (
                    "of --status",
                    "0: it runs. 1: it is dead, and its pid file is there. 3: it does not run. 4: it cannot be told."
                ))
        }
        return codes
    }
}

extension HelpText {
    /// From the same tables as the help.
    package func manual(_ notes: ManualNotes?) -> String {
        let notes = notes ?? .daemon(daemon, offers: options)
        let rows = definitions.map { ($0, manualTag($0)) }
        var sections: [ManualPage.Section] = []
        if let commands {
            sections.append(
                ManualPage.Section("COMMANDS", [], commands.commands.map { ($0.usage, sentenceEnd($0.help)) }))
        }
        sections.append(ManualPage.Section("OPTIONS", [], rows.map { ($0.1, sentenceEnd(sentence($0.0))) }))
        if let operand {
            sections.append(ManualPage.Section("OPERANDS", [], [(operand.name, sentenceEnd(operand.help))]))
        }
        return notes.page(daemon, sections).text
    }

    private func manualTag(_ option: OptionDefinition) -> String {
        let short = option.short.map { "-\($0), " } ?? ""
        return short + "--\(option.name)" + (option.argument.map { "=\($0)" } ?? "")
    }

    private func sentenceEnd(_ text: String) -> String { text.hasSuffix(".") ? text : "\(text)." }
}
