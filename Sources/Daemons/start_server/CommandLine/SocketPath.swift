import Text
import Unix

/// A socket as `--path` asks for it: the path of its file, as the original takes it, or `unix:@NAME`, which is none; and
/// its options behind commas.
enum SocketPath {
    private static let prefix = "unix:"

    static func parse(_ text: String) throws(AddressMistake) -> OptionedAddress {
        let optioned = try OptionedAddress(literal: text)
        let path = optioned.text
        if path.isEmpty { throw AddressMistake(.empty, []) }
        if isAbstract(path) { _ = try AddressText(parsing: path, port: .needed) }
        if let misfit = optioned.options.misfit(with: address(path).target()) { throw AddressMistake(misfit) }
        return optioned
    }

    static func isAbstract(_ path: String) -> Bool { path.utf8.starts(with: "\(prefix)@".utf8) }

    static func address(_ path: String) -> SocketAddress {
        if isAbstract(path) { return .unix(String(path.dropFirst(prefix.count))) }
        // Not an abstract name, but a file whose name begins with '@'.
        return .unix(path.utf8.first == UInt8(ascii: "@") ? "./\(path)" : path)
    }
}
