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
        if let pidVariable { variables.append(Array("\(pidVariable)=           ".utf8)) }
        let reports = report.map { [(child: $0, ours: $0)] } ?? []
        let moves = (moves + reports).sorted { $0.child < $1.child }
        let numbers = moves.flatMap { [$0.ours, $0.child] }
        var failure = Errno(rawValue: 0)
        let pid = unsafe withStrings(variables) { strings in
            unsafe numbers.withUnsafeBufferPointer { numbers in
                unsafe withAccount { groups in
                    unsafe withLimit { limit in
                        var program = unsafe strings
                        if let pidVariable {
                            unsafe program.pid_text = program.environment[variables.count - 1]?.advanced(
                                by: pidVariable.utf8.count + 1)
                        }
                        unsafe program.moves = numbers.baseAddress
                        unsafe program.move_count = Int32(moves.count)
                        unsafe program.report = report ?? -1
                        unsafe program.open_files = limit
                        if let account, let groups = unsafe groups {
                            unsafe program.groups = groups
                            unsafe program.group_count = Int32(account.groups.count)
                            unsafe program.user = account.user
                            unsafe program.group = account.group
                        }
                        unsafe program.death_signal = deathSignal?.rawValue ?? 0
                        unsafe program.leads_group = leadsGroup
                        unsafe program.ignores_pipe = ignoresPipe
                        let pid = unsafe cunix_spawn(&program)
                        if pid == -1 { failure = .current }
                        return pid
                    }
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
                unsafe Self.withCStrings(variables) { envp in
                    unsafe Self.withCString(executable) { executable in
                        unsafe withDirectory { directory in
                            var program = unsafe cunix_program()
                            unsafe program.executable = executable
                            unsafe program.directory = directory
                            unsafe program.arguments = UnsafePointer(argv)
                            unsafe program.script = runsScripts ? UnsafePointer(script) : nil
                            unsafe program.environment = UnsafePointer(envp)
                            return unsafe body(program)
                        }
                    }
                }
            }
        }
    }

    private func withAccount<Result>(_ body: (UnsafePointer<GroupID>?) -> Result) -> Result {
        guard let account else { return body(nil) }
        // Never nil, even without further groups: nil means that the user stays.
        return unsafe (account.groups + [account.group]).withUnsafeBufferPointer { unsafe body($0.baseAddress) }
    }

    private func withDirectory<Result>(_ body: (UnsafePointer<CChar>?) -> Result) -> Result {
        guard let directory else { return body(nil) }
        return unsafe Self.withCString(directory) { unsafe body($0) }
    }

    private func withLimit<Result>(_ body: (UnsafePointer<rlimit>?) -> Result) -> Result {
        guard let limit = Limits.openFilesOfChildren else { return body(nil) }
        return unsafe withUnsafePointer(to: limit) { unsafe body($0) }
    }
}
#endif
