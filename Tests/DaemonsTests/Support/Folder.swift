import Foundation
import Unix

/// A temporary folder of a test's own. Whatever daemon still holds a pid file in it at the end is killed.
final class Folder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/dk.XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw Errno.current }
        path = String(cString: made)
        chmod(path, 0o755)
    }

    deinit {
        for name in Files.names(in: path) where name.hasSuffix(".pid") { Folder.kill(holderOf: "\(path)/\(name)") }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of a file in the folder.
    subscript(name: String) -> String { "\(path)/\(name)" }

    func write(_ name: String, _ text: String) {
        _ = FileManager.default.createFile(atPath: self[name], contents: Data(text.utf8))
    }

    func read(_ name: String) -> String {
        FileManager.default.contents(atPath: self[name]).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    func lines(_ name: String) -> [String] { read(name).split(separator: "\n").map(String.init) }

    func exists(_ name: String) -> Bool { (try? FileStatus(path: self[name])) != nil }

    /// The pid in the file, only while its lock is held.
    static func holder(of path: String) -> ProcessID? {
        guard let file = try? FileDescriptor.open(path, [.readWrite, .noFollow, .nonBlocking]) else { return nil }
        let text = String(decoding: Descriptor.contents(of: file.number, limit: 32), as: UTF8.self)
        // Who is about to lock an empty file must not find it locked by our look at it.
        guard let pid = ProcessID(text.trimmingCharacters(in: .whitespacesAndNewlines)),
            (try? Descriptor.tryLock(file.number)) == false
        else { return nil }
        return pid
    }

    private static func kill(holderOf path: String) {
        guard let pid = holder(of: path), let process = try? ProcessHandle(pid: pid), holder(of: path) == pid else {
            return
        }
        try? process.send(.kill)
        _ = process.waitForEnd(.seconds(10))
    }
}
