import DaemonCore
import Supervision
import Unix

/// What makes one session start_server's, another one masterd's or that of a daemon with workers.
package struct FrontEnd {
    /// Where its setups come from.
    package let source: any MasterSource
    package let version: String
    /// In this order when several came at once.
    package let signals: [(signal: Signal, meaning: SignalMeaning)]
    package var words: any SessionWords = MasterWords()
    package var dialect = EnvironmentDialect.master
    /// Its own commands; one of them takes the place of the session's of the same words.
    package var commands: (Session) -> [ControlCommand] = { _ in [] }
    /// First words of those commands of a session that it does without.
    package var omittedCommands: Set<String> = []
    /// Bound by the start; those of a setup come besides.
    package var controls: [ControlSocketRequest] = []
    package var statusFile: StatusFile?
    /// A service manager keeps the listeners for the next start, which takes them over.
    package var storesListeners = true
    /// While somebody waits for the start, its first failure is its end; nobody tries again.
    package var endsWithFailedStart = false
    /// Of the code that the engine ends with.
    package var exitCode: (Int32) -> Int32 = { $0 }
    /// Called with what became of an upgrade: nil, or why there was none.
    package var upgradeEnded: (String?) -> Void = { _ in }

    package init(
        source: any MasterSource, version: String, signals: [(signal: Signal, meaning: SignalMeaning)]
    ) {
        self.source = source
        self.version = version
        self.signals = signals
    }
}

/// What a signal asks of a session.
package enum SignalMeaning {
    case stop(StopRequest)
    /// TERM for the children.
    case interrupt
    /// The logs of all, and nothing else.
    case reopenLogs
    /// The same, and every daemon of ours runs its reload handlers; where it `reloads`, a new generation follows.
    case hangUp(reloads: Bool)
    case reload
    case upgrade
    /// An upgrade where another executable lies in the place of ours.
    case reloadOrUpgrade
    case pause(Bool)
}

extension FrontEnd {
    /// HAProxy's signals: section 3 of the master-worker specification. `softStop` is what SIGUSR1 sends to children; nil
    /// sends each its own stop signal.
    static func masterSignals(softStop: Signal?, reloads: Bool) -> [(signal: Signal, meaning: SignalMeaning)] {
        let (now, soft) = (Signal.interrupt.rawValue, Signal.user1.rawValue)
        return [
            (.interrupt, .stop(StopRequest(.now, signal: now, timeout: .seconds(2), cause: now, exitCode: 130))),
            (.quit, .stop(StopRequest(.now, signal: now, timeout: .seconds(2), cause: now, exitCode: 130))),
            (.terminate, .stop(StopRequest(.graceful, cause: Signal.terminate.rawValue))),
            (.user1, .stop(StopRequest(.soft, signal: softStop?.rawValue, cause: soft))),
            (.hangup, .hangUp(reloads: reloads)), (.user2, .reloadOrUpgrade),
            (.terminalOutput, .pause(true)), (.terminalInput, .pause(false)),
        ]
    }

    /// masterd's: SIGHUP is a reload, too.
    package static func configured(_ source: any MasterSource, version: String) -> FrontEnd {
        FrontEnd(source: source, version: version, signals: masterSignals(softStop: nil, reloads: true))
    }

    /// Of `--workers`.
    package static func workers(_ source: any MasterSource, version: String) -> FrontEnd {
        FrontEnd(source: source, version: version, signals: masterSignals(softStop: .user1, reloads: false))
    }
}

/// What a start hands to its session.
package struct SessionParts {
    package let image: MasterImage
    package let log: any SessionLog
    package let manager: ServiceManager
    package let signals: SignalPipe
    package var pidFile: PidFile?
    /// To the launcher, until the first generation serves.
    package var report: ReadinessReport?
    /// A command that reads what standard output and error take.
    package var logCommand: LogCommand?
    /// Writes the last line of the log.
    package var farewell: (() -> Void)?
    /// Removes the pid file, last of all, and ends the process.
    package let end: (Int32) -> Never

    package init(
        image: MasterImage, log: any SessionLog, manager: ServiceManager, signals: SignalPipe,
        end: @escaping (Int32) -> Never
    ) {
        self.image = image
        self.log = log
        self.manager = manager
        self.signals = signals
        self.end = end
    }

    /// Nothing is written any more, and whoever reads the log may see its end.
    func finishLog() {
        log.finish()
        guard let farewell else { return }
        farewell()
        log.finish()
    }
}
