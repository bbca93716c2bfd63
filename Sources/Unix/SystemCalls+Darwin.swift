#if canImport(Darwin)
import Darwin

/// What Linux has as one call, and Darwin as several or not at all: then -1 and ENOSYS.
enum SystemCall {
    private static func unsupported() -> Int32 {
        errno = ENOSYS
        return -1
    }

    /// O_SEARCH, which Swift does not see: O_EXEC and O_DIRECTORY.
    static let onlyNames = 0x4000_0000 | O_DIRECTORY

    private static func closeOnExec(_ number: Int32) -> Int32 {
        number >= 0 && fcntl(number, F_SETFD, FD_CLOEXEC) == -1 ? -1 : number
    }

    static func pipe(_ ends: inout [Int32]) -> Int32 {
        guard unsafe Darwin.pipe(&ends) == 0 else { return -1 }
        for end in ends { _ = closeOnExec(end) }
        return 0
    }

    static func accept(_ listener: Int32) -> Int32 {
        let number = closeOnExec(unsafe Darwin.accept(listener, nil, nil))
        return number >= 0 && fcntl(number, F_SETFL, O_NONBLOCK) == -1 ? -1 : number
    }

    static func duplicate(_ source: Int32, onto target: Int32) -> Int32 { closeOnExec(dup2(source, target)) }
    static func setPipeSize(_ number: Int32, _ size: Int32) -> Int32 { unsupported() }
    static func pipeSize(_ number: Int32) -> Int32 { unsupported() }
    static func writeNow(_ number: Int32, _ bytes: UnsafeBufferPointer<UInt8>) -> Int32 { unsupported() }
    static func closeRange(_ first: UInt32, _ last: UInt32) -> Int32 { unsupported() }
    static func openProcess(_ pid: ProcessID) -> Int32 { unsupported() }
    static func signal(_ process: Int32, _ signal: Int32, queued value: Int32? = nil) -> Int32 { unsupported() }
    static func becomeSubreaper() -> Int32 { unsupported() }

    /// An unlinked temporary file, which cannot be sealed.
    static func memoryFile(_ name: String) -> Int32 {
        var template = Array("/tmp/\(name).XXXXXX".utf8CString)
        let number = closeOnExec(unsafe mkstemp(&template))
        if number >= 0 { unsafe unlink(template) }
        return number
    }

    static func seal(_ file: Int32) -> Int32 { 0 }
    static func isSealed(_ file: Int32) -> Bool { true }
}
#endif
