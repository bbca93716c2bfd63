import Unix

/// A folder with a file for each variable, as envdir(8) of daemontools reads it: the first line is the value.
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

    /// A folder that does not exist has no variables.
    init(reading path: String) {
        let folder: FileDescriptor
        do {
            folder = try FileDescriptor.open(path, [.directory])
        } catch .noSuchFile {
            return
        } catch {
            mistakes.append("cannot read envdir \(path): \(error)")
            return
        }
        for name in Files.names(in: path).sorted() {
            // A variable's name ends at the first "=", so none can have one.
            guard name.utf8.first != UInt8(ascii: "."), !name.utf8.contains(UInt8(ascii: "=")) else { continue }
            do {
                let value = try Self.value(of: name, in: folder.number)
                if let value { variables.append(Variable(name: name, value: value)) }
            } catch {
                mistakes.append("ignoring \(path)/\(name): \(error.reason)")
            }
        }
    }

    subscript(name: String) -> String? { variables.first { $0.name == name }?.text }

    private struct Refusal: Error {
        let reason: String
    }

    /// nil for a folder and for an empty file, which set nothing.
    private static func value(of name: String, in folder: Int32) throws(Refusal) -> [UInt8]? {
        let (kind, bytes): (FileStatus.Kind, [UInt8])
        do {
            (kind, bytes) = try read(name, in: folder)
        } catch {
            throw Refusal(reason: "\(error)")
        }
        guard kind == .regular || kind == .directory else { throw Refusal(reason: "it is \(kind.rawValue)") }
        if bytes.isEmpty { return nil }
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != 0 }
        guard name.utf8.count + 1 + line.count <= longest else { throw Refusal(reason: "its first line is too long") }
        return Array(line)
    }

    private static func read(_ name: String, in folder: Int32) throws(Errno) -> (FileStatus.Kind, [UInt8]) {
        // Non-blocking, for a fifo would keep everything waiting.
        let file = try FileDescriptor.open(name, in: folder, [.nonBlocking, .noControllingTerminal])
        let kind = try FileStatus(descriptor: file.number).kind
        return (kind, kind == .regular ? Descriptor.contents(of: file.number, limit: longest) : [])
    }
}
