import DaemonCore
import Supervision
import Unix

/// A listener goes over an exec under its number.
extension Listener {
    package var record: StateRecord {
        var record = StateRecord("listener")
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
    package convenience init?(_ record: StateRecord) {
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
}
