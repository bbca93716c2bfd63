import DaemonKit
import Unix

/// A file of `env-file`: NAME=VALUE lines. Empty lines and those that begin with `#` or `;` say nothing. A value is taken
/// as its bytes are, but for one pair of quotes around all of it, as systemd takes them away.
struct EnvironmentFile {
    private(set) var variables: [Variable] = []
    private(set) var mistakes: [Mistake] = []

    /// A process can be given no more in one variable: MAX_ARG_STRLEN of execve(2).
    static let longestEntry = 131_071

    init(_ file: ConfigurationFile) {
        file.forEachLine { line, place in
            do throws(Complaint) {
                if let variable = try Self.variable(line) { variables.append(variable) }
            } catch {
                mistakes.append(Mistake(place, error.text))
            }
            return true
        }
    }

    /// The value is named in no diagnostic: it may be a secret.
    private static func variable(_ line: ArraySlice<UInt8>) throws(Complaint) -> Variable? {
        let line = (line.last == UInt8(ascii: "\r") ? line.dropLast() : line).drop(while: isBlank)
        guard let first = line.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";") else { return nil }
        if line.contains(0) { throw Complaint("zero byte.") }
        guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else {
            throw Complaint("expects NAME=VALUE: there is no '='.")
        }
        let name = line[..<equals]
        guard !name.isEmpty, !name.contains(where: isBlank) else {
            throw Complaint("expects NAME=VALUE, not the name '\(String(system: name))'.")
        }
        guard line.count <= longestEntry else {
            throw Complaint("'\(String(system: name))' has more than \(longestEntry) bytes.")
        }
        return Variable(name: String(system: name), value: String(system: unquoted(line[equals...].dropFirst())))
    }

    private static func unquoted(_ value: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard value.count >= 2, let quote = value.first, quote == value.last,
            quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
        else { return value }
        return value.dropFirst().dropLast()
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
