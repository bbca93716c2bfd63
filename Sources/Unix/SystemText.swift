/// Text that came from the system, whose bytes need not be UTF-8: names of files, variables, arguments. What is not UTF-8
/// becomes a scalar of the last private plane, U+10FE00 and the byte, and `systemBytes` makes it a byte again.
extension String {
    package init(system bytes: some Collection<UInt8>) { self.init(system: Array(bytes)) }

    package init(system bytes: [UInt8]) {
        if !bytes.contains(0xF4), let text = String(validating: bytes, as: UTF8.self) {
            self = text
        } else {
            self = Self.escaping(bytes)
        }
    }

    private static let firstEscape: UInt32 = 0x10_FE00

    private static func escaping(_ bytes: [UInt8]) -> String {
        var scalars = String.UnicodeScalarView()
        var parser = Unicode.UTF8.ForwardParser()
        var rest = bytes.makeIterator()
        var index = 0
        while true {
            let (length, scalar): (Int, Unicode.Scalar?)
            switch parser.parseScalar(from: &rest) {
            case .emptyInput: return String(scalars)
            case .error(let count): (length, scalar) = (count, nil)
            case .valid(let encoded): (length, scalar) = (encoded.count, Unicode.UTF8.decode(encoded))
            }
            // A scalar that means a byte is kept apart: each of its bytes is one.
            if let scalar, scalar.value & ~0xFF != firstEscape {
                scalars.append(scalar)
            } else {
                for byte in bytes[index...].prefix(length) {  // bounded: 1 to 4 bytes
                    // bounded: 1 to 4 bytes
                    scalars.append(contentsOf: Unicode.Scalar(firstEscape | UInt32(byte)).map { [$0] } ?? [])
                }
            }
            index += length
        }
    }

    /// As the system knows it.
    package var systemBytes: [UInt8] {
        guard utf8.contains(0xF4) else { return Array(utf8) }
        return unicodeScalars.flatMap { scalar in
            scalar.value & ~0xFF == Self.firstEscape
                ? [UInt8(truncatingIfNeeded: scalar.value)] : Array(String(Character(scalar)).utf8)
        }
    }
}
