import Synchronization
import Unix

/// A directory of a test's own, and the programs that run in it.
///
/// ```swift
/// @Test func refusesANonsensicalPort() throws {
///     let directory = try TestDirectory()
///     let outcome = try directory.run(DaemonProcess.product("echod"), ["--check", "--port", "nonsense"])
///     #expect(outcome.code == 2 && outcome.errors.contains("nonsense"))
/// }
/// ```
///
/// When the value is released, daemons that still hold a pid file in it are killed, and the directory is removed.
public final class TestDirectory: Sendable {
    public let path: String

    private let started = Mutex(0)

    /// Makes it. Its path is short, as a socket's must be.
    ///
    /// - Parameter mode: By default only this user enters it; `0o755` lets in a daemon that becomes another user.
    /// - Throws: ``TestFailure``.
    public init(mode: UInt16 = 0o700) throws(TestFailure) {
        let parent = Environment["TMPDIR"].flatMap { $0.hasPrefix("/") && $0.utf8.count < 40 ? $0 : nil } ?? "/tmp"
        while true {
            let path = "\(parent)/dk-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
            do {
                try Files.makeDirectory(path, mode: 0o700)
            } catch {
                guard error == .fileExists else { throw TestFailure("no directory for the test: \(path): \(error)") }
                continue
            }
            self.path = path
            break
        }
        do {
            // mkdir(2) leaves the umask's bits out.
            let made = try FileDescriptor.open(path, .directory)
            try Descriptor.setMode(made.number, FileMode(mode))  // bounded: at least as wide
        } catch {
            throw TestFailure("\(path): \(error)")
        }
    }

    deinit {
        for name in Files.names(in: path) where name.hasSuffix(".pid") {
            end(holderOf: name, by: Signal.kill.rawValue)
        }
        Self.remove(path)
    }

    // MARK: Programs

    /// Starts a program, and does not wait for anything.
    ///
    /// - Parameters:
    ///   - arguments: without the program's name. `DIR/` at the beginning of one, or behind its `=`, stands for the
    ///     directory, which is the program's working directory.
    ///   - environment: on top of the test's own, without what a service manager or a master may have left there.
    ///   - descriptors: open descriptors of the test, and the numbers that they have in the program. Those without one
    ///     are closed in it; its standard input is `/dev/null`.
    /// - Throws: ``TestFailure`` where it cannot be executed.
    public func start(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
        descriptors: [(child: Int32, ours: Int32)] = []
    ) throws(TestFailure) -> TestProcess {
        let number = started.withLock { started in
            started += 1  // bounded: by the processes of a test
            return started
        }
        return try TestProcess(
            self, executable, arguments, environment: environment, descriptors: descriptors,
            output: "\(number).stdout", errors: "\(number).stderr")
    }

    /// Runs a program to its end, such as a daemon with `--check` or `--stop`, or one that goes to the background.
    /// Blocks its thread.
    ///
    /// - Parameter limit: When it is over, the program is taken for broken, and killed.
    /// - Throws: ``TestFailure`` where it cannot be executed. See ``start(_:_:environment:descriptors:)`` for the others.
    public func run(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
        within limit: Duration = .seconds(240)
    ) throws(TestFailure) -> TestProcess.Outcome {
        let process = try start(executable, arguments, environment: environment)
        let end = process.wait(limit)
        return TestProcess.Outcome(end: end, output: process.standardOutput, errors: process.standardError)
    }

    /// The process whose number is in the pid file, only while it holds the file's lock.
    public func holder(of pidFile: String) -> Int32? {
        guard let file = try? FileDescriptor.open(self[pidFile], [.readWrite, .noFollow, .nonBlocking]) else {
            return nil
        }
        let bytes = Descriptor.contents(of: file.number, limit: 32)
        // An empty file is about to be locked by a start, which must not find it locked by this look at it.
        guard let pid = ProcessID(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)),
            (try? Descriptor.tryLock(file.number)) == false
        else { return nil }
        return pid
    }

    /// Signals the process that holds the pid file's lock, and waits for its end; blocks its thread.
    ///
    /// - Parameter signal: `SIGTERM` by default.
    /// - Returns: false where it has not ended within the limit, or the number is not that of the lock's holder; true where
    ///   nobody holds the lock.
    @discardableResult
    public func end(
        holderOf pidFile: String, by signal: Int32 = terminate, within limit: Duration = DaemonProcess.patience
    ) -> Bool {
        guard let pid = holder(of: pidFile), let file = try? FileStatus(path: self[pidFile]).identity else {
            return true
        }
        do throws(ProvenProcess.Failure) {
            let process = try ProvenProcess(pid, .lock(file, user: nil))
            try? process.send(Signal(rawValue: signal))
            return process.waitForEnd(limit)
        } catch {
            return error == .gone
        }
    }

    /// SIGTERM.
    public static var terminate: Int32 { Signal.terminate.rawValue }

    // MARK: Files

    /// The path of a file in it.
    public subscript(name: String) -> String { "\(path)/\(name)" }

    /// Makes a file, or replaces what is in it.
    ///
    /// - Throws: ``TestFailure``.
    public func write(_ name: String, _ text: String) throws(TestFailure) {
        do {
            let file = try FileDescriptor.open(self[name], [.writeOnly, .create], mode: 0o644)
            try Descriptor.truncate(file.number)
            try Descriptor.writeAll(file.number, text)
        } catch {
            throw TestFailure("\(self[name]): \(error)")
        }
    }

    /// A file's text, empty where there is no file.
    public func read(_ name: String) -> String {
        guard let file = try? FileDescriptor.open(self[name], [.nonBlocking]),
            let size = try? FileStatus(descriptor: file.number).size
        else { return "" }
        return String(decoding: Descriptor.contents(of: file.number, limit: Int(size)), as: UTF8.self)
    }

    /// A file's lines that are not empty.
    public func lines(_ name: String) -> [String] { read(name).split(separator: "\n").map(String.init) }

    public func exists(_ name: String) -> Bool { (try? FileStatus(path: self[name])) != nil }

    /// The argument with the directory in the place of `DIR/`, at its beginning or behind its `=`.
    func located(_ argument: String) -> String {
        if argument.hasPrefix("DIR/") { return self[String(argument.dropFirst(4))] }
        guard let sign = argument.firstIndex(of: "="), argument[sign...].hasPrefix("=DIR/") else { return argument }
        return "\(argument[...sign])\(path)/\(argument[sign...].dropFirst(5))"
    }

    /// The directory with everything in it; no link is followed.
    private static func remove(_ path: String) {
        for name in Files.names(in: path) {
            let inner = "\(path)/\(name)"
            if (try? Files.unlink(inner)) == nil { remove(inner) }
        }
        try? Files.removeDirectory(path)
    }
}
