import Unix

/// Why a daemon could not start, or what a daemon's author found wrong: one line that names what was tried, on which
/// path or address, and the system's reason.
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
        public static let options = Code(rawValue: "options")
    }

    public let code: Code
    public let message: String
    /// The errno behind it, where the system gave one.
    public let systemError: Int32?
    /// What the process exits with when this error ends it: 0 to 255.
    public let exitStatus: Int32

    public var description: String { message }

    /// An error of the daemon's author: `check` and `prepare` throw it to end the start with a message and an exit
    /// status. An empty message prints nothing.
    public init(_ message: String, exitStatus: Int32 = 1) {
        self.init(.author, message, exitStatus: exitStatus)
    }

    /// exit(3) takes the low byte only: what does not fit must not become a success.
    private static func byte(_ status: Int32) -> Int32 { (0...255).contains(status) ? status : 1 }

    init(_ code: Code, _ message: String, exitStatus: Int32 = 1) {
        self.code = code
        self.message = message
        self.systemError = nil
        self.exitStatus = Self.byte(exitStatus)
    }

    /// `cause` is not said, because the message says it better.
    init(_ code: Code, _ message: String, cause: Errno) {
        self.code = code
        self.message = message
        self.systemError = cause.rawValue
        self.exitStatus = 1
    }

    init(_ code: Code, _ tried: String, _ cause: Errno, exitStatus: Int32 = 1) {
        self.code = code
        self.message = "\(tried): \(cause)"
        self.systemError = cause.rawValue
        self.exitStatus = Self.byte(exitStatus)
    }
}

extension DaemonError {
    package init(_ code: Code, _ tried: String, _ refusal: FileRefusal) {
        self.init(code, "\(tried): \(refusal)", cause: refusal.errno)
    }

    /// Any error of the author's closures as ours; never with an empty text.
    init(wrapping error: any Error) {
        if let error = error as? DaemonError {
            self = error
            return
        }
        let text = String(describing: error)
        self.init(.author, text.isEmpty ? "unknown error of type \(type(of: error))" : text)
    }
}

/// Does `body`, and says what was tried when a file is refused.
func attempt<Result: ~Copyable>(
    _ code: DaemonError.Code, _ tried: @autoclosure () -> String, _ body: () throws(FileRefusal) -> Result
) throws(DaemonError) -> Result {
    do {
        return try body()
    } catch {
        throw DaemonError(code, tried(), error)
    }
}

/// Does `body`, and says what was tried when the system refuses.
func attempt<Result: ~Copyable>(
    _ code: DaemonError.Code, _ tried: @autoclosure () -> String, _ body: () throws(Errno) -> Result
) throws(DaemonError) -> Result {
    do {
        return try body()
    } catch {
        throw DaemonError(code, tried(), error)
    }
}
