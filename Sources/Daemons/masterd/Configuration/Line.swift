import DaemonKit
import Text
import Unix

typealias Line = ConfigurationLine

/// Values that only masterd's lines have.
extension Line {
    mutating func mode(_ option: String? = nil) throws(Complaint) -> FileMode {
        try value(option, "an octal number from 0 to 777") { word in
            guard DecimalText.isDigits(word[...]), word.utf8.count <= 4, let mode = FileMode(word, radix: 8),
                mode <= 0o777
            else {
                return nil
            }
            return mode
        }
    }

    mutating func signal(_ option: String? = nil) throws(Complaint) -> Signal {
        try value(option, "the name of a signal") { Signal(parsing: $0) }
    }

    mutating func variable() throws(Complaint) -> Variable {
        let name = try next("a name and a value")
        let value = try next("a name and a value")
        return Variable(name: try variableName(name), value: value)
    }

    mutating func variableNames() throws(Complaint) -> [String] {
        var names: [String] = []
        while let name = next() { names.append(try variableName(name)) }
        return names
    }

    private func variableName(_ name: String) throws(Complaint) -> String {
        guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")) else {
            throw Complaint("'\(keyword)' expects the name of a variable, not '\(name)'.")
        }
        return name
    }
}
