#if os(Linux)
import CUnix

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

extension Spawn {
    /// By vfork(2) in C, which can do what posix_spawn(3) cannot: tell the child its pid, and change the user.
    func start(moving moves: [(child: Int32, ours: Int32)]) throws(Errno) -> ProcessID {
        var variables = environment ?? Environment.entries
        if let pidVariable { variables.append(Array("\(pidVariable)=           ".utf8)) }
        let numbers = moves.flatMap { [$0.ours, $0.child] }
        var failure = Errno(rawValue: 0)
        let pid = unsafe Self.withCStrings([name ?? executable] + arguments) { argv in
            unsafe Self.withCStrings(variables) { envp in
                unsafe numbers.withUnsafeBufferPointer { numbers in
                    unsafe withAccount { groups in
                        unsafe executable.withCString { executable in
                            unsafe withDirectory { directory in
                                var program = unsafe cunix_program()
                                unsafe program.executable = executable
                                unsafe program.directory = directory
                                unsafe program.arguments = UnsafePointer(argv)
                                unsafe program.environment = UnsafePointer(envp)
                                if let pidVariable {
                                    unsafe program.pid_text = envp[variables.count - 1]?.advanced(
                                        by: pidVariable.utf8.count + 1)
                                }
                                unsafe program.moves = numbers.baseAddress
                                unsafe program.move_count = Int32(moves.count)
                                if let account, let groups = unsafe groups {
                                    unsafe program.groups = groups
                                    unsafe program.group_count = Int32(account.groups.count)
                                    unsafe program.user = account.user
                                    unsafe program.group = account.group
                                }
                                unsafe program.death_signal = deathSignal?.rawValue ?? 0
                                unsafe program.leads_group = leadsGroup
                                unsafe program.ignores_pipe = ignoresPipe
                                let isDumpable = account != nil && SystemCall.isDumpable
                                let pid = unsafe cunix_spawn(&program)
                                if pid == -1 { failure = .current }
                                // The child's change of user marked the memory that it shares with us.
                                if isDumpable { SystemCall.isDumpable = true }
                                return pid
                            }
                        }
                    }
                }
            }
        }
        guard pid > 0 else { throw failure }
        return pid
    }

    private func withAccount<Result>(_ body: (UnsafePointer<GroupID>?) -> Result) -> Result {
        guard let account else { return body(nil) }
        // Never nil, even without further groups: nil means that the user stays.
        return unsafe (account.groups + [account.group]).withUnsafeBufferPointer { unsafe body($0.baseAddress) }
    }

    private func withDirectory<Result>(_ body: (UnsafePointer<CChar>?) -> Result) -> Result {
        guard let directory else { return body(nil) }
        return unsafe directory.withCString { unsafe body($0) }
    }
}
#endif
