import Unix

/// daemon(7)'s double fork.
package enum Detach {
    package struct Settings {
        package let daemon: String
        package let timeout: Duration
        package let logName: String
        /// nil stays.
        package let directory: String?
        /// nil stays.
        package let umask: UInt32?

        package init(
            daemon: String, timeout: Duration, logName: String, directory: String? = nil, umask: UInt32? = nil
        ) {
            self.daemon = daemon
            self.timeout = timeout
            self.logName = logName
            self.directory = directory
            self.umask = umask
        }
    }

    /// Returns in the daemon only: no session leader, no terminal, stdin from /dev/null. The caller's process becomes
    /// the launcher, which ends when the daemon reports.
    package static func detach(_ settings: Settings, holding pidFile: PidFile?) throws(DaemonError) -> ReadinessReport {
        let ends = try attempt(.process, "cannot make a pipe", FileDescriptor.pipe).release()
        let isSubreaper = CurrentProcess.becomeSubreaper()
        Signal.blockAll()
        let fork = try attempt(.process, "cannot fork", CurrentProcess.fork)
        if case .parent(let intermediate) = fork {
            Descriptor.close(ends.write)
            Launcher(
                daemon: settings.daemon, timeout: settings.timeout, logName: settings.logName, pidFile: pidFile,
                pipe: FileDescriptor(owning: ends.read), intermediate: intermediate, isSubreaper: isSubreaper
            ).wait()
        }
        Descriptor.close(ends.read)
        let report = ReadinessReport(pipe: ends.write)
        do {
            try becomeDaemon(settings, report)
        } catch {
            report.failed(error)
            CurrentProcess.exitNow(1)
        }
        return report
    }

    /// In the first child: a session of its own, and the second fork, whose parent ends at once with signals blocked, so
    /// that no abort of a start runs in it.
    private static func becomeDaemon(_ settings: Settings, _ report: ReadinessReport) throws(DaemonError) {
        try attempt(.process, "cannot start a session", CurrentProcess.startSession)
        let fork = try attempt(.process, "cannot fork a second time", CurrentProcess.fork)
        if case .parent = fork { CurrentProcess.exitNow(0) }
        report.started(pid: CurrentProcess.id)
        try attempt(.process, "cannot catch signals") { () throws(Errno) in
            try StartAbort.arm(report: report.descriptor)
        }
        Signal.unblockAll()
        if let directory = settings.directory {
            try attempt(.process, "cannot change to \(directory)") { () throws(Errno) in
                try Files.changeDirectory(directory)
            }
        }
        if let umask = settings.umask { Files.setUmask(FileMode(umask)) }  // bounded: 0o777 at the most
        try attempt(.descriptors, "cannot read from /dev/null") { () throws(Errno) in
            let null = try FileDescriptor.open("/dev/null", .readWrite)
            try Descriptor.duplicate(null.number, ontoStandard: 0)
        }
    }
}
