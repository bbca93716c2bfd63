import Unix

/// Why a daemon could not start, or what a daemon's author found wrong: what was tried, on which path, the system's
/// reason, and the cure.
public struct DaemonError: Error, CustomStringConvertible, Sendable {
    /// What kind of failure it is. More may be added.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        public static let author = Code(rawValue: "author")
        public static let threads = Code(rawValue: "threads")
        public static let wrongUser = Code(rawValue: "wrong-user")
        public static let alreadyRunning = Code(rawValue: "already-running")
        public static let pidFile = Code(rawValue: "pid-file")
        public static let logFile = Code(rawValue: "log-file")
        public static let descriptors = Code(rawValue: "descriptors")
        public static let environment = Code(rawValue: "environment")
        public static let process = Code(rawValue: "process")
        public static let privileges = Code(rawValue: "privileges")
        public static let listener = Code(rawValue: "listener")
        public static let connection = Code(rawValue: "connection")
        public static let options = Code(rawValue: "options")
    }

    public let code: Code
    /// What was tried, or what is wrong: `cannot bind 127.0.0.1:80`.
    public let tried: String
    /// The file, directory or socket file that it is about, where there is one.
    public let path: String?
    /// Why it failed, in the system's words or better ones: `Address already in use`.
    public let reason: String?
    /// The errno behind it, where the system gave one. errno(3)
    public let systemError: Int32?
    /// What to do about it, where that is known: `give --port, or a port in --bind`.
    public let cure: String?
    /// What the process exits with when this error ends it: 0 to 255.
    public let exitStatus: Int32

    /// All of it in one line: what was tried, the reason, the cure.
    public var message: String {
        let words = reason.map { "\(tried): \($0)" } ?? tried
        return cure.map { "\(words): \($0)" } ?? words
    }

    public var description: String { message }

    /// An error of the daemon's author: `check` and `prepare` throw it to end the start with a message and an exit
    /// status. An empty message prints nothing.
    public init(_ message: String, exitStatus: Int32 = 1) {
        self.init(.author, tried: message, exitStatus: exitStatus)
    }

    /// An error with its parts.
    ///
    /// - Parameters:
    ///   - code: What kind it is; any program may have codes of its own.
    ///   - tried: What was tried, or what is wrong.
    ///   - path: The file that it is about.
    ///   - systemError: An errno, whose text becomes the reason where there is no other.
    ///   - reason: Why it failed.
    ///   - cure: What to do about it.
    ///   - exitStatus: What the process exits with, 0 to 255.
    public init(
        _ code: Code, tried: String, path: String? = nil, systemError: Int32? = nil, reason: String? = nil,
        cure: String? = nil, exitStatus: Int32 = 1
    ) {
        self.code = code
        self.tried = tried
        self.path = path
        self.systemError = systemError
        self.reason = reason ?? systemError.map { Errno(rawValue: $0).description }
        self.cure = cure
        self.exitStatus = Self.byte(exitStatus)
    }

    /// exit(3) takes the low byte only: what does not fit must not become a success.
    private static func byte(_ status: Int32) -> Int32 { (0...255).contains(status) ? status : 1 }
}

extension DaemonError {
    package init(_ code: Code, _ message: String, cure: String? = nil, exitStatus: Int32 = 1) {
        self.init(code, tried: message, cure: cure, exitStatus: exitStatus)
    }

    package init(_ code: Code, _ tried: String, _ cause: Errno, exitStatus: Int32 = 1) {
        self.init(code, tried: tried, systemError: cause.rawValue, exitStatus: exitStatus)
    }

    /// `reason` says it better than the errno.
    package init(_ code: Code, _ tried: String, reason: String, _ cause: Errno) {
        self.init(code, tried: tried, systemError: cause.rawValue, reason: reason)
    }

    package init(_ code: Code, _ tried: String, _ refusal: FileRefusal) {
        self.init(
            code, tried: tried, path: refusal.path, systemError: refusal.errno.rawValue, reason: refusal.description)
    }

    /// Any error of the author's closures as ours; never with an empty text.
    package init(wrapping error: any Error) {
        if let error = error as? DaemonError {
            self = error
            return
        }
        let text = String(describing: error)
        self.init(.author, text.isEmpty ? "unknown error of type \(type(of: error))" : text)
    }
}

extension DaemonError {
    /// Throws where no task can run. A task that is begun there ends the process, sooner or later.
    package static func requireTasks(_ what: String) throws(DaemonError) {
        guard !Thread.runsTasks else { return }
        throw DaemonError(
            .process, tried: "\(what) cannot run", path: "/proc", reason: "there is no /proc in this root",
            cure: "mount it there: mount -t proc proc DIRECTORY/proc")
    }
}

/// Does `body`, and says what was tried when a file is refused.
package func attempt<Result: ~Copyable>(
    _ code: DaemonError.Code, _ tried: @autoclosure () -> String, _ body: () throws(FileRefusal) -> Result
) throws(DaemonError) -> Result {
    do {
        return try body()
    } catch {
        throw DaemonError(code, tried(), error)
    }
}

/// Does `body`, and says what was tried when the system refuses.
package func attempt<Result: ~Copyable>(
    _ code: DaemonError.Code, _ tried: @autoclosure () -> String, _ body: () throws(Errno) -> Result
) throws(DaemonError) -> Result {
    do {
        return try body()
    } catch {
        throw DaemonError(code, tried(), error)
    }
}
