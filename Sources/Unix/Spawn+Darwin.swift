#if canImport(Darwin)
import Darwin

extension Spawn {
    /// By posix_spawn(3), which always waits for the exec.
    func start(moving moves: [(child: Int32, ours: Int32)], reporting report: Int32?) throws(Errno) -> ProcessID {
        guard account == nil, resources == ProcessResources() else { throw .noSystemCall }
        var attributes: posix_spawnattr_t?
        var actions: posix_spawn_file_actions_t?
        unsafe posix_spawnattr_init(&attributes)
        unsafe posix_spawn_file_actions_init(&actions)
        defer {
            unsafe posix_spawnattr_destroy(&attributes)
            unsafe posix_spawn_file_actions_destroy(&actions)
        }
        var none = sigset_t()
        var reset = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigfillset(&reset)
        if ignoresPipe { unsafe sigdelset(&reset, SIGPIPE) }
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &reset)
        let group = leadsGroup ? POSIX_SPAWN_SETSID : 0
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_CLOEXEC_DEFAULT | group
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        for number: Int32 in 0...2 { unsafe posix_spawn_file_actions_addinherit_np(&actions, number) }
        for (child, ours) in moves { unsafe posix_spawn_file_actions_adddup2(&actions, ours, child) }
        if let directory { unsafe posix_spawn_file_actions_addchdir_np(&actions, directory) }

        var pid: pid_t = 0
        let error = unsafe Self.withCStrings([name ?? executable] + arguments) { argv in
            guard let environment else {
                return unsafe posix_spawn(&pid, executable, &actions, &attributes, argv, environ)
            }
            return unsafe Self.withCStrings(environment) { envp in
                unsafe posix_spawn(&pid, executable, &actions, &attributes, argv, envp)
            }
        }
        guard error != ENOEXEC || !runsScripts else {
            var shell = self
            shell.executable = "/bin/sh"
            shell.arguments = [executable] + arguments
            shell.runsScripts = false
            return try shell.start(moving: moves, reporting: report)
        }
        guard error == 0 else { throw Errno(rawValue: error) }
        return pid
    }
}
#endif
