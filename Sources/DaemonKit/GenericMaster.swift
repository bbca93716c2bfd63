import Unix

/// What a master's front end has when its children may be started.
package struct MasterStart {
    package let values: OptionValues
    package let log: Log
}

/// What a front end wants of its master.
package struct MasterWishes {
    package let source: any MasterSource
    package var controls: [ControlSocketRequest] = []
    /// SIGHUP is a reload, besides the reopening of the log.
    package var reloadsOnHangup = false

    package init(source: any MasterSource) { self.source = source }
}

/// A daemon whose main is the supervision of other processes: the same start as `genericMain`, one thread for life.
package func genericMaster<Checked>(
    _ daemon: Daemon, options: OptionList, check: (OptionValues) throws -> Checked,
    wishes: (MasterStart, Checked) throws -> MasterWishes
) -> Never {
    let values = CommandLineInterface(daemon, options).read(CommandLine.arguments)
    var start = Start(daemon, values)
    do {
        try start.refuseSecondThread()
        start.actOnRunningInstance()
        try start.resolveAccount()
        try start.takeInheritance()
        let checked = try check(values)
        if values[StandardOption.check] { CurrentProcess.exit(0) }
        try start.becomeChildOfFirstProcess()
        try start.lockPidFile()
        try start.detach()
        try start.openLog()
        try start.writePidFile()
        let context = try start.makeContext()
        try start.supervise(try wishes(MasterStart(values: values, log: context.log), checked))
    } catch {
        start.fail(DaemonError(wrapping: error))
    }
}
