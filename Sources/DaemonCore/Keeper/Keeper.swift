import Synchronization
import Unix

/// What stays outside of a chroot: a process that knows the paths of the log, the pid file and the socket files. The
/// daemon inside holds no directory's descriptor: `../..` from such a one leads out of any root. chroot(2)
///
/// The process has the daemon's user, cannot be traced by it, and knows a handful of requests of one byte: it opens the
/// log anew or connects to the logger and hands the descriptor over, removes a file if it still is the one that was made, and ends with the daemon.
package final class Keeper: Sendable {
    private struct State {
        /// To the process; -1 before `start`, while the directories are within reach.
        var socket: Int32 = -1
        /// In the order of their numbers.
        var files: [OwnedFile] = []
    }

    private let state = Mutex(State())
    private static let limit = Duration.seconds(10)

    package init() {}

    // MARK: Inside

    /// The log's file, opened anew outside; nil while it can be opened here.
    package func openLog(_ path: String) throws(DaemonError) -> FileDescriptor? {
        guard let (text, descriptors) = try ask(KeeperRequest.openLog) else { return nil }
        for extra in descriptors.dropFirst() { Descriptor.close(extra) }
        guard let file = descriptors.first else {
            throw DaemonError(.logFile, text.isEmpty ? "log file \(path): it is outside of the root" : text)
        }
        return FileDescriptor(owning: file)
    }

    /// Connected to the system's logger outside; nil while it can be reached here.
    package func openSyslog() throws(Errno) -> FileDescriptor? {
        let answer: (text: String, descriptors: [Int32])?
        do { answer = try ask(KeeperRequest.openSyslog) } catch { throw .noSuchFile }
        guard let answer else { return nil }
        for extra in answer.descriptors.dropFirst() { Descriptor.close(extra) }
        guard let socket = answer.descriptors.first else { throw .noSuchFile }
        return FileDescriptor(owning: socket)
    }

    /// The same file, which is removed outside once it cannot be removed here.
    package func keep(_ file: OwnedFile) -> OwnedFile {
        var file = file
        file.removeOutside = { [self] identity in remove(identity) }
        return file
    }

    /// Whether the file is gone, or another's; nil while it can be removed here.
    private func remove(_ identity: FileStatus.Identity) -> Bool? {
        let number = state.withLock { state in
            state.socket < 0 ? nil : state.files.firstIndex { $0.identity == identity }
        }
        guard let number else { return nil }
        let answer = try? ask(KeeperRequest.remove(number))
        return answer?.text == KeeperRequest.yes
    }

    /// The start has succeeded: from now on a daemon that is killed leaves its files, by which others see that it is dead.
    package func serves() { _ = try? ask(KeeperRequest.serves) }

    /// nil before the start; otherwise what was answered, and the descriptors that came with it.
    private func ask(_ request: UInt8) throws(DaemonError) -> (text: String, descriptors: [Int32])? {
        try state.withLock { state throws(DaemonError) in
            guard state.socket >= 0 else { return nil }
            return try attempt(.process, "the process outside of the root does not answer") { () throws(Errno) in
                _ = try Socket.send(state.socket, [request].span)
                return try Self.answer(state.socket)
            }
        }
    }

    private static func answer(
        _ socket: Int32, within limit: Duration = limit
    ) throws(Errno) -> (text: String, descriptors: [Int32]) {
        let deadline = MonotonicTime.now + limit
        while !Poll.readable(socket, timeout: max(.zero, deadline - .now)) {
            guard .now < deadline else { throw .timedOut }
            Poll.pause(.milliseconds(1))
        }
        var buffer = [UInt8](repeating: 0, count: 1024)
        let message = try Socket.receive(socket, into: &buffer, mostDescriptors: 1)
        guard message.count > 0 else { throw .brokenPipe }
        return (String(decoding: buffer.prefix(message.count), as: UTF8.self), message.descriptors)
    }

    // MARK: The start

    /// Before the chroot, while this process has one thread and its rights. `log` is nil where there is no log file.
    package func start(log: LogFile?, files: [OwnedFile], account: Account?) throws(DaemonError) {
        let tried = "cannot start the process outside of the root"
        let (ours, theirs) = try attempt(.process, tried, Socket.pair)
        Signal.blockAll()
        let fork = try attempt(.process, tried, CurrentProcess.fork)
        guard case .parent(let between) = fork else {
            // Its parent is to be whoever takes orphans: the daemon waits for children of its own.
            if case .parent? = try? CurrentProcess.fork() { CurrentProcess.exitNow(0) }
            KeeperProcess.run(theirs, log: log, files: files, account: account)
        }
        _ = try? Child.reap(between, waiting: true)
        Signal.unblockAll()
        Descriptor.close(theirs)
        state.withLock { $0 = State(socket: ours, files: files) }
        // From here on an aborted start is tidied up outside.
        StartAbort.releaseDirectories()
        do throws(DaemonError) {
            let (text, _) = try attempt(.process, tried) { () throws(Errno) in
                try Self.answer(ours, within: .seconds(30))
            }
            guard text == KeeperRequest.yes else { throw DaemonError(.process, "\(tried): \(text)") }
        } catch {
            dismiss()
            throw error
        }
    }

    /// The root is not changed after all: everything is within reach again.
    package func dismiss() {
        state.withLock { state in
            if state.socket >= 0 { Descriptor.close(state.socket) }
            state.socket = -1
        }
    }
}

