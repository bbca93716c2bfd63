#if os(Linux)
import CUnix

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// What a child does with itself before its exec: what needs our rights first, then the user, then what the user may do.
extension Spawn {
    func withCalls<Result>(
        beside numbers: [Int32], _ body: (UnsafeBufferPointer<cunix_call>) -> Result
    ) -> Result {
        // Never empty: an empty array has no address to take.
        let groups = (account?.groups ?? []) + [0]
        let limits: [UInt64] = limits.flatMap { [$0.soft ?? .max, $0.hard ?? .max] } + [0]
        let files = files
        let texts = files.map { Array($0.text.utf8) }
        return unsafe groups.withUnsafeBufferPointer { groups in
            unsafe limits.withUnsafeBufferPointer { limits in
                unsafe Self.withCStrings(files.map(\.path)) { paths in
                    unsafe Self.withCStrings(texts) { texts in
                        unsafe Self.withCString(directory ?? "") { directory in
                            var calls = unsafe fileCalls(files, paths, texts, beside: numbers)
                            unsafe calls += limitCalls(limits)
                            if let niceness = resources.niceness {
                                calls.append(Self.call(.niceness, SYS_setpriority, 0, 0, Int(niceness)))
                            }
                            unsafe calls += accountCalls(groups)
                            if self.directory != nil {
                                calls.append(Self.call(.directory, SYS_chdir, Int(bitPattern: directory)))
                            }
                            if let deathSignal {
                                // PR_SET_PDEATHSIG; a change of the user would take it back.
                                calls.append(Self.call(.account, SYS_prctl, 1, Int(deathSignal.rawValue)))
                            }
                            return unsafe calls.withUnsafeBufferPointer { unsafe body($0) }
                        }
                    }
                }
            }
        }
    }

    private static func call(
        _ step: SpawnFailure.Step, _ number: Int32, _ first: Int = 0, _ second: Int = 0, _ third: Int = 0,
        _ fourth: Int = 0
    ) -> cunix_call {
        cunix_call(
            step: step.rawValue, number: Int(number), first: first, second: second, third: third, fourth: fourth)
    }

    /// What is written before anything else.
    private var files: [(step: SpawnFailure.Step, path: String, text: String)] {
        var files: [(step: SpawnFailure.Step, path: String, text: String)] = []
        if let group { files.append((.controlGroup, group.processes, "0")) }
        if let score = resources.oomScore { files.append((.oomScore, "/proc/self/oom_score_adj", "\(score)")) }
        return files
    }

    /// A file gets the first number that is free, since all that is not declared is closed by then.
    private func fileCalls(
        _ files: [(step: SpawnFailure.Step, path: String, text: String)],
        _ paths: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>,
        _ texts: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, beside numbers: [Int32]
    ) -> [cunix_call] {
        let taken = Set(numbers)
        let free = Int((3...Int32.max).first { !taken.contains($0) } ?? 3)
        return files.enumerated().flatMap { index, file in
            let (path, text) = unsafe (Int(bitPattern: paths[index]), Int(bitPattern: texts[index]))
            return [
                Self.call(file.step, SYS_openat, Int(AT_FDCWD), path, Int(O_WRONLY | O_CLOEXEC)),
                Self.call(file.step, SYS_write, free, text, file.text.utf8.count),
                Self.call(file.step, SYS_close, free),
            ]
        }
    }

    /// What was raised for us alone is not for the child.
    private var limits: [ResourceLimit] {
        guard let ours = Limits.openFilesOfChildren,
            !resources.limits.contains(where: { $0.resource == .openFiles })
        else { return resources.limits }
        let (soft, hard) = (UInt64(clamping: ours.rlim_cur), UInt64(clamping: ours.rlim_max))
        return resources.limits + [ResourceLimit(.openFiles, soft: soft, hard: hard)]
    }

    private func limitCalls(_ values: UnsafeBufferPointer<UInt64>) -> [cunix_call] {
        limits.enumerated().map { index, limit in
            let pair = unsafe values.baseAddress?.advanced(by: 2 * index)  // bounded: an index of a list in memory
            return Self.call(
                .limits, SYS_prlimit64, 0, Int(limit.resource.number), Int(bitPattern: pair))
        }
    }

    private func accountCalls(_ groups: UnsafeBufferPointer<GroupID>) -> [cunix_call] {
        guard let account else { return [] }
        return [
            Self.call(.account, SYS_setgroups, account.groups.count, Int(bitPattern: groups.baseAddress)),
            Self.call(.account, SYS_setgid, Int(account.group)), Self.call(.account, SYS_setuid, Int(account.user)),
            // The user owns this process now, but must not see the copy of our memory, whatever fs.suid_dumpable says.
            // PR_SET_DUMPABLE
            Self.call(.account, SYS_prctl, 4, 0),
        ]
    }
}
#endif
