import DaemonKit
import DeploymentFiles

/// start_server(1): the help, with what a terminal has no room for.
enum Manual {
    static let page = ManualPage(
        "start_server", section: 1, version: "(DaemonKit) \(releaseVersion)",
        summary: "keeps a server running and replaces it without closing its sockets",
        synopsis: [
            "[OPTIONS] [--] PROGRAM [ARGUMENT]...", "--restart|--stop|--upgrade|--send-signal=SIGNAL [OPTIONS]",
        ],
        sections: [ManualPage.Section("DESCRIPTION", Help.paragraphs)] + Help.sections + [
            ManualPage.Section("ENVIRONMENT", [], environment),
            ManualPage.Section("FILES", [], files),
            ManualPage.Section("SIGNALS", [], signals),
            ManualPage.Section("EXIT STATUS", [], exitStatus),
            ManualPage.Section("SEE ALSO", ["echod(8), masterd(8), daemonctl(1), systemd.service(5), sd_notify(3)"]),
        ])

    // MARK: The help

    /// The help's text, taken apart: paragraphs, then titles with their options.
    private enum Help {
        /// Where an option's text begins.
        private static let column = 33
        private static let blocks = HelpText.help.split(separator: "\n", omittingEmptySubsequences: false)
            .split(separator: "").map(Array.init)

        /// Those before and behind the options, but for the usage.
        static var paragraphs: [String] {
            let usage = blocks[0].drop { $0.contains("start_server ") }  // bounded: of our own text
            let texts = [Array(usage)] + blocks.dropFirst().filter { !isTable($0) }
            return texts.map { $0.joined(separator: " ") }
        }

        static var sections: [ManualPage.Section] {
            let head = ManualPage.Section("OPTIONS", ["Those of Server::Starter, and then those that it has not."])
            return [head]
                + blocks.filter(isTable).map { block in
                    // bounded: of our own text
                    ManualPage.Section(String(block[0].dropLast()), [], options(block.dropFirst()), isPart: true)
                }
        }

        // bounded: of our own text
        private static func isTable(_ block: [Substring]) -> Bool { block[0].hasSuffix(":") }

        private static func options(_ lines: ArraySlice<Substring>) -> [ManualPage.Entry] {
            var entries: [ManualPage.Entry] = []
            for line in lines {
                let text = line.dropFirst(column)  // bounded: of our own text
                if line.hasPrefix("  --") {
                    // bounded: of our own text
                    let tag = line.prefix(column).split(separator: " ").joined(separator: " ")
                    entries.append((tag, String(text)))
                } else if !entries.isEmpty {
                    entries[entries.count - 1].text += " \(text)"
                }
            }
            return entries
        }
    }

    /// What the help says of an option, as far as there is room for it beside a word that a shell offers.
    static func phrase(about option: String) -> String {
        let entries = Help.sections.flatMap(\.entries)
        let entry = entries.first { entry in
            entry.tag.split(separator: " ").contains { word in
                word.prefix { $0 != "=" && $0 != "," } == "--\(option)"
            }
        }
        let text = entry?.text.prefix { !";:(".contains($0) } ?? ""
        let words = text.split(separator: " ").joined(separator: " ")
        return words.prefix(1).uppercased() + words.dropFirst()
    }

    // MARK: What it touches

    private static let environment: [ManualPage.Entry] = [
        ("ENVDIR, ENABLE_AUTO_RESTART, AUTO_RESTART_INTERVAL, KILL_OLD_DELAY", "Read: instead of these options."),
        (
            "SERVER_STARTER_PORT, SERVER_STARTER_GENERATION",
            "Given to workers: the sockets as KEY=FD, and a count from 1."
        ),
        (
            "LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES",
            "Given to workers whose sockets are 3, 4 and so on: sd_listen_fds(3)."
        ),
        ("NOTIFY_SOCKET", "Given to workers with --readiness=notify; from systemd its own: sd_notify(3)."),
    ]

    private static let files: [ManualPage.Entry] = [
        ("/etc/start_server/NAME.conf", "What the unit start_server@NAME.service runs, and with which options."),
        ("/etc/start_server/NAME.env/", "The directory of its variables."),
        ("--pid-file, --status-file, --log-file, --control-socket", "There is none of these unless it is asked for."),
    ]

    private static let signals: [ManualPage.Entry] = [
        ("HUP", "Starts a new worker; when it serves, the old ones are told to end."),
        ("TERM", "Ends all workers by --signal-on-term, then start_server; sent again a second later, it kills them."),
        ("INT, QUIT", "The same, by SIGTERM."),
        ("USR1", "Opens the log anew."),
        ("USR2", "Replaces start_server by the installed one, with the same pid, sockets and workers."),
    ]

    private static let exitStatus: [ManualPage.Entry] = [
        ("0", "It has stopped, or the command has succeeded."),
        (
            "1",
            "An option that cannot be read; with --daemonize the first worker failed; --restart or --upgrade is not done."
        ),
        ("255", "Wrong use: no program, a bad port, a name that does not resolve, an unknown user."),
        ("others", "The errno of the call that failed, such as 11: it is running already. errno(3)"),
    ]
}