extension PidFile {
    /// Removed by the process outside after a chroot.
    package func kept(by keeper: Keeper) -> PidFile {
        var file = self
        file.owned = keeper.keep(owned)
        return file
    }
}

/// What is asked of the process outside.
enum KeeperRequest {
    static let openLog = UInt8(ascii: "L")
    static let openSyslog = UInt8(ascii: "Y")
    static let serves = UInt8(ascii: "S")
    static let yes = "Y"

    /// Files have the numbers from 128 on.
    static func remove(_ file: Int) -> UInt8 { UInt8(clamping: file.addingSaturated(128)) }
    static func file(_ request: UInt8) -> Int? { request >= 128 ? Int(request & 127) : nil }
}

/// The process outside: everything that it does.
private enum KeeperProcess {
    /// All signals are blocked: it ends when the daemon's end of the socket is closed, and only then.
    static func run(_ socket: Int32, log: LogFile?, files: [OwnedFile], account: Account?) -> Never {
        do {
            Descriptor.closeAll(except: [socket])
            try settle(account)
            _ = try? Socket.send(socket, Array(KeeperRequest.yes.utf8).span)
            serve(socket, log, files)
        } catch {
            _ = try? Socket.send(socket, Array(error.message.utf8).span)
            CurrentProcess.exitNow(1)
        }
    }

    private static func settle(_ account: Account?) throws(DaemonError) {
        try attempt(.process, "cannot open /dev/null") { () throws(Errno) in
            try Files.changeDirectory("/")
            let null = try FileDescriptor.open("/dev/null", .readWrite)
            for number: Int32 in 0...2 { try Descriptor.duplicate(null.number, ontoStandard: number) }
        }
        try account?.drop()
        try attempt(.privileges, "cannot forbid that it is traced", CurrentProcess.forbidTracing)
    }

    private static func serve(_ socket: Int32, _ log: LogFile?, _ files: [OwnedFile]) -> Never {
        var hasServed = false
        var request: [UInt8] = [0]
        while (try? Descriptor.read(socket, into: &request)) == 1, let byte = request.first {
            if byte == KeeperRequest.openLog {
                hand(socket, "the log") { () throws(DaemonError) in try log?.open(isFirst: false) }
                continue
            }
            if byte == KeeperRequest.openSyslog {
                hand(socket, "the logger") { () throws(Errno) in try LoggerSocket.open() }
                continue
            }
            if byte == KeeperRequest.serves { hasServed = true }
            let isGone = KeeperRequest.file(byte).map { $0 < files.count && files[$0].remove() } ?? true
            _ = try? Socket.send(socket, Array((isGone ? KeeperRequest.yes : "N").utf8).span)
        }
        // An aborted start leaves nothing.
        if !hasServed { for file in files { file.remove() } }
        CurrentProcess.exitNow(0)
    }

    private static func hand(_ socket: Int32, _ what: String, _ open: () throws -> FileDescriptor?) {
        do {
            guard let file = try open() else { throw DaemonError(.logFile, "there is no log file") }
            try attempt(.logFile, "cannot hand \(what) over") { () throws(Errno) in
                try Socket.send(socket, Array(KeeperRequest.yes.utf8), descriptor: file.number)
            }
        } catch {
            _ = try? Socket.send(socket, Array(DaemonError(wrapping: error).message.utf8.prefix(1000)).span)
        }
    }
}
