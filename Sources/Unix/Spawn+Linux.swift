#if os(Linux)
import CUnix

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

extension Spawn {
    /// In C, which can do what posix_spawn(3) cannot: tell the child its pid, change the user, and not wait for the exec.
    func start(moving moves: [(child: Int32, ours: Int32)], reporting report: Int32?) throws(Errno) -> ProcessID {
        var variables = environment ?? Environment.entries
        variables += pidVariables.map { Array("\($0)=           ".utf8) }
        let reports = report.map { [(child: $0, ours: $0)] } ?? []
        let moves = (moves + reports).sorted { $0.child < $1.child }
        let numbers = moves.flatMap { [$0.ours, $0.child] }
        var failure = Errno(rawValue: 0)
        let pid = unsafe withStrings(variables) { strings in
            unsafe numbers.withUnsafeBufferPointer { numbers in
                unsafe withCalls(beside: moves.map(\.child)) { calls in
                    var program = unsafe strings
                    unsafe program.moves = numbers.baseAddress
                    unsafe program.move_count = Int32(moves.count)
                    unsafe program.calls = calls.baseAddress
                    unsafe program.call_count = Int32(calls.count)
                    unsafe program.report = report ?? -1
                    unsafe program.death_signal = deathSignal?.rawValue ?? 0
                    unsafe program.leads_group = leadsGroup
                    unsafe program.ignores_pipe = ignoresPipe
                    let pid = unsafe cunix_spawn(&program)
                    if pid == -1 { failure = .current }
                    return pid
                }
            }
        }
        guard pid > 0 else { throw failure }
        return pid
    }

    /// Everything that is text.
    private func withStrings<Result>(_ variables: [[UInt8]], _ body: (cunix_program) -> Result) -> Result {
        unsafe Self.withCStrings([name ?? executable] + arguments) { argv in
            unsafe Self.withCStrings(["/bin/sh", executable] + arguments) { script in
                unsafe Self.withCStrings([executable] + alternatives) { executables in
                    unsafe Self.withCStrings(variables) { envp in
                        unsafe withPidTexts(envp, variables.count) { texts in
                            var program = unsafe cunix_program()
                            unsafe program.executables = UnsafePointer(executables)
                            unsafe program.arguments = UnsafePointer(argv)
                            unsafe program.script = runsScripts ? script : nil
                            unsafe program.environment = UnsafePointer(envp)
                            unsafe program.pid_texts = texts
                            return unsafe body(program)
                        }
                    }
                }
            }
        }
    }

    /// The values of the last variables, and a null.
    private func withPidTexts<Result>(
        _ variables: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, _ count: Int,
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> Result
    ) -> Result {
        let first = count - pidVariables.count  // bounded: they are among the variables
        let texts: [UnsafeMutablePointer<CChar>?] = unsafe pidVariables.enumerated().map { index, name in
            // bounded: a name in memory
            unsafe variables[first + index]?.advanced(by: name.utf8.count + 1)
        }
        return unsafe (texts + [nil]).withUnsafeBufferPointer { unsafe body($0.baseAddress) }
    }
}
#endif
