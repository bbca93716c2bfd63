import Unix

/// A directory with a file for each variable, as envdir(8) of daemontools reads it: the first line is the value.
struct EnvDir: Equatable, Sendable {
    struct Variable: Equatable, Sendable {
        let name: String
        /// Bytes, since a value need not be UTF-8.
        let value: [UInt8]

        var text: String { String(decoding: value, as: UTF8.self) }
    }

    /// By name.
    private(set) var variables: [Variable] = []
    /// What was passed over, and why: a line each.
    private(set) var mistakes: [String] = []

    /// Linux takes no longer `NAME=value`, and would refuse to start the program at all. execve(2)
    private static let longest = 128 * 1024 - 1

    init() {}

    /// A directory that does not exist has no variables. Root takes them only from where root, or one of `owners`, whom
    /// they are for, can have written them.
    init(reading path: String, owners: [UserID] = []) {
        do {
            let directory = try SafeFile.openBelieved(path, owners: owners)
            guard try FileStatus(descriptor: directory.number).kind == .directory else { throw Errno.notADirectory }
            read(directory.number, path, owners)
        } catch {
            let refusal = FileRefusal(wrapping: error, path)
            if refusal.errno != .noSuchFile { mistakes.append("cannot read envdir \(path): \(refusal)") }
        }
    }

    private mutating func read(_ directory: Int32, _ path: String, _ owners: [UserID]) {
        for name in Self.names(in: directory).sorted() {
            // A variable's name ends at the first "=", so none can have one.
            guard name.utf8.first != UInt8(ascii: "."), !name.utf8.contains(UInt8(ascii: "=")) else { continue }
            do {
                let value = try Self.value(of: name, in: directory, owners)
                if let value { variables.append(Variable(name: name, value: value)) }
            } catch {
                mistakes.append("ignoring \(path)/\(name): \(error.reason)")
            }
        }
    }

    private static func names(in directory: Int32) -> [String] {
        guard let copy = try? FileDescriptor.open(".", in: directory, .directory) else { return [] }
        return Files.names(in: copy.release())
    }

    subscript(name: String) -> String? { variables.first { $0.name == name }?.text }

    private struct Refusal: Error {
        let reason: String
    }

    /// nil for a directory and for an empty file, which set nothing.
    private static func value(of name: String, in directory: Int32, _ owners: [UserID]) throws(Refusal) -> [UInt8]? {
        let (kind, bytes): (FileStatus.Kind, [UInt8])
        do {
            (kind, bytes) = try read(name, in: directory, owners)
        } catch {
            throw Refusal(reason: "\(error)")
        }
        guard kind == .regular || kind == .directory else { throw Refusal(reason: "it is \(kind.rawValue)") }
        if bytes.isEmpty { return nil }
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != 0 }
        guard name.utf8.count + 1 + line.count <= longest else { throw Refusal(reason: "its first line is too long") }
        return Array(line)
    }

    private static func read(
        _ name: String, in directory: Int32, _ owners: [UserID]
    ) throws -> (FileStatus.Kind, [UInt8]) {
        let file = try SafeFile.openBelieved(name, from: directory, owners: owners)
        let kind = try FileStatus(descriptor: file.number).kind
        return (kind, kind == .regular ? Descriptor.contents(of: file.number, limit: longest) : [])
    }
}
