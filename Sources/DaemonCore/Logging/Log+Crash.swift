import Unix

extension Log {
    /// From now on a crash of this process leaves a record that names the signal, with its time.
    package func catchCrashes() {
        CrashLines.install(
            CrashLines.signals.flatMap { signal in
                let record = LogRecord(level: .critical, message: "crashed: \(signal) (\(signal.effect))")
                return lines(of: record).map { line in
                    CrashLines.Line(signal, descriptor: line.descriptor, line.bytes, time: line.time)
                }
            }, secondsFromUTC: WallTime.now.local.offset)
    }
}
