import Unix

/// A configuration file that was read.
package struct ConfigurationFile: Sendable {
    /// As messages name it.
    package let path: String
    package let contents: [UInt8]

    package init(path: String, contents: [UInt8]) {
        self.path = path
        self.contents = contents
    }

    /// Reads a regular file, which only root can have written where we are root; what is behind `longest` bytes is left
    /// out, but for one that tells.
    package init(reading path: String, longest: Int) throws(FileRefusal) {
        let file = try SafeFile.openBelieved(path)
        do {
            let status = try FileStatus(descriptor: file.number)
            guard status.kind == .regular else {
                throw status.kind == .directory ? Errno.isDirectory : Errno.invalidArgument
            }
            let size = min(Int(clamping: status.size), longest) + 1
            self.init(path: path, contents: Descriptor.contents(of: file.number, limit: size))
        } catch {
            throw FileRefusal(wrapping: error, path)
        }
    }

    /// Each line without its end, and where it stands; `body` says whether to go on.
    package func forEachLine(_ body: (ArraySlice<UInt8>, Place) -> Bool) {
        var start = contents.startIndex
        var number = 0
        while start < contents.endIndex {
            let rest = contents[start...]
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            number += 1
            guard body(rest[..<end], Place(file: path, line: number)) else { return }
            start = end + 1
        }
    }
}

extension Environment {
    /// Every variable by its name.
    package static var variables: [String: String] {
        var variables: [String: String] = [:]
        for entry in entries {
            let text = String(system: entry)
            guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) else { continue }
            variables[String(text[..<equals])] = String(text[text.utf8.index(after: equals)...])
        }
        return variables
    }
}
