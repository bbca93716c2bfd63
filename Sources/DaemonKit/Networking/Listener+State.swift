import Supervision
import Unix

/// A listener goes over an exec under its number.
extension Listener {
    package var record: StateText.Record {
        var record = StateText.Record("listener")
        record[number: "descriptor"] = Int(fileDescriptor)
        record["kind"] = kind.rawValue
        record["name"] = name
        record["path"] = file?.path
        record["identity"] = file?.identity.text
        record[flag: "unproven"] = file?.isProven == false
        record[flag: "inherited"] = isInherited
        return record
    }

    /// nil where the descriptor is no such socket any more.
    package convenience init?(_ record: StateText.Record) {
        guard let number = record[descriptor: "descriptor"], let kind = record["kind"].flatMap(Kind.init),
            (try? Socket.kind(number)) == kind.socketKind, let location = try? Socket.localAddress(number)
        else { return nil }
        let identity = record["identity"].flatMap(FileStatus.Identity.init)
        let file = record["path"].flatMap { path in
            identity.map { OwnedFile(path: path, identity: $0, isProven: !record[flag: "unproven"]) }
        }
        self.init(
            FileDescriptor(owning: number), kind: kind, location: location, name: record["name"], file: file,
            isInherited: record[flag: "inherited"])
    }

    /// False where the file of a Unix socket was removed or replaced.
    package var hasItsFile: Bool { file?.isInPlace ?? true }

    /// Whether it is what a bind to this address would have made.
    package func isBound(to address: SocketAddress) -> Bool { location == address }

    /// The same socket with its file, which is removed at the end; nil where the file is gone, and the socket of no use.
    package func adoptingFile() -> Listener? {
        guard case .unix(let path) = location, !path.hasPrefix("@") else { return self }
        guard let place = try? FileLocation(path), let status = try? place.status, status.kind == .socket,
            let copy = try? Descriptor.duplicate(fileDescriptor, above: [2])
        else { return nil }
        // Who bound it, and what lies there now, may be two things where others can write.
        let file = OwnedFile(path: path, identity: status.identity, isProven: place.isSafe)
        return Listener(
            FileDescriptor(owning: copy), kind: kind, location: location, name: name, file: file, isInherited: true)
    }
}
