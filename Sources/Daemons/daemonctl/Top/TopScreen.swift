import DaemonKit
import Text
import Unix

/// `top` at a terminal: the table is drawn anew in place, until q, Ctrl-C or a signal.
struct TopScreen {
    let daemons: [ConfiguredDaemon]
    let interval: Duration

    private static let quitKeys = Array("qQ\u{3}\u{4}".utf8)
    private static let endings: [Signal] = [.terminate, .interrupt, .hangup]

    // The other screen without a cursor, and back. console_codes(4)
    private static let enter = "\u{1B}[?1049h\u{1B}[?25l"
    private static let leave = "\u{1B}[?25h\u{1B}[?1049l"

    func run() throws(Errno) {
        let signals = try SignalPipe()
        for signal in Self.endings + [.windowChange] { signals.catches(signal) }
        let keys = Terminal(readingKeys: 0)
        defer {
            keys?.restore()
            try? Descriptor.writeAll(1, Self.leave)
        }
        try Descriptor.writeAll(1, Self.enter)
        var sample = TopSample(daemons)
        while true {
            try draw(sample)
            guard try pause(signals, hasKeys: keys != nil, sample) else { return }
            sample = TopSample(daemons, since: sample)
        }
    }

    /// False when it is to end.
    private func pause(_ signals: SignalPipe, hasKeys: Bool, _ sample: TopSample) throws(Errno) -> Bool {
        let deadline = MonotonicTime.now + interval
        while case let left = deadline - .now, left > .zero {
            let ready = Poll.readable([hasKeys ? 0 : -1, signals.descriptor], timeout: left)
            if ready[0] {  // bounded: as many as were asked for
                var buffer = [UInt8](repeating: 0, count: 64)
                let count = try Descriptor.read(0, into: &buffer)
                if count == 0 || buffer[..<count].contains(where: Self.quitKeys.contains) { return false }
            }
            if ready[1] {  // bounded: as many as were asked for
                signals.drain()
                if Self.endings.contains(where: signals.take) { return false }
                if signals.take(.windowChange) { try draw(sample) }
            }
        }
        return true
    }

    private func draw(_ sample: TopSample) throws(Errno) {
        let size = Terminal.size(1) ?? (24, 80)
        let time = WallTime.now.local
        let clock = [time.hour, time.minute, time.second].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
        let title = "daemonctl top  \(clock)  every \(DurationText.text(interval)), q ends"
        let lines = ([title, ""] + sample.table.lines).prefix(size.rows)  // bounded: the terminal says more than 0
        // bounded: the terminal says more than 0
        let shown = lines.map { "\($0.prefix(size.columns))\u{1B}[K" }.joined(separator: "\n")
        try Descriptor.writeAll(1, "\u{1B}[H\(shown)\u{1B}[J")
    }
}
